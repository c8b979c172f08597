//! Damaged `.pt` files and TorchScript archives: none may crash, whatever is done to the file, its records or its
//! pickles. `tests/golden/fuzz_pt.py` compares with `torch.load` on more of them.

use std::path::PathBuf;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{CModule, Device, Kind, Tensor};

use super::archive::{self, Archive};
use super::check_torchscript;
use crate::weights::check_finite;

/// Number of mutants; `BCS_FUZZ_MUTANTS` overrides it.
fn mutants() -> u64 {
    std::env::var("BCS_FUZZ_MUTANTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pickle").join(name);
    std::fs::read(path).unwrap()
}

type Records = Vec<(String, Vec<u8>)>;

fn records(file: &[u8]) -> Records {
    let archive = Archive::read(file).unwrap();
    archive.records().map(|(name, contents)| (format!("m/{name}"), contents.to_vec())).collect()
}

fn mutant(file: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_ratio(1, 4) {
        return mutate_bytes(file.to_vec(), rng);
    }
    let mut records = records(file);
    if rng.random_ratio(1, 3) {
        mutate_records(&mut records, rng);
    } else {
        let pickle = records.iter_mut().find(|(name, _)| name == "m/data.pkl").unwrap();
        pickle.1 = mutate_pickle(std::mem::take(&mut pickle.1), rng);
    }
    archive::write(records.iter().map(|(name, contents)| (name.clone(), contents.as_slice()))).unwrap()
}

/// Changes bytes of a file, mostly of its headers and directory, or cuts it.
fn mutate_bytes(mut file: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    for _ in 0..rng.random_range(1..5) {
        let end = file.len();
        let at = match rng.random_range(0..3) {
            0 => rng.random_range(0..end),
            1 => rng.random_range(end.saturating_sub(700)..end),
            _ => rng.random_range(0..end.min(400)),
        };
        file[at] = *[0, 1, 255, rng.random()].choose(rng).unwrap();
    }
    if rng.random_ratio(1, 5) {
        file.truncate(rng.random_range(0..file.len()));
    }
    file
}

/// Cuts, extends, removes, duplicates, renames or exchanges records.
fn mutate_records(records: &mut Records, rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..records.len());
    let other = rng.random_range(0..records.len());
    match rng.random_range(0..7) {
        0 => {
            let length = records[at].1.len();
            records[at].1.truncate(rng.random_range(0..=length));
        }
        1 => records[at].1.extend([7; 12]),
        2 => drop(records.remove(at)),
        3 => records.push(records[at].clone()),
        4 => {
            let names = ["m/", "m", "x/data/0", "m/DATA.PKL", "m/data/0/"];
            records[at].0 = (*names.choose(rng).unwrap()).to_owned();
        }
        5 => {
            let contents = records[other].1.clone();
            records[at].1 = contents;
        }
        _ => {
            let contents = mutate_bytes([records[at].1.as_slice(), b" "].concat(), rng);
            records[at].1 = contents;
        }
    }
}

/// Changes instructions and their arguments, and moves pieces of the program.
fn mutate_pickle(mut program: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    const INSTRUCTIONS: &[u8] = b"N\x88\x89)]}(.tRbQsueaKJMX\x81\x85\x86\x87\x8acqh";
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..program.len());
        let length = rng.random_range(1..24).min(program.len() - at);
        match rng.random_range(0..5) {
            0 => program[at] = *INSTRUCTIONS.choose(rng).unwrap(),
            1 => program[at] = *[0, 1, 2, 5, 127, 255, rng.random()].choose(rng).unwrap(),
            2 => {
                // Sizes, strides, offsets and lengths are mostly one-byte integers.
                let integers: Vec<_> = (0..program.len() - 1).filter(|at| program[*at] == b'K').collect();
                if let Some(at) = integers.choose(rng) {
                    program[at + 1] = rng.random();
                }
            }
            3 => {
                let piece = program[at..at + length].to_vec();
                let to = rng.random_range(0..program.len());
                program.splice(to..to, piece);
            }
            _ if program.len() > length => drop(program.drain(at..at + length)),
            _ => {}
        }
    }
    program
}

#[test]
fn damaged_files_are_errors_or_readable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.pt");
    let names =
        ["state_dict", "parameters", "lightning", "views", "kinds", "torchscript", "torchscript_shared"];
    let files = names.map(|name| golden(&format!("{name}.pt")));
    let (mut rng, mut read) = (ChaCha8Rng::seed_from_u64(0), [0; 2]);
    for _ in 0..mutants() {
        let index = rng.random_range(0..files.len());
        let file = mutant(&files[index], &mut rng);
        std::fs::write(&path, file).unwrap();
        match super::read(&path) {
            Ok(state) => {
                // Touches every element.
                let _ = check_finite(&state);
                read[usize::from(names[index].starts_with("torchscript"))] += 1;
            }
            Err(error) => assert!(error.to_string().contains("mutant.pt"), "{error}"),
        }
    }
    assert!(read.iter().all(|count| *count > 0), "the mutants are too damaged to test anything");
}

#[test]
fn damaged_torchscript_archives_are_errors_or_run() {
    let file = golden("torchscript.pt");
    let (mut rng, mut loaded) = (ChaCha8Rng::seed_from_u64(1), 0);
    for _ in 0..mutants() {
        let Ok(checked) = check_torchscript(&mutant(&file, &mut rng)) else { continue };
        let Ok(module) = CModule::load_data(&mut checked.as_slice()) else { continue };
        let _ = module.forward_ts(&[Tensor::zeros([1, 3, 8, 8], (Kind::Float, Device::Cpu))]);
        loaded += 1;
    }
    assert!(loaded > 0, "the mutants are too damaged to test anything");
}
