//! SVG plots for HTML pages and files. They need no script and no font, follow the colour scheme of the reader (light or
//! dark), print well, use a palette for colour-blind readers, and describe themselves to screen readers.
//!
//! A plot is a value: fill in its fields, and `render` it as [`maud::Markup`]. A page includes [`STYLE`] once; a file is made
//! with [`document`].
//!
//! # Layout
//! - [`axis`]: axes of parallel coordinates
//! - [`bar_chart`]: bars with intervals, grouped by category
//! - [`distributions`]: histograms with quartiles, one per row
//! - [`heat_map`]: matrix of fractions and counts, such as a confusion matrix
//! - [`line_chart`]: lines over a common axis, such as learning curves
//! - [`parallel_coordinates`]: runs of a sweep, coloured by their score
//! - `frame`: parts that plots share
//! - `number`: formatting of numbers
//! - `scale`: positions and ticks of values on an axis
//! - `style`: style sheet, and plots as files

pub mod axis;
pub mod bar_chart;
pub mod distributions;
mod frame;
pub mod heat_map;
pub mod line_chart;
mod number;
pub mod parallel_coordinates;
mod scale;
mod style;

pub use axis::{Axis, AxisKind, Value};
pub use bar_chart::{Bar, BarChart};
pub use distributions::{Distribution, Distributions};
pub use heat_map::HeatMap;
pub use line_chart::{LineChart, Mark, Series};
pub use parallel_coordinates::{Line, ParallelCoordinates};
pub use scale::Scale;
pub use style::{STYLE, document};
