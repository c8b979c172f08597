//! One file per route.

pub mod accept;
pub mod baselines;
pub mod home;
pub mod report;
pub mod reports;
pub mod run;
pub mod runs;
pub mod to_label;
