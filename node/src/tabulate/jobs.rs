//! Units' records of cells added up, and added to what is known of the cells, by as many threads as are of use.
//!
//! The engine has one partition for what has no keys, and a few cells fall unevenly on several. Pieces are of units of
//! their own, so that any thread may take any.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use insitu_engine::common::{DataFusionError, Result};

use super::known::{Known, Reading, Reused};
use super::layout::Lanes;
use super::pieces::{Part, Room, add_up, bits_of};
use super::unwanted::StillWanted;

/// Some of the pieces of a cell.
struct Job {
    cell: usize,
    bits: u32,
    pieces: Range<usize>,
}

/// How records are added up and read.
pub(super) struct Adding<'a> {
    pub(super) lanes: &'a Lanes,
    pub(super) readings: &'a [Reading],
    pub(super) wanted: &'a StillWanted,
}

/// Records of a job, about.
const JOB_RECORDS: usize = 1 << 16;
/// With fewer records a thread isn't worth its beginning.
const THREAD_RECORDS: usize = 1 << 17;
/// Cells for each thread that fall evenly enough on the engine's partitions.
const CELLS_EVEN: usize = 8;
/// Threads at most, as the engine has.
const THREADS_MAX: usize = 8;

impl Adding<'_> {
    /// Adds these cells' parts to what is known of each: for each finding, of each cell.
    pub(super) fn add(
        &self,
        cells: &[Vec<Part>],
        known: &mut [Vec<Known>],
        room: &mut Room,
    ) -> Result<()> {
        let records = cells.iter().flatten().map(Part::count).fold(0, usize::saturating_add);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let uneven = cells.len() < cores.saturating_mul(CELLS_EVEN);
        let threads = if uneven { cores.min(records / THREAD_RECORDS) } else { 1 };
        self.add_by(threads, cells, known, room)
    }

    /// The same by so many threads.
    pub(super) fn add_by(
        &self,
        threads: usize,
        cells: &[Vec<Part>],
        known: &mut [Vec<Known>],
        room: &mut Room,
    ) -> Result<()> {
        if threads <= 1 {
            for (cell, parts) in cells.iter().enumerate() {
                let bits = bits_of(parts);
                self.each_piece(parts, bits, 0..1 << bits, room, |units, reused| {
                    for (known, reading) in known.iter_mut().zip(self.readings) {
                        if let Some(known) = known.get_mut(cell) {
                            known.add(units, reading, reused);
                        }
                    }
                })?;
            }
            return Ok(());
        }
        for (cell, found) in self.by_threads(threads, cells, room)? {
            for (known, found) in known.iter_mut().zip(found) {
                if let Some(known) = known.get_mut(cell) {
                    known.join(found);
                }
            }
        }
        Ok(())
    }

    /// What is found in each job, by this thread and others.
    fn by_threads(
        &self,
        threads: usize,
        cells: &[Vec<Part>],
        room: &mut Room,
    ) -> Result<Vec<(usize, Vec<Known>)>> {
        let jobs = self.jobs(cells);
        let next = AtomicUsize::new(0);
        let work = |room: &mut Room| {
            let mut found = Vec::new();
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut known: Vec<Known> =
                    self.readings.iter().map(|_| Known::default()).collect();
                let parts = cells.get(job.cell).map(Vec::as_slice).unwrap_or_default();
                self.each_piece(parts, job.bits, job.pieces.clone(), room, |units, reused| {
                    for (known, reading) in known.iter_mut().zip(self.readings) {
                        known.add(units, reading, reused);
                    }
                })?;
                found.push((job.cell, known));
            }
            Ok(found)
        };
        std::thread::scope(|scope| {
            let begin = || {
                let thread = std::thread::Builder::new().name("insitu-adding".to_owned());
                thread.spawn_scoped(scope, || work(&mut Room::default()))
            };
            // One that can't begin leaves its jobs to the others.
            let others: Vec<_> = (1..threads).filter_map(|_| begin().ok()).collect();
            let mut found = work(room);
            for other in others {
                let theirs = other.join().unwrap_or_else(|_| Err(panicked()));
                match (&mut found, theirs) {
                    (Ok(found), Ok(theirs)) => found.extend(theirs),
                    (Ok(_), Err(error)) => found = Err(error),
                    (Err(_), _) => {}
                }
            }
            found
        })
    }

    fn jobs(&self, cells: &[Vec<Part>]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (cell, parts) in cells.iter().enumerate() {
            let records = parts.iter().map(Part::count).fold(0, usize::saturating_add);
            let bits = bits_of(parts);
            let pieces = 1_usize << bits;
            let of_a_job = pieces / (records / JOB_RECORDS).clamp(1, pieces);
            for first in (0..pieces).step_by(of_a_job.max(1)) {
                let pieces = first..first.saturating_add(of_a_job).min(pieces);
                jobs.push(Job { cell, bits, pieces });
            }
        }
        jobs
    }

    /// Gives `take` the units of each of these pieces of a cell, and room to add them.
    fn each_piece(
        &self,
        parts: &[Part],
        bits: u32,
        pieces: Range<usize>,
        room: &mut Room,
        mut take: impl FnMut(&[u64], &mut Reused),
    ) -> Result<()> {
        for piece in pieces {
            self.wanted.look()?;
            room.units.clear();
            add_up(parts, bits, piece, self.lanes, room);
            if !room.units.is_empty() {
                take(&room.units, &mut room.reused);
            }
        }
        Ok(())
    }
}

fn panicked() -> DataFusionError {
    DataFusionError::Internal("a thread that adds up units panicked".to_owned())
}
