//! Segments tissue over HTTP and stores what it predicted.
fn main() {}
