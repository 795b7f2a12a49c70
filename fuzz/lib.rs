//! What all targets share: the seeds, the mutations and the drive of the test `fuzz` in `tests/it`.
//!
//! A file is what `libfuzzer` gives, or a mutation of a seed that it chooses, so that a target runs without a corpus, too.

#[path = "../tests/it/fuzz/drive.rs"]
mod drive;
#[path = "../tests/it/fuzz/mutate.rs"]
mod mutate;
#[allow(dead_code, reason = "the test uses more of it")]
#[path = "../tests/it/fuzz/seeds.rs"]
mod seeds;
#[path = "../tests/it/formats/write.rs"]
mod write;

use std::panic;
use std::path::Path;

pub use drive::drive;
pub use libfuzzer_sys;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use seeds::Reader;

/// A target: one reader.
#[macro_export]
macro_rules! target {
    ($reader:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(
            init: $crate::begin($reader),
            |bytes: &[u8]| {
                $crate::drive(bytes);
            }
        );

        $crate::libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
            $crate::mutate($reader, data, size, max, seed)
        });
    };
}

/// Panics of the Parquet and Arrow libraries are caught where they are called; all others end the process.
pub fn begin(reader: &str) {
    assert!(readers().any(|known| known.name == reader), "a reader of the seeds");
    let abort = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let file = info.location().map_or("", |location| location.file());
        let components = Path::new(file).components().filter_map(|part| part.as_os_str().to_str());
        let libraries = ["parquet-", "arrow-", "flatbuffers-"];
        if !components.into_iter().any(|part| libraries.iter().any(|library| part.starts_with(library))) {
            abort(info);
        }
    }));
}

fn readers() -> impl Iterator<Item = Reader> {
    seeds::readers().into_iter()
}

thread_local! {
    static READERS: Vec<Reader> = readers().collect();
}

/// Half of the changes are those of `libfuzzer`, half begin from a seed.
pub fn mutate(name: &str, data: &mut [u8], size: usize, max: usize, seed: u32) -> usize {
    if seed.is_multiple_of(2) && size > 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max);
    }
    READERS.with(|readers| {
        let reader = readers.iter().find(|reader| reader.name == name).expect("it was looked for");
        let file = reader.file(&mut StdRng::seed_from_u64(seed.into()));
        let length = file.len().min(max);
        data[..length].copy_from_slice(&file[..length]);
        length
    })
}
