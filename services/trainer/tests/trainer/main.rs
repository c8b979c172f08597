//! Tests of the built program.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod import;
mod preflight;
mod support;
mod training;
