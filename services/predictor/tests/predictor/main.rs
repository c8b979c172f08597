//! Tests of the built program.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod answers;
// They read the memory of a process from /proc.
#[cfg(target_os = "linux")]
mod attacks;
mod batch;
mod bucket;
mod dashboard;
#[cfg(all(feature = "libtorch", feature = "openvino"))]
mod engine;
mod faults;
mod guard;
mod http;
mod images;
mod labels;
#[cfg(target_os = "linux")]
mod large;
mod operation;
mod package;
mod predict;
mod server;
mod shutdown;
mod tokens;
mod vertex;
mod viewer;
