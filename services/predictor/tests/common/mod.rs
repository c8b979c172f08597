//! What the tests share: a tiny package, the program itself, and images of every kind.

#![allow(dead_code, unreachable_pub, reason = "every test file takes its part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod images;
pub mod package;
pub mod server;
