//! Tests of the built program.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

mod baselines;
mod browser;
mod buckets;
mod compare;
mod over_time;
mod quality;
mod reference;
mod reports;
mod run;
mod scale;
mod serve;
mod support;
mod tokens;
mod warehouse;
mod windows;
