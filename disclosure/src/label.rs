//! What a column may be used for. Every column has a label, and without one it is [`Label::Hidden`].

use serde::{Deserialize, Serialize};

/// The use a data owner allows of a column. Default deny: [`Label::Hidden`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Identifies the protected unit. Counted distinct; never selected, grouped or compared.
    Unit,
    /// Selected, grouped and filtered: a code list, an area, a band.
    Dimension,
    /// Filtered only, at published breakpoints.
    Filter,
    /// Aggregated only, within declared bounds.
    Measure,
    /// Nothing; it isn't in the catalogue either.
    #[default]
    Hidden,
}

impl Label {
    /// All labels, in the order the handbook lists them.
    pub const ALL: [Self; 5] =
        [Self::Unit, Self::Dimension, Self::Filter, Self::Measure, Self::Hidden];

    /// The word used in configuration and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Dimension => "dimension",
            Self::Filter => "filter",
            Self::Measure => "measure",
            Self::Hidden => "hidden",
        }
    }
}
