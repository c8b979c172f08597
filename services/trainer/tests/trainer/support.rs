//! Helpers of the trainer's tests: data sets of hand-made tiles, and what a run leaves.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bcs_tests::{SMALL, program, run};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;

/// Side of the tiles in pixels.
pub(crate) const SIDE: u32 = 64;

/// Writes a tile whose left half has mask code `left` and right half `right`. Each code has a colour of its own, so that a
/// network can learn them.
pub(crate) fn write_tile(root: &Path, split: &str, name: &str, [left, right]: [u8; 2]) {
    write_tile_of(root, split, name, (SIDE, SIDE), [left, right]);
}

/// Writes a tile of any size.
pub(crate) fn write_tile_of(
    root: &Path,
    split: &str,
    name: &str,
    (width, height): (u32, u32),
    codes: [u8; 2],
) {
    let (images, masks) = (root.join(split), root.join(format!("{split}_mask")));
    std::fs::create_dir_all(&images).expect("the folder is created");
    std::fs::create_dir_all(&masks).expect("the folder is created");
    let code = |x: u32| codes[usize::from(x >= width / 2)];
    let image = RgbImage::from_fn(width, height, |x, y| {
        let shade = code(x).wrapping_mul(50).wrapping_add(((x * 7 + y * 13) % 10) as u8);
        Rgb([220 - shade / 2, shade, 160])
    });
    image.save(images.join(format!("{name}.png"))).expect("the image is saved");
    let mask = GrayImage::from_fn(width, height, |x, _| Luma([code(x)]));
    mask.save(masks.join(format!("{name}.png"))).expect("the mask is saved");
}

/// Writes a data set of two training tiles and one validation tile with tumour (1) and stroma (2), in `tissue`.
pub(crate) fn write_tissue(folder: &Path) {
    let root = folder.join("tissue");
    write_tile(&root, "train", "TCGA-A1-0001-DX1_0", [1, 2]);
    write_tile(&root, "train", "TCGA-A2-0002-DX1_0", [2, 1]);
    write_tile(&root, "val", "TCGA-OL-0003-DX1_0", [1, 2]);
}

/// Writes 10 training tiles, of which an epoch has 5 batches of 2, and 2 validation tiles, in `tissue`.
pub(crate) fn write_tiles(folder: &Path) {
    for at in 0..12 {
        let codes = if at % 2 == 0 { [1, 2] } else { [2, 1] };
        let split = if at < 10 { "train" } else { "val" };
        write_tile(&folder.join("tissue"), split, &format!("tile-{at:02}"), codes);
    }
}

/// Starts the trainer on `tissue` with a small network and these overrides, in the background.
pub(crate) fn start(folder: &Path, overrides: &[&str]) -> Child {
    Command::new(program("bcs-trainer"))
        .args(SMALL)
        .args(overrides)
        .current_dir(folder)
        .env("OMP_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Sends SIGTERM to a process.
pub(crate) fn terminate(process: &Child) {
    let status = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(status.expect("kill is there").success());
}

/// Runs the trainer on `tissue` with a small network and these overrides; returns exit code, standard output and standard
/// error.
pub(crate) fn train(folder: &Path, overrides: &[&str]) -> (Option<i32>, String, String) {
    outcome(folder, &[&SMALL[..], overrides].concat(), &[("OMP_NUM_THREADS", "1")])
}

/// Runs the trainer as [`train`] does, asserts that it succeeds, and returns its standard output.
pub(crate) fn trained(folder: &Path, overrides: &[&str]) -> String {
    let (code, printed, error) = train(folder, overrides);
    assert_eq!(code, Some(0), "{error}");
    printed
}

/// Runs the trainer; returns exit code, standard output and standard error.
pub(crate) fn outcome(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let output = run("bcs-trainer", arguments, folder, environment);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Reads a JSON file.
pub(crate) fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file exists")).expect("the file is JSON")
}

/// Lines of the `metrics.jsonl` of the only run in `outputs`.
pub(crate) fn metrics(folder: &Path) -> Vec<Value> {
    let log = output(folder).join("metrics.jsonl");
    let text = std::fs::read_to_string(log).expect("the log exists");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Output folder of the only run.
pub(crate) fn output(folder: &Path) -> PathBuf {
    let only = |folder: &Path| {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
            .expect("the folder exists")
            .map(|entry| entry.expect("the folder is readable").path())
            .collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    };
    only(&only(&folder.join("outputs")))
}
