//! The gate's limits: a number on everything that a statement can make large.
//!
//! The figures are judgements: wide enough for statements people write,
//! narrow enough that neither parser nor planner can be occupied for long. They are parameters of
//! the gate and not constants in its code, so that a test can tighten one at a time.

/// How much of everything one statement may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of SQL text.
    pub bytes_max: usize,
    /// Tokens, comments and blanks not counted.
    pub tokens_max: usize,
    /// Bytes of one name or one number.
    pub name_bytes_max: usize,
    /// Operators before an operand, one after the other: `NOT NOT …`, `- - …`, `INTERVAL INTERVAL
    /// …`, `ARRAY<ARRAY<…`.
    pub prefixes_max: usize,
    /// Brackets, or `CASE`s, open at once.
    pub brackets_max: usize,
    /// `SELECT`s open at once, counted on tokens: it bounds what a parser can try twice.
    pub selects_max: usize,
    /// Operators open at once, counted on tokens: it bounds the depth of the tree a parser builds.
    pub operators_max: usize,
    /// The parser's own recursion limit.
    pub recursion_max: usize,
    /// Depth of the syntax tree, left-deep chains such as `1 + 1 + …` counted.
    pub depth_max: usize,
    /// Subqueries and derived tables inside each other, after expansion of CTEs.
    pub subqueries_max: u64,
    /// CTEs and derived tables one upon the other, after expansion of CTEs.
    pub levels_max: u64,
    /// Tables read, after expansion of CTEs.
    pub relations_max: u64,
    /// Joins of one `SELECT`.
    pub joins_max: usize,
    /// Joins in all, after expansion of CTEs.
    pub joins_total_max: u64,
    /// Arms of `UNION`, `EXCEPT` and `INTERSECT`, after expansion of CTEs.
    pub arms_max: u64,
    /// Grouping sets, `CUBE` and `ROLLUP` multiplied out, after expansion of CTEs.
    pub grouping_sets_max: u64,
    /// Items of one `SELECT` list.
    pub items_max: usize,
    /// Keys of one `ORDER BY`: the engine writes out "less than the last that is kept" over all of them.
    pub order_keys_max: usize,
    /// Rows of one `VALUES` list.
    pub rows_max: usize,
    /// Column references once every column is replaced by the expression behind it.
    pub references_max: u64,
    /// The largest parameter: `$100`.
    pub parameters_max: u16,
}

impl Limits {
    /// The limits of a gateway in service.
    pub const STANDARD: Self = Self {
        bytes_max: 64 * 1024,
        tokens_max: 8_000,
        name_bytes_max: 128,
        prefixes_max: 32,
        brackets_max: 64,
        selects_max: 8,
        operators_max: 1_024,
        recursion_max: 50,
        depth_max: 256,
        subqueries_max: 4,
        levels_max: 32,
        relations_max: 64,
        joins_max: 8,
        joins_total_max: 32,
        arms_max: 32,
        grouping_sets_max: 64,
        items_max: 200,
        order_keys_max: 32,
        rows_max: 1_000,
        references_max: 4_096,
        parameters_max: 100,
    };
}
