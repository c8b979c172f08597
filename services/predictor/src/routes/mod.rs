//! One file per route.

pub mod info;
pub mod predict_img;
pub mod predictions;
pub mod viewer;
