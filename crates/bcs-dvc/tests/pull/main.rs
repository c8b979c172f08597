//! Repositories made with the real DVC (`tests/dvc/make.py`), pulled from local folders and from Cloud Storage.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

mod buckets;
mod faults;
mod golden;
mod support;
