//! Plays the inputs that are kept: those that fuzzers found worth keeping, and one for each fault that they found.
use std::fs;
use std::path::{Path, PathBuf};

use super::TARGETS;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_is_taken() {
    for (name, target) in TARGETS {
        let inputs = files(&corpus().join(name));
        assert!(inputs.len() >= 3, "{name} has only {} kept inputs", inputs.len());
        for input in inputs {
            let bytes = fs::read(&input).expect("a file");
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{} is no longer taken", input.display());
            }
        }
    }
}

#[test]
fn nothing_and_plain_bytes_are_taken() {
    for (_, target) in TARGETS {
        for length in [0, 1, 2, 16, 64, 1_032, 2_048] {
            for fill in [0x00, 0x01, 0x45, 0xFF] {
                target(&vec![fill; length]);
            }
        }
    }
}

#[test]
fn every_target_has_its_fuzzer_and_its_folder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let names: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let fuzzers: Vec<String> = files(&root.join("fuzz/fuzz_targets")).iter().filter_map(stem).collect();
    let folders: Vec<String> = files(&corpus()).iter().filter_map(stem).collect();
    assert_eq!((&fuzzers, &folders), (&names, &names));
}
