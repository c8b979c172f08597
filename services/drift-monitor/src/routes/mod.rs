//! One file per route.

pub mod home;
pub mod report;
pub mod reports;
pub mod run;
