//! `bcs-drift-monitor`: tells when the tissue that comes in is no longer the tissue trained on. It reads prediction
//! records, compares their features with the reference of a model package, and stores reports. It has no libtorch.
//!
//! # Layout
//! - [`app`]: what requests share, and the router
//! - [`archive`]: the reports in their bucket
//! - [`baseline`]: what drift is measured against, from a model package
//! - [`cli`]: the command line
//! - [`commands`]: one file a subcommand
//! - [`error`]: why a run or a request failed, as HTTP says it
//! - [`failure`]: why the program ended, as its exit code says it
//! - [`fetch`]: many objects of a bucket at a time
//! - [`metrics`]: what Prometheus sees of the runs
//! - [`monitor`]: one run: records in, report out
//! - [`negotiation`]: whether a client prefers a page or JSON
//! - [`openapi`]: what the description of the routes shares
//! - [`pages`]: the list of reports as HTML
//! - [`progress`]: how far a long task is
//! - [`records`]: the prediction records of a window
//! - [`report`]: a report as it is stored and listed
//! - [`report_id`]: the name of a report
//! - [`request`]: what a run may be narrowed to
//! - [`routes`]: one file a route
//! - [`settings`]: the configuration, from file and environment
//! - [`stores`]: opens the buckets that the settings name
//! - [`table`]: a report on a terminal
//! - [`window`]: which stretch of time is looked at

pub mod app;
pub mod archive;
pub mod baseline;
pub mod cli;
pub mod commands;
pub mod error;
pub mod failure;
pub mod fetch;
pub mod metrics;
pub mod monitor;
pub mod negotiation;
pub mod openapi;
pub mod pages;
pub mod progress;
pub mod records;
pub mod report;
pub mod report_id;
pub mod request;
pub mod routes;
pub mod settings;
pub mod stores;
pub mod table;
pub mod window;
