//! `bcs-drift-monitor reference`.

use std::path::Path;
use std::process::Output;

use bcs_contracts::DriftReference;
use image::{Rgb, RgbImage};

use crate::support::{program, stderr, stdout};

fn reference(images: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.arg("reference").arg("--images").arg(images).arg("--output").arg(output);
    command.args(more).output().unwrap()
}

#[test]
fn readable_images_are_measured_and_others_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir_all(images.join("more")).unwrap();
    for i in 0..6u8 {
        let folder = if i < 3 { images.clone() } else { images.join("more") };
        RgbImage::from_pixel(16, 16, Rgb([200, 40 * i, 180])).save(folder.join(format!("{i}.png"))).unwrap();
    }
    std::fs::write(images.join("notes.txt"), "not an image").unwrap();
    let output = folder.path().join("made/reference.json");
    let run = reference(&images, &output, &[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stdout(&run).contains("6 images") && stderr(&run).contains("6 of 6"));
    let read = || serde_json::from_slice::<DriftReference>(&std::fs::read(&output).unwrap()).unwrap();
    assert_eq!(read().image.rows(), 6);
    assert_eq!(read().image.values("grey_mean").count(), 6);

    std::fs::write(images.join("cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let run = reference(&images, &output, &[]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("cut.png") && stderr(&run).contains("1 of 7"), "{}", stderr(&run));
    assert_eq!(read().image.rows(), 6);
}

#[test]
fn a_folder_without_images_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("reference.json");
    for images in [folder.path().to_owned(), folder.path().join("missing")] {
        let run = reference(&images, &output, &[]);
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
    }
    assert!(!output.exists());
}

#[test]
fn features_are_measured_per_window_with_the_case_of_the_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    // Two flat halves: no variation within a window of 16×16, much over the whole image.
    let halves = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 40 } else { 200 }; 3]));
    for name in ["TCGA-A2-A1G6-DX1_0_0.png", "tile.png"] {
        halves.save(images.join(name)).unwrap();
    }
    let output = folder.path().join("reference.json");
    let image_table = |more: &[&str]| {
        let run = reference(&images, &output, more);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        serde_json::from_slice::<DriftReference>(&std::fs::read(&output).unwrap()).unwrap().image
    };
    let default = image_table(&[]);
    assert_eq!(default.cases, [Some("TCGA-A2-A1G6".to_owned()), None]);
    assert!(default.values("grey_std").all(|value| value > 0.3));
    let windows = image_table(&["--tile", "16"]);
    assert_eq!(windows.values("grey_std").collect::<Vec<_>>(), [0.0, 0.0]);
    assert_eq!(reference(&images, &output, &["--tile", "0"]).status.code(), Some(2));
}
