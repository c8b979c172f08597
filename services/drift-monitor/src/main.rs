//! Tells when the tissue that comes in is no longer the tissue trained on.
fn main() {}
