//! Figures as they are found: printed at once, kept for JSON and for the page.

use serde_json::{Value, json};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    figures: Vec<Figure>,
}

/// A figure with what is aimed at, in its own unit.
#[derive(Debug)]
pub(super) struct Figure {
    name: String,
    value: f64,
    shown: String,
    target: String,
}

impl Report {
    /// Prints the figure and keeps it. One that takes long to find shows that those before it are done.
    pub(super) fn add(&mut self, figure: Figure) {
        println!("{:<58} {:>14} {:>14}", figure.name, figure.shown, figure.target);
        self.figures.push(figure);
    }

    /// Something to know that isn't a number.
    pub(super) fn note(&self, text: &str) {
        println!("{text}");
    }

    /// All figures.
    pub(super) fn json(&self) -> Vec<Value> {
        self.figures.iter().map(Figure::json).collect()
    }

    /// All figures as a table for the page.
    pub(super) fn markdown(&self) -> String {
        let mut table = "| | measured | aimed at |\n|---|---|---|\n".to_owned();
        for Figure { name, shown, target, .. } in &self.figures {
            table.push_str(&format!("| {name} | {shown} | {target} |\n"));
        }
        table
    }
}

impl Figure {
    /// A time in milliseconds.
    pub(super) fn ms(name: impl Into<String>, seconds: f64, target: &str) -> Self {
        Self::of(name, seconds * 1_000.0, "ms", target)
    }

    /// A number with its unit.
    pub(super) fn of(name: impl Into<String>, value: f64, unit: &str, target: &str) -> Self {
        let shown = if value.abs() < 10.0 {
            format!("{value:.2} {unit}")
        } else {
            format!("{value:.1} {unit}")
        };
        let shown = shown.trim().to_owned();
        Self { name: name.into(), value, shown, target: target.to_owned() }
    }

    /// In a figure's place: it wasn't answered, with the error's class. Its value is null in JSON.
    pub(super) fn failed(name: impl Into<String>, class: &str) -> Self {
        let shown = format!("failed: {class}");
        Self { name: name.into(), value: f64::NAN, shown, target: String::new() }
    }

    fn json(&self) -> Value {
        let Self { name, value, shown, target } = self;
        json!({ "name": name, "value": value, "shown": shown, "target": target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_that_failed_is_a_line_of_its_own_without_a_number() {
        let mut report = Report::default();
        report.add(Figure::failed("a peer", "Error during planning"));
        assert_eq!(report.json()[0]["value"], Value::Null);
        assert!(report.markdown().contains("| a peer | failed: Error during planning |"));
    }
}
