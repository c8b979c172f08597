//! Layer tables, as a user prints them.

use bcs_tests::run_ok;

#[test]
fn the_layers_of_each_network_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let printed = run_ok("bcs-trainer", &["--cfg", "model"], here, &[]);
    assert!(printed.starts_with("UNet, image of 224 × 224 pixels\n\nlayer "), "{printed}");
    assert!(printed.contains("model.0.conv.unit0.conv ") && printed.contains("16×112×112"), "{printed}");
    assert!(printed.contains("parameters  1,625,737, trainable"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 120), "{printed}");

    let sweep = ["-m", "--cfg", "model", "model_hyp.model=UNet,BasicUNet"];
    let printed = run_ok("bcs-trainer", &sweep, here, &[]);
    assert!(printed.contains("Run 2 of 2: model_hyp.model=BasicUNet"), "{printed}");
    assert!(printed.contains("BasicUNet, image of 224 × 224 pixels"), "{printed}");
    assert!(std::fs::read_dir(here).unwrap().next().is_none(), "something was written");
}
