//! The pipeline of a streaming command: one reader, many workers, one sink that keeps the order.
//!
//! ```text
//!   reader thread ──blocks──▶ rayon workers ──results, any order──▶ sink thread, in file order
//!        ▲                                                              │
//!        └───────────────────── empty buffers ◀────────────────────────┘
//! ```
//!
//! The number of buffers is fixed, and a block is always in one of them: that alone bounds the memory, and it
//! makes every channel send non-blocking. Nothing can wait in a circle: workers wait for the reader, the reader
//! for an empty buffer, the sink for the oldest block, and the oldest block is always in a worker's hands or
//! first in its queue.
//!
//! The workers are one `rayon::broadcast`, so they are the threads of the pool in which the caller runs, one
//! thread included. Jobs spawned one by one would not do: a `work` that uses rayon itself may, while it waits,
//! pick up any spawned job, and so would wait for a block inside the block that holds everything up.
//!
//! Errors come in file order too: the sink sees block after block, so the first error that it meets is the first
//! in the file, whichever thread found it and whenever.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use crate::error::{Error, Result};

use super::block::{Block, Source};

/// Buffers beyond one per worker: one with the reader, one with the sink, and two so that neither starves while
/// a slow block holds up the order.
const SPARE_BUFFERS: usize = 4;

/// A block on its way, with the caller's result for it.
#[derive(Default)]
struct Job<T> {
    number: u64,
    block: Block,
    result: T,
}

/// What became of a block; errors and panics travel in its place so that they keep the order.
enum Outcome<T> {
    Done { job: Job<T>, rows: u64 },
    Failed(Error),
    Panicked(Box<dyn Any + Send>),
}

/// Carries every block of `source` through `work`, in parallel, and then through `sink`, in file order. Gives the
/// number of data rows.
///
/// `work` fills the `T` for a block and returns the number of records it found there. Each `T` is reused for
/// many blocks: it comes with whatever the last block left in it. `work` must not depend on anything but the
/// block; then the outcome doesn't depend on the number of threads either. `sink` knows the block's first row.
///
/// Runs on the caller's rayon pool, and reader and sink on a thread each. At most `2 * threads + 4` blocks are
/// held at a time.
///
/// # Errors
/// The first one in file order, whether of `source`, `work` or `sink`; nothing after it reaches the sink. A row
/// named by `source` or `work` is relative to the block (its first record is row 1) and made absolute here; a row
/// named by `sink` is taken as it is. A reader that is blocked in a read is waited for.
///
/// # Panics
/// If `source`, `work` or `sink` does.
pub fn pump<S, T, W, K>(source: &mut S, work: W, sink: K) -> Result<u64>
where
    S: Source + Send,
    T: Default + Send,
    W: Fn(&Block, &mut T) -> Result<u64> + Sync,
    K: FnMut(&Block, &mut T) -> Result<()> + Send,
{
    let (give_empty, empty) = channel();
    let (give_job, jobs) = channel();
    let (give_outcome, outcomes) = channel();
    for _ in 0..2 * rayon::current_num_threads() + SPARE_BUFFERS {
        // Can't fail while `empty` lives.
        let _ = give_empty.send(Job::default());
    }
    let jobs = Mutex::new(jobs);
    let stop = AtomicBool::new(false);

    thread::scope(|threads| {
        let (stop, reader_outcome) = (&stop, give_outcome.clone());
        let reader = threads.spawn(move || read(source, &empty, &give_job, &reader_outcome, stop));
        let sink = threads.spawn(move || {
            // Whichever way the sink ends, a panic included, the others learn of it.
            let _stop = StopOnDrop(stop);
            drain(&outcomes, &give_empty, sink)
        });
        rayon::broadcast(|_| toil(&jobs, &give_outcome, &work, stop));
        drop(give_outcome);
        let read = reader.join();
        let outcome = sink.join().unwrap_or_else(|panic| resume_unwind(panic));
        read.unwrap_or_else(|panic| resume_unwind(panic));
        outcome
    })
}

