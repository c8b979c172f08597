//! Parts that all servers share.
//!
//! # Layout
//! - [`environment`]: environment variables applied to settings
//! - [`failure`]: errors of a program and their exit codes
//! - [`health`]: readiness of a server
//! - [`logging`]: structured logs for Cloud Logging, or text for terminals
//! - [`metrics`]: Prometheus metrics of HTTP requests
//! - [`negotiation`]: the media type that a client prefers
//! - [`page`]: style sheet and response headers of HTML pages
//! - [`problem`]: error responses as `application/problem+json`
//! - [`routes`]: `/health`, `/ready` and `/metrics`
//! - [`server`]: middleware of all routes, listening and graceful shutdown
//! - [`settings`]: settings from built-in defaults and a file

pub mod environment;
pub mod failure;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod negotiation;
pub mod page;
pub mod problem;
pub mod routes;
pub mod server;
pub mod settings;

pub use environment::Environment;
pub use failure::Failure;
pub use health::Health;
pub use metrics::Metrics;
pub use problem::Problem;
