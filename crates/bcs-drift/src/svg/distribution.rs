//! Both distributions of a feature over one axis.

use maud::{Markup, html};

use crate::report::{FeatureDrift, Summary};
use crate::text::number;

/// Width of the plot, in SVG units.
const WIDTH: f64 = 240.0;
/// Vertical position of the baseline of the bars.
const BASELINE: f64 = 46.0;
/// Vertical positions of the 5–95 % ranges of reference and current values.
const STRIPS: [f64; 2] = [54.0, 64.0];

/// Plots the histograms of a feature on top of each other, the reference filled and the current values outlined; below
/// them, for each, a line from the 5 % to the 95 % quantile with a dot at the median and ticks at the means of the cases, and
/// the limits of the axis.
pub(crate) fn distribution(feature: &FeatureDrift) -> Markup {
    let histogram = &feature.histogram;
    let (reference, current) = (shares(&histogram.reference), shares(&histogram.current));
    let tallest = reference.iter().chain(&current).copied().fold(f64::MIN_POSITIVE, f64::max);
    let (low, high) = (histogram.edges[0], histogram.edges[histogram.edges.len() - 1]);
    html! {
        svg class="plot" viewBox="0 0 240 82" role="img" aria-label=(description(feature)) {
            path class="area reference" d=(steps(&reference, tallest)) {}
            path class="area current" d=(steps(&current, tallest)) {}
            path class="line reference" d=(steps(&reference, tallest)) {}
            path class="line current" d=(steps(&current, tallest)) {}
            path class="axis" d=(format!("M0 {BASELINE}H{WIDTH}")) {}
            (strip("reference", STRIPS[0], &feature.reference, &feature.cases.reference, low, high))
            (strip("current", STRIPS[1], &feature.current, &feature.cases.current, low, high))
            text class="tick" x="0" y="81" { (number(low)) }
            text class="tick end" x="240" y="81" { (number(high)) }
        }
    }
}

/// Text alternative of the plot, for screen readers.
fn description(feature: &FeatureDrift) -> String {
    let side = |summary: &Summary| {
        let [median, p05, p95] = [summary.median, summary.p05, summary.p95].map(number);
        format!("median {median}, 90 % between {p05} and {p95}")
    };
    format!("{}: reference {}; current {}", feature.name, side(&feature.reference), side(&feature.current))
}

/// Counts as fractions of their sum.
fn shares(counts: &[u64]) -> Vec<f64> {
    let sum = counts.iter().sum::<u64>().max(1) as f64;
    counts.iter().map(|count| *count as f64 / sum).collect()
}

/// SVG path of the outline of the bars, starting and ending at the baseline.
fn steps(shares: &[f64], tallest: f64) -> String {
    let bar = WIDTH / shares.len() as f64;
    let mut path = format!("M0 {BASELINE}");
    for (index, share) in shares.iter().enumerate() {
        let top = BASELINE - 44.0 * share / tallest;
        let right = bar * (index + 1) as f64;
        path += &format!("V{top:.1}H{right:.0}");
    }
    path + &format!("V{BASELINE}")
}

fn strip(class: &str, y: f64, summary: &Summary, cases: &[f64], low: f64, high: f64) -> Markup {
    let at = |value: f64| position(value, low, high);
    let ticks: String = cases.iter().map(|mean| format!("M{:.0} {}v7", at(*mean), y - 3.5)).collect();
    html! {
        @if !ticks.is_empty() { path class={ "case " (class) } d=(ticks) {} }
        path class={ "range " (class) } d=(format!("M{:.1} {y}H{:.1}", at(summary.p05), at(summary.p95))) {}
        circle class={ "median " (class) } cx=(format!("{:.1}", at(summary.median))) cy=(y) r="2.6" {}
    }
}

/// Horizontal position of a value on an axis from `low` to `high`; halved, because their difference may overflow.
fn position(value: f64, low: f64, high: f64) -> f64 {
    WIDTH * ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_start_and_end_at_the_baseline() {
        assert_eq!(steps(&[0.5, 0.25], 0.5), "M0 46V2.0H120V24.0H240V46");
    }

    #[test]
    fn positions_are_within_the_plot() {
        assert_eq!(position(0.5, 0.0, 1.0), 120.0);
        assert_eq!(position(1e308, -1e308, 1e308), WIDTH);
        assert_eq!(position(-0.1, 0.0, 1.0), 0.0);
    }
}
