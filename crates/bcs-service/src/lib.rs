//! What every server shares: logs that Cloud Logging reads, metrics that Prometheus reads, problems that clients
//! read, health that tells the truth, and a shutdown that finishes what was begun.
//!
//! # Layout
//! - [`environment`]: variables over the settings
//! - [`health`]: readiness, as the one who does the work reports it
//! - [`logging`]: one JSON object a line, or text for people
//! - [`metrics`]: requests and their latencies by route
//! - [`problem`]: errors as `application/problem+json`
//! - [`request_id`]: the id that every answer carries
//! - [`server`]: the layers around every router, and serving until told to stop

pub mod environment;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod problem;
pub mod request_id;
pub mod server;

pub use environment::Environment;
pub use health::Health;
pub use metrics::Metrics;
pub use problem::Problem;
