//! The HTTP server: listening, connections within limits, graceful shutdown, and the middleware of all routes.
//!
//! # Layout
//! - [`mod@serve`]: accepts connections until a stop signal
//! - [`scope`]: deadline and cancellation of a request
//! - [`held_body`]: a response body that keeps something until it has been sent
//! - `connection`: one connection
//! - `connections`: number of connections, and which of them are idle
//! - `layers`: middleware of all routes

mod connection;
mod connections;
pub mod held_body;
mod layers;
pub mod scope;
pub mod serve;

pub use held_body::HeldBody;
pub(crate) use layers::REQUEST_ID;
pub use layers::{panic_message, with_layers};
pub use scope::RequestScope;
pub use serve::{ServeLimits, bind, serve, serve_until};

#[cfg(test)]
mod tests;
