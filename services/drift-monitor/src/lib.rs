//! `bcs-drift-monitor`: detects when incoming tissue differs from the tissue a model was trained on. It reads
//! prediction records, compares their features with the drift reference of a model package, and stores reports. It
//! does not link libtorch.
//!
//! # Layout
//! - [`app`]: state shared by all requests, and the router
//! - [`archive`]: stored reports
//! - [`baseline`]: the drift reference of a model package
//! - [`baselines`]: accepted baselines, with who, when and why
//! - [`cli`]: command-line arguments
//! - [`compact`]: the records of a day as a table in Parquet
//! - [`comparison`]: comparison of the records of a run with a drift reference
//! - [`commands`]: one file per subcommand
//! - [`digest`]: digests that name things
//! - [`error`]: errors of runs and requests, and their HTTP responses
//! - [`fetch`]: reads many objects of a bucket concurrently
//! - [`flights`]: work that several callers wait for and that is done once
//! - [`gallery`]: images that a report shows
//! - [`gauges`]: gauges of the newest window
//! - [`history`]: windows of earlier reports, for evidence over time
//! - [`lease`]: the right to make a report, which one process holds at a time
//! - [`log`]: log of a run
//! - [`mark`]: where the last report of a kind ended
//! - [`metrics`]: Prometheus metrics of runs
//! - [`monitor`]: one run: compares the records of a window and stores the report
//! - [`openapi`]: parts of the OpenAPI description that routes share
//! - [`outcome`]: exit codes of successful commands
//! - [`pages`]: HTML list of reports
//! - [`parquet_table`]: tables of features from Parquet
//! - [`quality`]: quality of the predictions, estimated and measured
//! - [`records`]: prediction records of a window
//! - [`report`]: a report as stored and as listed
//! - [`report_id`]: id of a report
//! - [`request`]: body of `POST /run`
//! - [`routes`]: one file per route
//! - [`selection`]: which predictions a run compares
//! - [`settings`]: settings from file and environment
//! - [`stores`]: opens the buckets that the settings name
//! - [`summaries`]: per-case summaries that a warehouse has computed
//! - [`table`]: a report as text for terminals
//! - [`thumbnail`]: thumbnails of images in a report
//! - [`to_label`]: images whose corrected masks would tell most
//! - [`unusual`]: the most unusual images
//! - [`webhook`]: tells another server of a report
//! - [`window`]: time window of a run

pub mod app;
pub mod archive;
pub mod baseline;
pub mod baselines;
pub mod cli;
pub mod commands;
pub mod compact;
pub mod comparison;
pub mod digest;
pub mod error;
pub mod fetch;
pub mod flights;
pub mod gallery;
pub mod gauges;
pub mod history;
pub mod lease;
pub mod log;
pub mod mark;
pub mod metrics;
pub mod monitor;
pub mod openapi;
pub mod outcome;
pub mod pages;
pub mod parquet_table;
pub mod quality;
pub mod records;
pub mod report;
pub mod report_id;
pub mod request;
pub mod routes;
pub mod selection;
pub mod settings;
pub mod stores;
pub mod summaries;
pub mod table;
pub mod thumbnail;
pub mod to_label;
pub mod unusual;
pub mod webhook;
pub mod window;
