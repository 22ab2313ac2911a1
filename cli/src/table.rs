//! An answer as a table for people: statuses in their values' place, as wide as the terminal.
//!
//! ```text
//! area        n
//! ────────  ────
//! Leeds     1205
//! Kirklees   [c]
//! 2 rows; 1 cell suppressed [c]
//! ```

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::ArrowError;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::answer::{Answer, ShownColumn, goes_unsaid, meaning, sign};
use crate::terminal::{Style, printable};

/// Columns of text aren't cut shorter than this.
const TEXT_WIDTH_MIN: usize = 8;
/// Between two columns.
const GAP: &str = "  ";
/// A value that isn't there, for no reason of disclosure control.
const NULL: &str = "NULL";

/// A column, ready to be printed.
struct PrintedColumn {
    heading: String,
    is_number: bool,
    cells: Vec<String>,
    width: usize,
}

/// The answer in lines. Numbers are never cut short: a number cut short is another number. Text is,
/// if the table is wider than `width_max`; then columns on the right are left out.
pub(crate) fn lines(
    answer: &Answer,
    width_max: Option<usize>,
    style: Style,
) -> Result<Vec<String>, ArrowError> {
    let mut columns = answer
        .shown_columns()
        .iter()
        .map(|column| printed(answer, *column))
        .collect::<Result<Vec<_>, _>>()?;
    let left_out = width_max.map_or(0, |width_max| fit(&mut columns, width_max));
    let mut lines = vec![
        style.bold(line(columns.iter().map(|column| (column, column.heading.as_str())))),
        style.dim(
            columns.iter().map(|column| "─".repeat(column.width)).collect::<Vec<_>>().join(GAP),
        ),
    ];
    for row in 0..answer.rows() {
        lines.push(line(
            columns.iter().map(|column| (column, column.cells.get(row).map_or("", String::as_str))),
        ));
    }
    lines.push(style.dim(footer(answer)));
    if 0 < left_out {
        let more = plural(left_out, "column");
        lines.push(
            style.dim(format!("{more} left out for want of width; `--format csv` shows all")),
        );
    }
    Ok(lines)
}

/// How many rows there are, and how many cells aren't ordinary values.
pub(crate) fn footer(answer: &Answer) -> String {
    let mut footer = plural(answer.rows(), "row");
    for (sign, count) in answer.signs() {
        footer.push_str(&format!(
            "; {} {} [{}]",
            plural(count, "cell"),
            meaning(&sign),
            printable(&sign)
        ));
    }
    // Above an aggregation nothing else tells that something is missing.
    if answer.suppressed() == 0 && 0 < answer.suppressed_beneath() {
        let most = answer.suppressed_beneath();
        footer.push_str(&format!("; computed without up to {most} suppressed cells"));
    }
    footer
}

/// `1 row`, `2 rows`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn printed(answer: &Answer, column: ShownColumn) -> Result<PrintedColumn, ArrowError> {
    let field = answer.schema().field(column.values);
    // Within a histogram a bin without a count is a suppressed one.
    let options = FormatOptions::default().with_null("[c]");
    let mut cells = Vec::with_capacity(answer.rows());
    for batch in answer.batches() {
        let values = batch.column(column.values);
        let statuses = column.statuses.map(|place| batch.column(place));
        let formatter = ArrayFormatter::try_new(values, &options)?;
        for row in 0..batch.num_rows() {
            let sign = statuses.and_then(|statuses| sign(statuses, row)).map(printable);
            let value = if values.is_valid(row) {
                Some(formatter.value(row).try_to_string()?)
            } else {
                None
            };
            cells.push(match (value, sign) {
                (Some(value), None) => printable(&value),
                (Some(value), Some(sign)) if goes_unsaid(&sign) => printable(&value),
                (Some(value), Some(sign)) => format!("{} [{sign}]", printable(&value)),
                (None, Some(sign)) => format!("[{sign}]"),
                (None, None) => NULL.to_owned(),
            });
        }
    }
    let is_number = field.data_type().is_numeric();
    if is_number {
        align(&mut cells);
    }
    let heading = printable(field.name());
    let width = cells.iter().map(|cell| cell.width()).chain([heading.width()]).max().unwrap_or(0);
    Ok(PrintedColumn { heading, is_number, cells, width })
}

/// Digits beneath digits, where some values have a remark behind them.
fn align(cells: &mut [String]) {
    let remark = |cell: &str| cell.find(" [").map_or(0, |at| cell.len().saturating_sub(at));
    let widest = cells.iter().map(|cell| remark(cell)).max().unwrap_or(0);
    for cell in cells.iter_mut().filter(|cell| !cell.starts_with('[')) {
        let missing = widest.saturating_sub(remark(cell));
        cell.push_str(&" ".repeat(missing));
    }
}

fn total_width(columns: &[PrintedColumn]) -> usize {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    columns.iter().map(|column| column.width).sum::<usize>() + gaps
}