/// The same in the caller's thread alone, for what is too little to be shared out. `result` is for all blocks.
///
/// # Errors
/// As there.
pub fn here<S: Source, T>(
    source: &mut S,
    result: &mut T,
    mut work: impl FnMut(&Block, &mut T) -> Result<u64>,
    mut sink: impl FnMut(&Block, &mut T) -> Result<()>,
) -> Result<u64> {
    let (mut block, mut rows_before) = (Block::default(), 0);
    while source.next_block(&mut block)? {
        let rows = work(&block, result).map_err(|error| error.after_rows(rows_before))?;
        block.rows_before = rows_before;
        sink(&block, result)?;
        rows_before += rows;
    }
    Ok(rows_before)
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The reader: fills empty buffers until the file ends, fails, or the sink has stopped.
fn read<S: Source, T>(
    source: &mut S,
    empty: &Receiver<Job<T>>,
    jobs: &Sender<Job<T>>,
    outcomes: &Sender<(u64, Outcome<T>)>,
    stop: &AtomicBool,
) {
    for number in 0.. {
        let Ok(mut job) = empty.recv() else { return };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        job.number = number;
        match source.next_block(&mut job.block) {
            Ok(true) if jobs.send(job).is_ok() => {}
            Ok(_) => return,
            Err(error) => {
                let _ = outcomes.send((number, Outcome::Failed(error)));
                return;
            }
        }
    }
}

/// A worker: takes blocks until there are no more.
fn toil<T>(
    jobs: &Mutex<Receiver<Job<T>>>,
    outcomes: &Sender<(u64, Outcome<T>)>,
    work: &(impl Fn(&Block, &mut T) -> Result<u64> + Sync),
    stop: &AtomicBool,
) {
    loop {
        // The lock is held while waiting: the other workers have nothing to do then either.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = next else { return };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let number = job.number;
        // The panic is raised again by the sink, in its turn, so the unfinished `T` is seen by nobody.
        let worked = catch_unwind(AssertUnwindSafe(|| work(&job.block, &mut job.result)));
        let outcome = match worked {
            Ok(Ok(rows)) => Outcome::Done { job, rows },
            Ok(Err(error)) => Outcome::Failed(error),
            Err(panic) => Outcome::Panicked(panic),
        };
        if outcomes.send((number, outcome)).is_err() {
            return;
        }
    }
}

/// The sink: puts the blocks back in order, counts the rows and returns the buffers.
fn drain<T>(
    outcomes: &Receiver<(u64, Outcome<T>)>,
    empty: &Sender<Job<T>>,
    mut sink: impl FnMut(&Block, &mut T) -> Result<()>,
) -> Result<u64> {
    // Never longer than the number of buffers.
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut rows_before = 0;
    for (number, outcome) in outcomes {
        early.insert(number, outcome);
        while let Some(outcome) = early.remove(&next) {
            match outcome {
                Outcome::Done { mut job, rows } => {
                    job.block.rows_before = rows_before;
                    sink(&job.block, &mut job.result)?;
                    rows_before += rows;
                    // Fails only when the reader has finished, and then nobody needs the buffer.
                    let _ = empty.send(job);
                }
                Outcome::Failed(error) => return Err(error.after_rows(rows_before)),
                Outcome::Panicked(panic) => resume_unwind(panic),
            }
            next += 1;
        }
    }
    Ok(rows_before)
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use rayon::prelude::*;

    use super::*;
    use crate::table::format::{
        block::{Options, Reading},
        csv::{Blocks, Dialect, Fields, Records, check_width, open},
    };

    const ROWS: u64 = 2000;

    fn file() -> String {
        (1..=ROWS).fold("id,note\n".to_owned(), |file, row| file + &format!("{row},\"a\n{row}\"\n"))
    }

    fn blocks(file: &str) -> (Dialect, Blocks<&[u8]>) {
        let options = Options { block_bytes: 100, ..Options::new(Reading::Strict) };
        let (head, blocks) = open(file.as_bytes(), None, options).unwrap();
        (head.dialect, blocks)
    }

    /// Counts and checks the rows of a block, as every worker does.
    fn count(block: &Block, dialect: Dialect) -> Result<u64> {
        let (mut records, mut fields, mut rows) = (Records::of(block, dialect), Fields::default(), 0);
        while records.next_record(&mut fields) {
            rows += 1;
            check_width(rows, fields.len(), 2)?;
        }
        Ok(rows)
    }

    /// Pumps in a pool of its own size; gives the copy and the first row of every block.
    fn pumped(file: &str, threads: usize) -> (Result<u64>, Vec<u8>, Vec<u64>) {
        let (dialect, mut blocks) = blocks(file);
        let (mut copy, mut first_rows) = (Vec::new(), Vec::new());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let work = |block: &Block, out: &mut Vec<u8>| {
            // Makes early blocks the slow ones, so that results arrive out of order.
            if block.bytes().len().is_multiple_of(3) {
                thread::sleep(Duration::from_micros(200));
            }
            out.clear();
            out.extend_from_slice(block.bytes());
            count(block, dialect)
        };
        let rows = pool.install(|| {
            pump(&mut blocks, work, |block, out| {
                first_rows.push(block.first_row());
                copy.extend_from_slice(out);
                Ok(())
            })
        });
        (rows, copy, first_rows)
    }

    #[test]
    fn any_number_of_threads_gives_the_same() {
        let file = file();
        let (rows, copy, first_rows) = pumped(&file, 1);
        assert_eq!(rows.unwrap(), ROWS);
        assert_eq!(copy, &file.as_bytes()[b"id,note\n".len()..]);
        assert!(first_rows.len() > 100 && first_rows[0] == 1 && first_rows.is_sorted());
        for threads in [2, 8] {
            let again = pumped(&file, threads);
            assert_eq!((again.0.unwrap(), again.1, again.2), (ROWS, copy.clone(), first_rows.clone()));
        }
    }

    #[test]
    fn the_first_error_of_the_file_wins_and_names_the_absolute_row() {
        let broken = file().replace("\n900,", "\n900,,").replace("\n1234,", "\n1234,,") + "x,\"y";
        for threads in [1, 2, 8] {
            let (result, copy, _) = pumped(&broken, threads);
            assert_eq!(result.unwrap_err().to_string(), "row 900: row has 3 fields, the header has 2");
            assert!(copy.len() < broken.find("\n900,").unwrap(), "nothing of the block is given");
        }
        let unclosed = file() + "x,\"y\nz";
        let (result, ..) = pumped(&unclosed, 2);
        assert_eq!(result.unwrap_err().to_string(), "row 2001: a quote opens here and never closes");
    }

    #[test]
    fn one_thread_alone_gives_the_same_too() {
        let file = file();
        let (dialect, mut blocks) = blocks(&file);
        let (mut copy, mut first_rows) = (Vec::new(), Vec::new());
        let sink = |block: &Block, _: &mut ()| {
            first_rows.push(block.first_row());
            copy.extend_from_slice(block.bytes());
            Ok(())
        };
        let rows = here(&mut blocks, &mut (), |block, ()| count(block, dialect), sink);
        assert_eq!((rows.unwrap(), copy, first_rows), {
            let (rows, copy, first_rows) = pumped(&file, 2);
            (rows.unwrap(), copy, first_rows)
        });
        let broken = file.replace("\n900,", "\n900,,");
        let (dialect, mut blocks) = self::blocks(&broken);
        let error =
            here(&mut blocks, &mut (), |block, ()| count(block, dialect), |_, ()| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), pumped(&broken, 2).0.unwrap_err().to_string());
    }

    #[test]
    fn an_error_of_the_sink_stops_the_reader() {
        let long = file().repeat(20);
        let (_, mut blocks) = blocks(&long);
        let worked = AtomicUsize::new(0);
        let work = |_: &Block, _: &mut ()| {
            worked.fetch_add(1, Ordering::Relaxed);
            Ok(1)
        };
        let result = pump(&mut blocks, work, |block, ()| match block.first_row() {
            5 => Err(Error::usage("full").at_row(5)),
            _ => Ok(()),
        });
        assert_eq!(result.unwrap_err().to_string(), "row 5: full");
        // Five blocks, and no more than there are buffers besides.
        let most = 5 + 2 * rayon::current_num_threads() + SPARE_BUFFERS;
        assert!(worked.load(Ordering::Relaxed) <= most);
    }

    #[test]
    fn a_panic_in_work_or_sink_is_raised_again() {
        let file = file();
        for (in_work, threads) in [(true, 1), (true, 2), (false, 1), (false, 2)] {
            let (_, mut blocks) = blocks(&file);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let work = |block: &Block, _: &mut ()| {
                    assert!(!in_work || !block.bytes().starts_with(b"1"), "asked for");
                    Ok(1)
                };
                pool.install(|| pump(&mut blocks, work, |_, ()| panic!("asked for")))
            }));
            assert!(caught.is_err());
        }
    }

    #[test]
    fn work_may_use_rayon_itself() {
        let file = file();
        for threads in [1, 2, 8] {
            let (dialect, mut blocks) = blocks(&file);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let work = |block: &Block, sum: &mut u64| {
                *sum = block.bytes().par_iter().map(|&byte| u64::from(byte)).sum();
                count(block, dialect)
            };
            let mut total = 0;
            let rows = pool.install(|| {
                pump(&mut blocks, work, |_, sum| {
                    total += *sum;
                    Ok(())
                })
            });
            assert_eq!(rows.unwrap(), ROWS);
            assert_eq!(total, file["id,note\n".len()..].bytes().map(u64::from).sum::<u64>());
        }
    }

    #[test]
    fn an_empty_table_has_no_rows() {
        assert_eq!(pumped("id,note\n", 2).0.unwrap(), 0);
    }
}
