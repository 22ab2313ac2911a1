//! Expressions over the columns of one row. Every one is total: it has a value (perhaps NULL) for
//! every row, so no row can make a question fail.

use std::collections::BTreeSet;

use super::{Literal, Reference, ScalarType};
use crate::function::Function;

/// How two values of the same type are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The same comparison with its sides exchanged.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// The comparison that is true where this one is false; both have no value where a side has none.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// As SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// An expression with SQL's three-valued logic.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A column of the Dataset.
    Column(String),
    /// A value.
    Literal(Literal),
    /// A comparison; both sides have the same type.
    Compare {
        /// How.
        op: Comparison,
        /// Left side.
        left: Box<Scalar>,
        /// Right side.
        right: Box<Scalar>,
    },
    /// All are true.
    And(Vec<Scalar>),
    /// At least one is true.
    Or(Vec<Scalar>),
    /// Negation.
    Not(Box<Scalar>),
    /// Whether there is no value.
    IsNull(Box<Scalar>),
    /// Whether the value is one of a list.
    InList {
        /// The value.
        value: Box<Scalar>,
        /// The list, of the value's type.
        list: Vec<Literal>,
    },
    /// `LIKE` with a pattern written in the question.
    Like {
        /// The text.
        value: Box<Scalar>,
        /// The pattern, with `%` and `_`.
        pattern: String,
        /// Whether upper and lower case are the same.
        ignore_case: bool,
    },
    /// `CASE WHEN ... THEN ... ELSE ... END`; all results have the same type.
    Case {
        /// Condition and result, in order.
        branches: Vec<(Scalar, Scalar)>,
        /// The result if no condition is true; NULL if absent.
        otherwise: Option<Box<Scalar>>,
    },
    /// A function of the closed list.
    Call {
        /// Which.
        function: Function,
        /// Its arguments.
        args: Vec<Scalar>,
    },
    /// The value in another type; NULL if it can't be.
    Cast {
        /// The value.
        value: Box<Scalar>,
        /// The type.
        to: ScalarType,
    },
    /// What a reference says of the value: the column's value in its one row with this key. NULL if there is no such
    /// row, or the value is NULL.
    Lookup {
        /// The open dataset, and the column it is looked up by.
        reference: Reference,
        /// The column whose value it is; the key itself tells whether there is a row.
        column: String,
        /// The type of that column.
        value_type: ScalarType,
        /// The value looked up, of the key's type.
        key: Box<Scalar>,
    },
}

impl Scalar {
    /// The parts directly beneath.
    #[must_use]
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Column(_) | Self::Literal(_) => Vec::new(),
            Self::Compare { left, right, .. } => vec![left, right],
            Self::And(parts) | Self::Or(parts) | Self::Call { args: parts, .. } => {
                parts.iter().collect()
            }
            Self::Not(value)
            | Self::IsNull(value)
            | Self::InList { value, .. }
            | Self::Like { value, .. }
            | Self::Cast { value, .. }
            | Self::Lookup { key: value, .. } => vec![value],
            Self::Case { branches, otherwise } => branches
                .iter()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.iter().map(Box::as_ref))
                .collect(),
        }
    }

    /// The parts directly beneath, to be changed.
    pub(super) fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Column(_) | Self::Literal(_) => Vec::new(),
            Self::Compare { left, right, .. } => vec![left, right],
            Self::And(parts) | Self::Or(parts) | Self::Call { args: parts, .. } => {
                parts.iter_mut().collect()
            }
            Self::Not(value)
            | Self::IsNull(value)
            | Self::InList { value, .. }
            | Self::Like { value, .. }
            | Self::Cast { value, .. }
            | Self::Lookup { key: value, .. } => vec![value],
            Self::Case { branches, otherwise } => branches
                .iter_mut()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.iter_mut().map(Box::as_mut))
                .collect(),
        }
    }

    /// Gives columns other names.
    pub fn rename_columns(&mut self, rename: &dyn Fn(&mut String)) {
        if let Self::Column(name) = self {
            rename(name);
        }
        for child in self.children_mut() {
            child.rename_columns(rename);
        }
    }

    /// Levels of nesting; 1 for a column or a literal.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.children().into_iter().map(Self::depth).max().unwrap_or(0).saturating_add(1)
    }

    /// The names of all columns used.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.collect_columns(&mut names);
        names
    }

    fn collect_columns<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        if let Self::Column(name) = self {
            names.insert(name);
        }
        for child in self.children() {
            child.collect_columns(names);
        }
    }

    /// The expression with something else in the place of each column.
    #[must_use]
    pub fn with_columns(&self, other: &impl Fn(&str) -> Self) -> Self {
        let each = |parts: &[Self]| parts.iter().map(|part| part.with_columns(other)).collect();
        let boxed = |part: &Self| Box::new(part.with_columns(other));
        match self {
            Self::Column(name) => other(name),
            Self::Literal(literal) => Self::Literal(literal.clone()),
            Self::Compare { op, left, right } => {
                Self::Compare { op: *op, left: boxed(left), right: boxed(right) }
            }
            Self::And(parts) => Self::And(each(parts)),
            Self::Or(parts) => Self::Or(each(parts)),
            Self::Not(value) => Self::Not(boxed(value)),
            Self::IsNull(value) => Self::IsNull(boxed(value)),
            Self::InList { value, list } => {
                Self::InList { value: boxed(value), list: list.clone() }
            }
            Self::Like { value, pattern, ignore_case } => Self::Like {
                value: boxed(value),
                pattern: pattern.clone(),
                ignore_case: *ignore_case,
            },
            Self::Case { branches, otherwise } => Self::Case {
                branches: branches
                    .iter()
                    .map(|(when, then)| (when.with_columns(other), then.with_columns(other)))
                    .collect(),
                otherwise: otherwise.as_deref().map(boxed),
            },
            Self::Call { function, args } => Self::Call { function: *function, args: each(args) },
            Self::Cast { value, to } => Self::Cast { value: boxed(value), to: *to },
            Self::Lookup { reference, column, value_type, key } => Self::Lookup {
                reference: reference.clone(),
                column: column.clone(),
                value_type: *value_type,
                key: boxed(key),
            },
        }
    }

    /// The parts that must all be true, with nested conjunctions taken apart.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(parts) => parts.iter().flat_map(Self::conjuncts).collect(),
            other => vec![other],
        }
    }
}
