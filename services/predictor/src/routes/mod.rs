//! One file a route, named after it.

pub mod health;
pub mod info;
pub mod metrics;
pub mod predict_img;
pub mod predictions;
pub mod ready;
pub mod viewer;
