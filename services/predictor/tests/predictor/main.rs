//! Tests of the built program.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod attacks;
mod bucket;
mod faults;
mod http;
mod images;
mod operation;
mod package;
mod predict;
mod server;
mod shutdown;
