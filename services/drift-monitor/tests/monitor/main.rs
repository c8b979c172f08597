//! The real program, over folders of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod compare;
mod reference;
mod reports;
mod run;
mod serve;
mod support;
