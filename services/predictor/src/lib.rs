//! `bcs-predictor`: segments tissue over HTTP and stores what it predicted, or segments local files.
//!
//! # Layout
//! - [`app`]: what requests share, and the router
//! - [`cli`]: the command line
//! - [`commands`]: one file a subcommand
//! - [`error`]: why a request was not answered, as HTTP says it
//! - [`failure`]: why the program ended, as its exit code says it
//! - [`input`]: an image as it came in, decoded and measured
//! - [`metrics`]: what Prometheus sees of predictions
//! - [`model`]: opens a model by its path
//! - [`negotiation`]: which image format a client prefers
//! - [`openapi`]: what the description of the routes shares
//! - [`prediction`]: from the bytes of an image to a stored prediction
//! - [`record`]: what is written down of a prediction
//! - [`render`]: a segmentation as bytes: mask and overlay
//! - [`routes`]: one file a route
//! - [`settings`]: the configuration, from file and environment
//! - [`upload`]: the image in a multipart body
//! - [`workers`]: work on pixels, off the threads that answer

pub mod app;
pub mod cli;
pub mod commands;
pub mod error;
pub mod failure;
pub mod input;
pub mod metrics;
pub mod model;
pub mod negotiation;
pub mod openapi;
pub mod prediction;
pub mod record;
pub mod render;
pub mod routes;
pub mod settings;
pub mod upload;
pub mod workers;
