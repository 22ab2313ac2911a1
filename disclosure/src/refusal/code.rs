//! The closed list of refusal codes. Families: `Q1xx` statement, `D2xx` disclosure, `A3xx` access,
//! `N4xx` departments, `L5xx` limits, `X9xx` internal. A code never changes its meaning.

/// What a code is about; it decides how a client should react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// The statement's text.
    Statement,
    /// Disclosure control.
    Disclosure,
    /// Who may ask.
    Access,
    /// The departments.
    Departments,
    /// Limits on size and time.
    Limits,
    /// A fault of ours.
    Internal,
}

/// A stable code with a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// Not one statement.
    Q101,
    /// The statement can't be read.
    Q102,
    /// Only SELECT is answered.
    Q103,
    /// A construct that isn't offered.
    Q104,
    /// No such table.
    Q105,
    /// No such column.
    Q106,
    /// Types that don't fit.
    Q107,
    /// A function that isn't offered.
    Q108,
    /// The statement can't be planned.
    Q109,
    /// Parameters don't fit.
    Q110,
    /// A table that rows can't be looked up in.
    Q111,
    /// Rows stay where they are.
    D201,
    /// Units are only counted.
    D202,
    /// This column can't be a key.
    D203,
    /// This column can't be filtered like that.
    D204,
    /// An aggregate that returns records.
    D205,
    /// A measure's argument.
    D206,
    /// A function that isn't allowed on rows.
    D207,
    /// A shape that isn't allowed beneath a table.
    D208,
    /// Cells that can't be added up.
    D209,
    /// Only units are counted distinct.
    D210,
    /// The budget of conditions is spent.
    D211,
    /// The table would be mostly suppressed.
    D212,
    /// A join that isn't a look-up.
    D213,
    /// A join of protected datasets that isn't by their unit.
    D215,
    /// Not logged in.
    A301,
    /// A handle that isn't valid.
    A302,
    /// A department isn't connected.
    N401,
    /// A department didn't answer.
    N402,
    /// A department's answer isn't valid.
    N403,
    /// Versions differ.
    N404,
    /// The statement is too long.
    L501,
    /// The statement is nested too deeply.
    L502,
    /// The statement expands too far.
    L503,
    /// Too many groups.
    L504,
    /// The deadline has passed.
    L505,
    /// Out of memory for this query.
    L506,
    /// Too many at once.
    L507,
    /// Something went wrong inside.
    X901,
}

impl RefusalCode {
    /// Every code, in order.
    pub const ALL: [Self; 39] = [
        Self::Q101,
        Self::Q102,
        Self::Q103,
        Self::Q104,
        Self::Q105,
        Self::Q106,
        Self::Q107,
        Self::Q108,
        Self::Q109,
        Self::Q110,
        Self::Q111,
        Self::D201,
        Self::D202,
        Self::D203,
        Self::D204,
        Self::D205,
        Self::D206,
        Self::D207,
        Self::D208,
        Self::D209,
        Self::D210,
        Self::D211,
        Self::D212,
        Self::D213,
        Self::D215,
        Self::A301,
        Self::A302,
        Self::N401,
        Self::N402,
        Self::N403,
        Self::N404,
        Self::L501,
        Self::L502,
        Self::L503,
        Self::L504,
        Self::L505,
        Self::L506,
        Self::L507,
        Self::X901,
    ];

