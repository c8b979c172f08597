//! `bcs-predictor`: segments breast-cancer tissue over HTTP and stores the predictions, or segments local files.
//!
//! # Layout
//! - [`answer`]: forms of a prediction other than mask and overlay
//! - [`app`]: state shared by all requests, and the router
//! - [`cancellable`]: an engine that stops between two batches
//! - [`cli`]: command-line arguments
//! - [`commands`]: one file per subcommand
//! - [`error`]: errors of requests and their HTTP responses
//! - [`input`]: an uploaded image, decoded and measured
//! - [`metrics`]: Prometheus metrics of predictions
//! - [`model`]: where the model is: a path, or a bucket
//! - [`openapi`]: parts of the OpenAPI description that routes share
//! - [`origin`]: source and case of an image
//! - [`prediction`]: stores predictions and reads them back
//! - [`predictor`]: from the bytes of a file to a prediction
//! - [`record`]: makes the stored record of a prediction
//! - [`render`]: encodes masks and overlays
//! - [`routes`]: one file per route
//! - [`settings`]: settings from file and environment
//! - [`source_object`]: images in buckets, which requests name by their URI
//! - [`upload`]: reads the image of a multipart body
//! - [`workers`]: bounded pool for work on pixels

pub mod answer;
pub mod app;
pub mod cancellable;
pub mod cli;
pub mod commands;
pub mod error;
pub mod input;
pub mod metrics;
pub mod model;
pub mod openapi;
pub mod origin;
pub mod prediction;
pub mod predictor;
pub mod record;
pub mod render;
pub mod routes;
pub mod settings;
pub mod source_object;
pub mod upload;
pub mod workers;
