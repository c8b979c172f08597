//! `bcs-drift-monitor`: detects when incoming tissue differs from the tissue a model was trained on. It reads
//! prediction records, compares their features with the drift reference of a model package, and stores reports. It
//! does not link libtorch.
//!
//! # Layout
//! - [`app`]: state shared by all requests, and the router
//! - [`archive`]: stored reports
//! - [`baseline`]: the drift reference of a model package
//! - [`cli`]: command-line arguments
//! - [`commands`]: one file per subcommand
//! - [`error`]: errors of runs and requests, and their HTTP responses
//! - [`fetch`]: reads many objects of a bucket concurrently
//! - [`flights`]: work that several callers wait for and that is done once
//! - [`lease`]: the right to make a report, which one process holds at a time
//! - [`metrics`]: Prometheus metrics of runs
//! - [`monitor`]: one run: compares the records of a window and stores the report
//! - [`openapi`]: parts of the OpenAPI description that routes share
//! - [`outcome`]: exit codes of successful commands
//! - [`pages`]: HTML list of reports
//! - [`records`]: prediction records of a window
//! - [`report`]: a report as stored and as listed
//! - [`report_id`]: id of a report
//! - [`request`]: body of `POST /run`
//! - [`routes`]: one file per route
//! - [`settings`]: settings from file and environment
//! - [`stores`]: opens the buckets that the settings name
//! - [`table`]: a report as text for terminals
//! - [`window`]: time window of a run

pub mod app;
pub mod archive;
pub mod baseline;
pub mod cli;
pub mod commands;
pub mod error;
pub mod fetch;
pub mod flights;
pub mod lease;
pub mod metrics;
pub mod monitor;
pub mod openapi;
pub mod outcome;
pub mod pages;
pub mod records;
pub mod report;
pub mod report_id;
pub mod request;
pub mod routes;
pub mod settings;
pub mod stores;
pub mod table;
pub mod window;