    /// The code as printed, such as `D201`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Q101 => "Q101",
            Self::Q102 => "Q102",
            Self::Q103 => "Q103",
            Self::Q104 => "Q104",
            Self::Q105 => "Q105",
            Self::Q106 => "Q106",
            Self::Q107 => "Q107",
            Self::Q108 => "Q108",
            Self::Q109 => "Q109",
            Self::Q110 => "Q110",
            Self::Q111 => "Q111",
            Self::D201 => "D201",
            Self::D202 => "D202",
            Self::D203 => "D203",
            Self::D204 => "D204",
            Self::D205 => "D205",
            Self::D206 => "D206",
            Self::D207 => "D207",
            Self::D208 => "D208",
            Self::D209 => "D209",
            Self::D210 => "D210",
            Self::D211 => "D211",
            Self::D212 => "D212",
            Self::D213 => "D213",
            Self::D215 => "D215",
            Self::A301 => "A301",
            Self::A302 => "A302",
            Self::N401 => "N401",
            Self::N402 => "N402",
            Self::N403 => "N403",
            Self::N404 => "N404",
            Self::L501 => "L501",
            Self::L502 => "L502",
            Self::L503 => "L503",
            Self::L504 => "L504",
            Self::L505 => "L505",
            Self::L506 => "L506",
            Self::L507 => "L507",
            Self::X901 => "X901",
        }
    }

    /// The page that explains the code, in Markdown.
    #[must_use]
    pub const fn page(self) -> &'static str {
        match self {
            Self::Q101 => include_str!("codes/Q101.md"),
            Self::Q102 => include_str!("codes/Q102.md"),
            Self::Q103 => include_str!("codes/Q103.md"),
            Self::Q104 => include_str!("codes/Q104.md"),
            Self::Q105 => include_str!("codes/Q105.md"),
            Self::Q106 => include_str!("codes/Q106.md"),
            Self::Q107 => include_str!("codes/Q107.md"),
            Self::Q108 => include_str!("codes/Q108.md"),
            Self::Q109 => include_str!("codes/Q109.md"),
            Self::Q110 => include_str!("codes/Q110.md"),
            Self::Q111 => include_str!("codes/Q111.md"),
            Self::D201 => include_str!("codes/D201.md"),
            Self::D202 => include_str!("codes/D202.md"),
            Self::D203 => include_str!("codes/D203.md"),
            Self::D204 => include_str!("codes/D204.md"),
            Self::D205 => include_str!("codes/D205.md"),
            Self::D206 => include_str!("codes/D206.md"),
            Self::D207 => include_str!("codes/D207.md"),
            Self::D208 => include_str!("codes/D208.md"),
            Self::D209 => include_str!("codes/D209.md"),
            Self::D210 => include_str!("codes/D210.md"),
            Self::D211 => include_str!("codes/D211.md"),
            Self::D212 => include_str!("codes/D212.md"),
            Self::D213 => include_str!("codes/D213.md"),
            Self::D215 => include_str!("codes/D215.md"),
            Self::A301 => include_str!("codes/A301.md"),
            Self::A302 => include_str!("codes/A302.md"),
            Self::N401 => include_str!("codes/N401.md"),
            Self::N402 => include_str!("codes/N402.md"),
            Self::N403 => include_str!("codes/N403.md"),
            Self::N404 => include_str!("codes/N404.md"),
            Self::L501 => include_str!("codes/L501.md"),
            Self::L502 => include_str!("codes/L502.md"),
            Self::L503 => include_str!("codes/L503.md"),
            Self::L504 => include_str!("codes/L504.md"),
            Self::L505 => include_str!("codes/L505.md"),
            Self::L506 => include_str!("codes/L506.md"),
            Self::L507 => include_str!("codes/L507.md"),
            Self::X901 => include_str!("codes/X901.md"),
        }
    }

    /// The family the code belongs to.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Q101
            | Self::Q102
            | Self::Q103
            | Self::Q104
            | Self::Q105
            | Self::Q106
            | Self::Q107
            | Self::Q108
            | Self::Q109
            | Self::Q110
            | Self::Q111 => Family::Statement,
            Self::D201
            | Self::D202
            | Self::D203
            | Self::D204
            | Self::D205
            | Self::D206
            | Self::D207
            | Self::D208
            | Self::D209
            | Self::D210
            | Self::D211
            | Self::D212
            | Self::D213
            | Self::D215 => Family::Disclosure,
            Self::A301 | Self::A302 => Family::Access,
            Self::N401 | Self::N402 | Self::N403 | Self::N404 => Family::Departments,
            Self::L501
            | Self::L502
            | Self::L503
            | Self::L504
            | Self::L505
            | Self::L506
            | Self::L507 => Family::Limits,
            Self::X901 => Family::Internal,
        }
    }

    /// The code with this text, upper or lower case.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}
