//! Parts that all servers share.
//!
//! # Layout
//! - [`admission`]: admission of requests by memory
//! - [`environment`]: environment variables applied to settings
//! - [`failure`]: errors of a program and their exit codes
//! - [`guard`]: keys and ID tokens of clients, origins of pages, and security headers
//! - [`health`]: readiness of a server
//! - [`healthcheck`]: the check of a server from inside its container
//! - [`logging`]: structured logs for Cloud Logging, or text for terminals
//! - [`memory`]: memory that this process may use, and sizes in settings
//! - [`metrics`]: Prometheus metrics of HTTP requests
//! - [`multipart`]: forms within limits
//! - [`negotiation`]: the media type that a client prefers
//! - [`page`]: style sheet and response headers of HTML pages
//! - [`problem`]: error responses as `application/problem+json`
//! - [`progress`]: progress of a long task
//! - [`responses`]: error responses that routes share, for the OpenAPI description
//! - [`routes`]: `/health`, `/ready` and `/metrics`
//! - [`server`]: the HTTP server: connections within limits, graceful shutdown, and the middleware of all routes
//! - [`settings`]: settings from built-in defaults and a file
//! - [`trace`]: trace of a request, for Cloud Logging

pub mod admission;
pub mod environment;
pub mod failure;
pub mod guard;
pub mod health;
pub mod healthcheck;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod multipart;
pub mod negotiation;
pub mod page;
pub mod problem;
pub mod progress;
pub mod responses;
pub mod routes;
pub mod server;
pub mod settings;
pub mod trace;

pub use admission::{Admission, AdmissionLimits, Refused, Ticket};
pub use environment::Environment;
pub use failure::Failure;
pub use guard::Guard;
pub use health::Health;
pub use metrics::Metrics;
pub use problem::Problem;
