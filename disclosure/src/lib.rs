//! What may leave a department, and how that is decided.
//!
//! Read in this order:
//!
//! 1. [`dataset`], [`label`], [`impossible`], [`hierarchy`] and [`policy`]: what a data owner declared about a Dataset.
//! 2. [`tabulation`]: the question in closed form. It has no word for "rows". [`reference`]: open data that its rows
//!    are looked up in.
//! 3. [`rules`]: the one ordered list of rules; [`admit()`] applies those on the question and returns
//!    every violation at once, [`protect()`] applies those on cells.
//! 4. [`evidence`]: what is known of a cell, never rows; it merges in any order and any split.
//! 5. [`keyed`], [`noise`], [`guard`]: secret draws that repeat, what is added with them, and the memory of what
//!    was released.
//!    [`budget`]: how many different conditions are answered; [`answer_times`]: when answers are sent.
//! 6. [`table`]: cells with a status; [`shown`]: their values. A [`Protected`] table is the only thing an encoder takes.
//! 7. [`rebuild`]: every outgoing array is made anew, value by value.
//!    [`distinct`]: how many different values open data have, about.
//! 8. [`refusal`]: the closed list of codes; a Refusal is an answer that teaches.
//!
//! Nothing here does I/O, waits, reads a clock or draws randomness it wasn't given, and nothing here
//! knows of a query engine: the whole crate can be read by a statistician.

pub mod admit;
pub mod answer_times;
pub mod budget;
pub mod complementary;
mod condition;
pub mod dataset;
pub mod distinct;
pub mod evidence;
pub mod function;
pub mod guard;
pub mod hierarchy;
pub mod impossible;
pub mod keyed;
pub mod label;
pub mod noise;
pub mod open;
pub mod policy;
pub mod protect;
pub mod rebuild;
pub mod reference;
pub mod refusal;
pub mod rules;
pub mod shown;
pub mod table;
pub mod tabulation;

pub use admit::{Admitted, SET_COLUMN, Shape, admit, admit_joined};
pub use answer_times::AnswerTimes;
pub use dataset::{
    Bounds, Breakpoints, Column, Dataset, DatasetName, Domain, ProtectedUnit, Protection,
    ReleaseMode, UnitTotals,
};
pub use evidence::{Evidence, PartEvidence, Pooled};
pub use label::Label;
pub use open::{OpenDataset, OpenRows};
pub use policy::{Preset, Profile};
pub use protect::{Derivation, Protected, Release, protect, receive};
pub use refusal::{Refusal, RefusalCode, Refusals};
pub use shown::{ShownType, ShownValue};
pub use table::{CellStatus, ProtectedColumn, Table};
pub use tabulation::{
    Association, Comparison, Dispersion, Function, Input, Key, KeySet, Literal, Measure,
    MeasureKind, Probability, Reference, RollUp, Scalar, ScalarType, Tabulation, UnitCount,
    UnitJoin, UnitJoinKind, UnitTotal,
};
