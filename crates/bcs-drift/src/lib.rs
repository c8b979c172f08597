//! Drift detection: whether the images that a model is given differ from those it was trained on. Pure functions; the
//! callers read and write the files.
//!
//! The trainer builds a drift reference from the features of its tiles. The predictor scores the novelty of each image.
//! The drift monitor compares many images with the reference, feature by feature, and renders a report.
//!
//! ```
//! use bcs_contracts::{FeatureTable, Features};
//! use bcs_drift::{About, Options, Table, detect, html};
//!
//! let image = |grey: f64| Features::from([("grey_mean".to_owned(), grey)]);
//! // Forty images of ten patients.
//! let images = |shift: f64| {
//!     (0..40).map(move |i| (Some(format!("patient {}", i % 10)), image(shift + f64::from(i) / 100.0)))
//! };
//! let mut training = FeatureTable::default();
//! images(0.3).for_each(|(case, features)| training.push(case, &features));
//! let reference = bcs_drift::reference::build("v1", training, FeatureTable::default())?;
//! let current = Table::from_features(images(0.5))?;
//! let about = About::new("r1", "2026-02-01T00:00:00Z".parse().expect("a time"));
//!
//! let report = detect(&Table::from_reference(&reference)?, &current, Options::new(about))?;
//! assert!(report.dataset_drift);
//! assert!(html::page(&report).contains("Drift in stain and colour"));
//! # Ok::<(), bcs_drift::Error>(())
//! ```
//!
//! # Layout
//! - [`drift`]: comparison of two tables, by the presets
//! - [`error`]: the error type
//! - `histogram`: histograms of two samples over the same bins
//! - [`html`]: rendering of a report as an HTML page
//! - [`judgement`]: verdict over cases, family by family
//! - [`novelty`]: novelty score of one image
//! - [`mod@reference`]: a drift reference from the features of many tiles
//! - [`report`]: the drift report
//! - [`sample`]: the values of one feature on one side
//! - [`stattests`]: statistical tests, one per file
//! - `svg`: plots of the HTML page
//! - [`table`]: features by column, from CSV, JSON, a reference or records
//! - `text`: formatting of numbers and findings

pub mod drift;
pub mod error;
mod histogram;
pub mod html;
pub mod judgement;
pub mod novelty;
pub mod reference;
pub mod report;
pub mod sample;
pub mod stattests;
mod svg;
pub mod table;
mod text;

pub use drift::{Options, Preset, detect};
pub use error::Error;
pub use judgement::Outcome;
pub use report::{About, DriftReport};
pub use table::Table;
pub use text::consequence;
