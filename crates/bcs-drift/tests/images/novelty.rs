//! Novelty of synthetic images: a small version of examples/novelty.rs, whose table is in docs/explanation/drift-features.md.

use bcs_drift::novelty::Novelty;
use rayon::prelude::*;

use crate::population::{auc, image, reference};
use crate::shifts::Shift;

#[test]
fn shifted_images_are_told_from_images_of_new_slides() {
    let novelty = Novelty::new(&reference(1, 80, 1)).unwrap();
    let scores = |shift: Option<Shift>, slides: u64| -> Vec<f64> {
        (0..slides)
            .into_par_iter()
            .map(|slide| novelty.score(&image(2, slide, 1, shift), 1).unwrap())
            .collect()
    };
    let usual = scores(None, 60);
    let below = |level: f64| usual.iter().filter(|p| **p < level).count();
    // Binomial with p = 0.1 and 0.5: beyond these by chance in less than one case in a thousand.
    assert!(below(0.1) <= 14 && (15..=45).contains(&below(0.5)), "{} and {} of 60", below(0.1), below(0.5));
    for shift in [Shift::Blur(1.0), Shift::Stain(0.6), Shift::HalfMagnification] {
        let shifted = scores(Some(shift), 20);
        let area = auc(&usual, &shifted);
        println!("{shift:?}: area under the ROC curve {area:.3}");
        assert!(area > 0.9, "{shift:?}: {area}");
    }
}
