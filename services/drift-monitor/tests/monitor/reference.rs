//! `reference`: the features of a folder of images.

use std::path::Path;
use std::process::Output;

use bcs_contracts::DriftReference;
use image::{Rgb, RgbImage};

use crate::support::{program, stderr, stdout};

fn reference(images: &Path, output: &Path) -> Output {
    program().arg("reference").arg("--images").arg(images).arg("--output").arg(output).output().unwrap()
}

#[test]
fn features_of_all_images_are_written_and_the_unreadable_named() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir_all(images.join("more")).unwrap();
    for i in 0..6u8 {
        let place = if i < 3 { images.clone() } else { images.join("more") };
        RgbImage::from_pixel(16, 16, Rgb([200, 40 * i, 180])).save(place.join(format!("{i}.png"))).unwrap();
    }
    std::fs::write(images.join("notes.txt"), "no image").unwrap();
    let output = folder.path().join("made/reference.json");
    let run = reference(&images, &output);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stdout(&run).contains("6 images") && stderr(&run).contains("6 of 6"));
    let read = || serde_json::from_slice::<DriftReference>(&std::fs::read(&output).unwrap()).unwrap();
    assert_eq!(read().image.rows(), 6);
    assert_eq!(read().image.values("grey_mean").count(), 6);

    std::fs::write(images.join("cut.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let run = reference(&images, &output);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("cut.png") && stderr(&run).contains("1 of 7"), "{}", stderr(&run));
    assert_eq!(read().image.rows(), 6);
}

#[test]
fn a_folder_without_images_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("reference.json");
    for images in [folder.path().to_owned(), folder.path().join("missing")] {
        let run = reference(&images, &output);
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
    }
    assert!(!output.exists());
}
