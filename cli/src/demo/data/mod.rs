//! The demo's data: four real open files, and people who never existed.
//!
//! Real: three months of West Yorkshire street crime and the 2011 census by small area, embedded
//! unaltered from `deploy/demo/`. Invented: one seeded [`people::Population`] of 100,000 residents
//! of the five West Yorkshire districts, living in real small areas in real proportions, from which
//! three departments' tables are drawn. The tables share people, so that a join across departments
//! finds something; its truth is known, so that an answer can be checked.
//!
//! Every number follows from [`people::SEED`] by integer and basic floating-point arithmetic alone:
//! the same bytes on every machine. Read in this order.

/// The small areas of West Yorkshire, out of the census file.
pub(crate) mod areas;
/// `councils.council_tax`, one batch for each council.
pub(crate) mod council;
/// `dwp.claims`.
pub(crate) mod dwp;
/// `health.episodes`.
pub(crate) mod health;
/// NHS numbers nobody has.
pub(crate) mod nhs_number;
/// A batch as the Parquet file a node reads.
pub(crate) mod parquet_file;
/// The population that the departments share.
pub(crate) mod people;
/// The embedded real files.
pub(crate) mod real;
/// The generator of everything random here.
pub(crate) mod seeded;
