//! The rules, in the one order in which they are applied. A rule is a file: its statement, a small
//! example, the attack it stops, what it doesn't stop, its source.

pub mod dof;
pub mod dominance;
pub mod edge;
pub mod functions;
pub mod groups;
pub mod guard;
pub mod input;
pub mod keys;
pub mod labels;
pub mod measures;
pub mod memory;
pub mod noise;
pub mod others;
pub mod published;
pub mod quantiles;
pub mod references;
pub mod roll_ups;
pub mod rounding;
pub mod sparsity;
pub mod threshold;
pub mod unit_joins;

/// A rule on the question: decided from text, policy and catalogue alone, before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionRule {
    /// [`unit_joins`]
    UnitJoins,
    /// [`roll_ups`]
    RollUps,
    /// [`functions`]
    Functions,
    /// [`labels`]
    Labels,
    /// [`references`]
    References,
    /// [`input`]
    Input,
    /// [`keys`]
    Keys,
    /// [`measures`]
    Measures,
    /// [`sparsity`]
    Sparsity,
}

/// Rules on the question, in order. All are applied, so that all violations are told at once.
pub const QUESTION_RULES: [QuestionRule; 9] = [
    QuestionRule::UnitJoins,  // what follows is about the rows and terms of both
    QuestionRule::RollUps,    // what follows is about the rows that it makes
    QuestionRule::Functions,  // sizes, depth and types: what follows may rely on them
    QuestionRule::Labels,     // units before everything else: naming one is the plainest violation
    QuestionRule::References, // what rows are joined to: keys and conditions may rely on it
    QuestionRule::Input,      // which rows take part
    QuestionRule::Keys,       // which cells there are
    QuestionRule::Measures,   // what is asked of each cell
    QuestionRule::Sparsity,   // whether there would be enough in them
];

/// A rule on cells: decided from Evidence, seen by the analyst only as a cell's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRule {
    /// [`threshold`]
    Threshold,
    /// [`others`]
    Others,
    /// [`dominance`]
    Dominance,
    /// [`dof`]
    DegreesOfFreedom,
    /// [`noise`]
    Noise,
    /// [`rounding`]
    Rounding,
}

/// Rules on single cells, in order. Amounts were clamped to their declared bounds at the node, as they
/// were added up. After these come the rules that need all cells of a table: the difference guard.
pub const CELL_RULES: [CellRule; 6] = [
    CellRule::Threshold,        // too few units: nothing else about the cell matters
    CellRule::Others,           // the same for what one department doesn't know of it
    CellRule::Dominance,        // it suppresses too, and needs exact values
    CellRule::DegreesOfFreedom, // it suppresses too, and counts units before noise
    CellRule::Noise,            // before rounding, which hides how much was added
    CellRule::Rounding, // last of the rules that change a value: what is shown is a multiple of the base
];