/// Makes the columns fit: text is cut, and if that isn't enough the last column goes, again and
/// again. Gives the number of columns left out.
fn fit(columns: &mut Vec<PrintedColumn>, width_max: usize) -> usize {
    let natural: Vec<usize> = columns.iter().map(|column| column.width).collect();
    let mut left_out = 0;
    loop {
        // Where a column has gone, the others have more room than before.
        for (column, natural) in columns.iter_mut().zip(&natural) {
            column.width = *natural;
        }
        shorten_text(columns, width_max);
        if total_width(columns) <= width_max || columns.len() <= 1 {
            return left_out;
        }
        columns.pop();
        left_out += 1;
    }
}

/// Narrows the widest column of text, again and again, until the table fits or nothing gives.
fn shorten_text(columns: &mut [PrintedColumn], width_max: usize) {
    while width_max < total_width(columns) {
        let excess = total_width(columns) - width_max;
        let texts =
            columns.iter_mut().filter(|column| !column.is_number && TEXT_WIDTH_MIN < column.width);
        let Some(widest) = texts.max_by_key(|column| column.width) else { return };
        // A quarter at most in one go, so that two wide columns share the loss.
        let loss = excess.min(widest.width.div_ceil(4)).min(widest.width - TEXT_WIDTH_MIN);
        widest.width -= loss;
    }
}

/// One line of the table, without spaces at its end.
fn line<'a>(cells: impl Iterator<Item = (&'a PrintedColumn, &'a str)>) -> String {
    let mut line = String::new();
    for (place, (column, cell)) in cells.enumerate() {
        if 0 < place {
            line.push_str(GAP);
        }
        let cell = cut(cell, column.width);
        let padding = " ".repeat(column.width.saturating_sub(cell.width()));
        if column.is_number {
            line.push_str(&padding);
            line.push_str(&cell);
        } else {
            line.push_str(&cell);
            line.push_str(&padding);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text, cut to a width with `…` at its end.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if width < used {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};

    use super::*;
    use crate::answer::tests::{distribution, sample};

    #[test]
    fn statuses_stand_in_their_values_place() {
        let lines = lines(&sample(), None, Style::Plain).unwrap();
        assert_eq!(
            lines,
            [
                "area         n",
                "────────  ────",
                "Leeds     1205",
                "Kirklees   [c]",
                "NULL        15",
                "3 rows; 1 cell suppressed [c]",
            ]
        );
    }

    #[test]
    fn an_estimate_stands_as_it_is_and_a_hidden_bin_shows_as_one() {
        assert_eq!(
            lines(&distribution(), None, Style::Plain).unwrap(),
            [
                "median  bins",
                "──────  ─────────────",
                " 184.4  [40, [c], 35]",
                "   [c]  [c]",
                "2 rows; 2 cells suppressed [c]; 1 cell estimated [e]",
            ]
        );
    }

    fn wide() -> Answer {
        let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("first", text("abcdefghijklmnopqrst")),
            ("second", text("日本語日本語日本語")),
            ("number", Arc::new(Float64Array::from(vec![1234.5])) as ArrayRef),
        ]);
        let batch = batch.unwrap();
        Answer::new(batch.schema(), vec![batch])
    }

    #[test]
    fn text_is_cut_to_the_width_and_numbers_are_not() {
        let lines = lines(&wide(), Some(34), Style::Plain).unwrap();
        assert!(lines.iter().all(|line| line.width() <= 34), "{lines:#?}");
        assert!(lines[2].contains('…') && lines[2].ends_with("1234.5"), "{lines:#?}");
    }

    #[test]
    fn columns_that_have_no_room_are_left_out_and_counted() {
        let lines = lines(&wide(), Some(12), Style::Plain).unwrap();
        assert_eq!(lines[2], "abcdefghijk…");
        assert!(lines[4].starts_with("2 columns left out"), "{lines:#?}");
    }

    #[test]
    fn a_cut_never_splits_a_wide_character() {
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("日本語", 6), "日本語");
    }

    #[test]
    fn suppressed_cells_beneath_are_told_where_no_cell_tells() {
        assert_eq!(footer(&sample().over(5)), "3 rows; 1 cell suppressed [c]");
        assert_eq!(footer(&wide().over(5)), "1 row; computed without up to 5 suppressed cells");
        assert_eq!(footer(&wide()), "1 row");
    }

    #[test]
    fn a_remark_stands_beside_its_value_and_digits_stay_aligned() {
        let batch = sample().batches()[0].clone();
        let mut columns = batch.columns().to_vec();
        columns[2] = Arc::new(StringArray::from(vec!["", "c", "u"]));
        let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
        let answer = Answer::new(batch.schema(), vec![batch]);
        let lines = lines(&answer, None, Style::Plain).unwrap();
        assert_eq!(lines[2..5], ["Leeds     1205", "Kirklees       [c]", "NULL        15 [u]"]);
        assert_eq!(lines[5], "3 rows; 1 cell suppressed [c]; 1 cell unreliable [u]");
    }

    #[test]
    fn an_empty_answer_still_has_headings() {
        let empty = Answer::new(Arc::clone(sample().schema()), Vec::new());
        assert_eq!(lines(&empty, None, Style::Plain).unwrap(), ["area  n", "────  ─", "0 rows"]);
    }
}
