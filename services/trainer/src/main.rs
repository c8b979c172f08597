//! Trains, evaluates, imports and exports segmentation models.
fn main() {}
