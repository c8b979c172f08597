//! One file a route, named after it.

pub mod health;
pub mod home;
pub mod metrics;
pub mod ready;
pub mod report;
pub mod reports;
pub mod run;
