//! Judgement of real tiles: technical drift is found from 40 tiles of 3 cases on, and nothing else is.
//!
//! Needs `BCS_DATA_DIR`: a folder with tiles in `train/` and `val/`, whose names begin with the patient's TCGA barcode.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use bcs_contracts::FeatureTable;
use bcs_drift::judgement::{Family, Judgement, Options, Outcome, judge};
use bcs_imaging::features::measure;
use bcs_imaging::{Limits, decode};
use image::RgbImage;
use rayon::prelude::*;

use crate::shifts::Shift;

/// Number of tiles of a window of images.
const WINDOW: usize = 40;

/// Tiles by patient.
type Cases = BTreeMap<String, Vec<RgbImage>>;

/// Tiles by case, in the order of their names; `None` without data.
fn cases() -> Result<Option<Cases>, Box<dyn Error>> {
    let Some(data) = std::env::var_os("BCS_DATA_DIR") else {
        println!("skipped: BCS_DATA_DIR is not set");
        return Ok(None);
    };
    let mut paths = Vec::new();
    for folder in ["train", "val"] {
        for entry in std::fs::read_dir(Path::new(&data).join(folder))? {
            paths.push(entry?.path());
        }
    }
    paths.sort();
    let mut cases = BTreeMap::<String, Vec<RgbImage>>::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let case = name.chars().take("TCGA-A2-A0D2".len()).collect();
        cases.entry(case).or_default().push(decode(&std::fs::read(&path)?, Limits::default())?.rgb);
    }
    Ok(Some(cases))
}

/// Features of tiles after a shift, in windows of the size of a tile.
fn table<'a>(
    tiles: impl IntoIterator<Item = (&'a String, &'a RgbImage)>,
    shift: Option<Shift>,
) -> FeatureTable {
    let tiles: Vec<_> = tiles.into_iter().collect();
    let features = |(case, tile): &(&String, &RgbImage)| {
        let shifted = shift.map(|shift| shift.apply(tile));
        let tile = shifted.as_ref().unwrap_or(tile);
        ((*case).clone(), measure(tile, [224; 2]))
    };
    let measured: Vec<_> = tiles.par_iter().map(features).collect();
    let mut table = FeatureTable::default();
    measured.iter().for_each(|(case, features)| table.push(Some(case.clone()), features));
    table
}

fn print(name: &str, judgement: &Judgement) {
    println!("{name}: {:?}, {:?}", judgement.outcome, judgement.method);
    for finding in judgement.findings.iter().take(4) {
        let p = finding.p_value.map_or_else(|| "not tested".to_owned(), |p| format!("p = {p:.2e}"));
        println!("  {} {:?}: {p}, effect {:+.1}", finding.feature, finding.quantity, finding.effect.value);
    }
}

#[test]
fn loss_of_focus_magnification_compression_and_noise_are_found() {
    let Some(cases) = cases().unwrap() else { return };
    assert_eq!(cases.len(), 3, "cases in BCS_DATA_DIR");
    // Every second tile of each patient is the reference; a window has 40 of the others.
    let half = |odd: usize| {
        cases
            .iter()
            .flat_map(move |(case, tiles)| tiles.iter().skip(odd).step_by(2).map(move |tile| (case, tile)))
    };
    let reference = table(half(0), None);
    let others: Vec<_> = half(1).collect();
    let window = |shift| {
        let chosen = (0..WINDOW).map(|at| others[at * others.len() / WINDOW]);
        judge(&[&(&reference).into()], &(&table(chosen, shift)).into(), &Options::default())
    };
    let undrifted = window(None);
    print("undrifted", &undrifted);
    assert_eq!(undrifted.outcome, Outcome::NoDrift);
    let mut missed = Vec::new();
    for (name, shift) in [
        ("blur σ 1", Shift::Blur(1.0)),
        ("magnification ×0.5", Shift::HalfMagnification),
        ("JPEG 20", Shift::Jpeg(20)),
        ("noise σ 10", Shift::Noise(10.0)),
    ] {
        let judgement = window(Some(shift));
        print(name, &judgement);
        let focus = judgement.families.iter().find(|verdict| verdict.family == Family::Focus);
        if !focus.is_some_and(|verdict| verdict.drifted) {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn halves_of_a_slide_raise_no_alarm() {
    let Some(cases) = cases().unwrap() else { return };
    for (case, tiles) in &cases {
        let (first, second) = tiles.split_at(tiles.len() / 2);
        let [first, second] = [first, second].map(|tiles| table(tiles.iter().map(|tile| (case, tile)), None));
        let judgement = judge(&[&(&first).into()], &(&second).into(), &Options::default());
        assert_eq!(judgement.outcome, Outcome::NotJudged, "{case}");
        let others = cases.iter().filter(|(other, _)| *other != case);
        let others = table(others.flat_map(|(case, tiles)| tiles.iter().map(move |tile| (case, tile))), None);
        assert_eq!(
            judge(&[&(&others).into()], &(&second).into(), &Options::default()).outcome,
            Outcome::NotJudged,
            "{case}"
        );
    }
}
