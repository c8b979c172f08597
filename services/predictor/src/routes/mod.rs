//! One file per route.

pub mod info;
pub mod label;
pub mod predict;
pub mod predict_img;
pub mod predictions;
pub mod viewer;
