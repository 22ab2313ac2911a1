//! What queries hand to the queries around them, for `inlining.rs`: columns with a name and a
//! weight.

use std::rc::Rc;

use sqlparser::ast::TableAlias;

use super::from::normal;

/// The tables of a `SELECT`, each under the name it is referred to by.
pub(super) type Tables = Vec<(Option<String>, Rc<Output>)>;

/// What a query hands to the one around it.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) columns: Vec<Column>,
    /// Whether it also has columns of a real table, whose names aren't known here. They weigh one.
    pub(super) open: bool,
}

/// One column of an output.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// `None` for an expression without an alias.
    pub(super) name: Option<String>,
    pub(super) weight: u64,
}

impl Output {
    /// A real table: nothing is known of its columns.
    pub(super) const fn table() -> Self {
        Self { columns: Vec::new(), open: true }
    }

    fn find(&self, name: &str) -> Option<u64> {
        let named = self.columns.iter().filter(|column| column.name.as_deref() == Some(name));
        named.map(|column| column.weight).max()
    }

    /// The heaviest column without a name that is known here.
    fn unnamed(&self) -> u64 {
        let unnamed = self.columns.iter().filter(|column| column.name.is_none());
        unnamed.map(|column| column.weight).max().unwrap_or(1)
    }

    fn heaviest(&self) -> u64 {
        self.columns.iter().map(|column| column.weight).max().unwrap_or(1)
    }

    /// The columns under the names of an alias such as `AS d (a, b)`.
    pub(super) fn renamed(self, names: &TableAlias) -> Self {
        if names.columns.is_empty() {
            return self;
        }
        let heaviest = self.heaviest();
        let by_position = !self.open && self.columns.len() == names.columns.len();
        let columns = names.columns.iter().enumerate().map(|(position, column)| Column {
            name: Some(normal(&column.name)),
            weight: self
                .columns
                .get(position)
                .filter(|_| by_position)
                .map_or(heaviest, |column| column.weight),
        });
        Self { columns: columns.collect(), open: self.open }
    }

    /// The rows of both arms of a set operation: columns meet by position.
    pub(super) fn combined(mut self, other: &Self) -> Self {
        let by_position = !self.open && !other.open && self.columns.len() == other.columns.len();
        let heaviest = other.heaviest();
        for (position, column) in self.columns.iter_mut().enumerate() {
            let met = other.columns.get(position).filter(|_| by_position);
            column.weight = column.weight.max(met.map_or(heaviest, |met| met.weight));
        }
        if self.columns.is_empty() && heaviest > 1 {
            self.columns.push(Column { name: None, weight: heaviest });
        }
        self.open |= other.open;
        self
    }
}

/// Where a name is looked up: the tables of a `SELECT`, its own list, then the query around it.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) tables: &'s [(Option<String>, Rc<Output>)],
    pub(super) own: Option<&'s Output>,
    pub(super) outer: Option<&'s Scope<'s>>,
}

impl Scope<'_> {
    /// The weight of a column; 1 for one of a real table.
    pub(super) fn weight(&self, qualifier: Option<&str>, name: &str) -> u64 {
        let fits = |alias: &Option<String>| qualifier.is_none() || alias.as_deref() == qualifier;
        let tables =
            || self.tables.iter().filter(|(alias, _)| fits(alias)).map(|(_, output)| output);
        let found = tables().filter_map(|output| output.find(name)).max();
        let own = self.own.filter(|_| qualifier.is_none()).and_then(|own| own.find(name));
        if let Some(weight) = found.max(own) {
            return weight;
        }
        let unnamed = tables().map(|output| output.unnamed()).max().unwrap_or(1);
        self.outer.map_or(1, |outer| outer.weight(qualifier, name)).max(unnamed)
    }
}
