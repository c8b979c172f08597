//! Drift: how far what a model sees has moved from what it was trained on. Functions of their arguments; whoever
//! calls reads and writes the files.
//!
//! A reference is made once, at training; the predictor asks of each image how novel it is; the monitor compares
//! many images with the reference, feature by feature, and renders what it found.
//!
//! ```
//! use bcs_contracts::{FeatureTable, Features};
//! use bcs_drift::{About, Options, Table, detect, html};
//!
//! let image = |grey: f64| Features::from([("grey_mean".to_owned(), grey)]);
//! let images = |shift: f64| (0..40).map(move |i| image(shift + f64::from(i) / 100.0));
//! let mut training = FeatureTable::default();
//! images(0.3).for_each(|features| training.push(None, &features));
//! let reference = bcs_drift::reference::build("v1", training, FeatureTable::default())?;
//! let current = Table::from_features(images(0.5))?;
//! let about = About::new("r1", "2026-02-01T00:00:00Z".parse().expect("a time"));
//!
//! let report = detect(&Table::from_reference(&reference)?, &current, Options::new(about))?;
//! assert!(report.dataset_drift);
//! assert!(html::page(&report).contains("Drift in 1 of 1 feature"));
//! # Ok::<(), bcs_drift::Error>(())
//! ```
//!
//! # Layout
//! - [`drift`]: the verdict on two tables
//! - [`error`]: everything that can go wrong here
//! - [`html`]: a report as one page
//! - `histogram`: counts of two samples over the same bins
//! - [`novelty`]: how unusual one image is
//! - [`mod@reference`]: a drift reference from the features of many images
//! - [`report`]: what was found, as stored and rendered
//! - [`sample`]: the values of one feature on one side
//! - [`stattests`]: the statistical tests, one a file
//! - `svg`: the small plots of the page
//! - [`table`]: features by column, from CSV, JSON, a reference or records
//! - `text`: numbers and findings in words

pub mod drift;
pub mod error;
mod histogram;
pub mod html;
pub mod novelty;
pub mod reference;
pub mod report;
pub mod sample;
pub mod stattests;
mod svg;
pub mod table;
mod text;

pub use drift::{Options, detect};
pub use error::Error;
pub use report::{About, DriftReport};
pub use table::Table;
