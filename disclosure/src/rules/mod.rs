//! The rules, in the one order in which they are applied. A rule is a file: its statement, a small
//! example, the attack it stops, what it doesn't stop, its source.

pub mod functions;
pub mod input;
pub mod keys;
pub mod labels;
pub mod measures;
pub mod rounding;
pub mod threshold;

/// A rule on the question: decided from text, policy and catalogue alone, before anything is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionRule {
    /// [`functions`]
    Functions,
    /// [`labels`]
    Labels,
    /// [`input`]
    Input,
    /// [`keys`]
    Keys,
    /// [`measures`]
    Measures,
}

/// Rules on the question, in order. All are applied, so that all violations are told at once.
pub const QUESTION_RULES: [QuestionRule; 5] = [
    QuestionRule::Functions, // sizes, depth and types: what follows may rely on them
    QuestionRule::Labels,    // units before everything else: naming one is the plainest violation
    QuestionRule::Input,     // which rows take part
    QuestionRule::Keys,      // which cells there are
    QuestionRule::Measures,  // what is asked of each cell
];

/// A rule on cells: decided from Evidence, seen by the analyst only as a cell's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellRule {
    /// [`threshold`]
    Threshold,
    /// [`rounding`]
    Rounding,
}

/// Rules on cells, in order.
pub const CELL_RULES: [CellRule; 2] = [
    // clamping to declared bounds happens as rows are added up, at the node
    CellRule::Threshold, // too few units: nothing else about the cell matters
    // dominance, degrees of freedom: here, because they too suppress, and need exact values
    // noise, difference guard: here, before rounding hides how much was added
    CellRule::Rounding, // last of the rules that change a value: what is shown is a multiple of the base
                        // complementary suppression: here, because it protects what is already suppressed
];
