//! Tests of the built program.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod augment;
mod buckets;
mod configuration;
mod distributed;
mod embedding;
mod evaluate;
mod export;
mod import;
mod initial_weights;
mod layers;
mod networks;
mod preflight;
mod profiling;
mod prune;
mod pull;
mod quantize;
mod report;
mod resume;
mod shards;
mod support;
mod sweep;
mod tracking;
mod training;
mod vertex;
