//! Histograms with quartiles, one per row, such as the scores of single images by class.

use maud::{Markup, html};

use crate::frame;
use crate::number::{self, number, px};
use crate::scale::{Mapping, Scale};

const WIDTH: f64 = 480.0;
/// Height of a row.
const ROW: f64 = 50.0;
/// Height of the tallest bar.
const TALLEST: f64 = 30.0;
/// Maximum width of the names of rows.
const MAX_LABEL: f64 = 150.0;
const RIGHT: f64 = 14.0;
const BINS: usize = 40;
const TICKS: usize = 5;

/// Values of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Name.
    pub name: String,
    /// Values; those that are not finite are left out.
    pub values: Vec<f64>,
}

/// Histograms over a common axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Distributions {
    /// Title; may be empty.
    pub title: String,
    /// Limits of the axis. Values beyond them are counted at its ends.
    pub range: [f64; 2],
    /// CSS colours of the first rows; the others have those of the palette.
    pub colors: Vec<String>,
    /// Rows, from top to bottom.
    pub rows: Vec<Distribution>,
}

impl Distributions {
    /// Renders the histograms, each with its own height; below it, a line from the lower to the upper quartile with a dot at
    /// the median.
    pub fn render(&self) -> Markup {
        let rows: Vec<(&str, Vec<f64>)> =
            self.rows.iter().map(|row| (row.name.as_str(), row.sorted())).collect();
        if rows.iter().all(|(_, values)| values.is_empty()) {
            return frame::without_values(&self.title, WIDTH);
        }
        let top = frame::title_height(&self.title);
        let bottom = top + ROW * rows.len() as f64;
        let label_width = rows.iter().map(|(name, _)| frame::text_width(name)).fold(30.0, f64::max);
        let left = label_width.min(MAX_LABEL) + 10.0;
        let x = Mapping::new(Scale::Linear, self.range, [left, WIDTH - RIGHT]);
        let ticks = x.ticks(TICKS);
        let texts = number::ticks(&x, &ticks, TICKS);
        let contents = html! {
            (frame::title(&self.title))
            @for (position, text) in ticks.iter().filter_map(|value| x.at(*value)).zip(texts) {
                path class="p-grid" d={ "M" (px(position)) " " (px(top)) "V" (px(bottom)) } {}
                text class="p-muted p-middle" x=(px(position)) y=(px(bottom + 15.0)) { (text) }
            }
            @for (index, (name, values)) in rows.iter().enumerate() {
                @let baseline = top + ROW * index as f64 + TALLEST + 8.0;
                text class="p-end" x=(px(left - 8.0)) y=(px(baseline - 4.0)) { (frame::shortened(name, MAX_LABEL)) }
                (row(index, values, &x, baseline))
            }
        };
        frame::svg_in_colors([WIDTH, bottom + 21.0], &self.description(&rows), &self.colors, &contents)
    }

    fn description(&self, rows: &[(&str, Vec<f64>)]) -> String {
        let row = |(name, values): &(&str, Vec<f64>)| match values.is_empty() {
            true => format!("{name}: no values"),
            false => {
                let [lower, median, upper] = [0.25, 0.5, 0.75].map(|share| number(quantile(values, share)));
                format!(
                    "{name}: median {median}, half of {} values between {lower} and {upper}",
                    values.len()
                )
            }
        };
        format!("{}: {}", self.title, rows.iter().map(row).collect::<Vec<_>>().join("; "))
    }
}

impl Distribution {
    fn sorted(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.values.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

fn row(index: usize, values: &[f64], x: &Mapping, baseline: f64) -> Markup {
    let (Some(start), Some(end)) = (x.at(x.low), x.at(x.high)) else { return Markup::default() };
    let bin = (end - start) / BINS as f64;
    let counts = histogram(values, x);
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let below = baseline + 5.0;
    let quartile = |share: f64| x.at(quantile(values, share)).unwrap_or(start);
    html! {
        path class="p-axis" d={ "M" (px(start)) " " (px(baseline)) "H" (px(end)) } {}
        @if values.is_empty() { text.p-muted x=(px(start + 6.0)) y=(px(baseline - 5.0)) { "no values" } }
        @else {
            path class=(frame::fill(index)) fill-opacity="0.55"
                d=(bars(&counts, [start, baseline], [bin, TALLEST / most])) {}
            path class={ "p-line " (frame::stroke(index)) }
                d={ "M" (px(quartile(0.25))) " " (px(below)) "H" (px(quartile(0.75))) } {}
            circle class={ "p-dot " (frame::fill(index)) } cx=(px(quartile(0.5))) cy=(px(below)) r="4" {}
        }
    }
}

/// Number of values in bins of equal width.
fn histogram(values: &[f64], x: &Mapping) -> [usize; BINS] {
    let mut counts = [0; BINS];
    for value in values {
        let fraction = (value - x.low) / (x.high - x.low);
        counts[((fraction * BINS as f64).max(0.0) as usize).min(BINS - 1)] += 1;
    }
    counts
}

fn bars(counts: &[usize], [start, baseline]: [f64; 2], [width, height]: [f64; 2]) -> String {
    let bar = |(index, count): (usize, &usize)| {
        let (left, tall) = (start + width * index as f64, height * *count as f64);
        format!("M{} {}v{}h{}v{}z", px(left), px(baseline), px(-tall), px(width - 0.6), px(tall))
    };
    counts.iter().enumerate().filter(|(_, count)| **count > 0).map(bar).collect()
}

/// Quantile of ascending values, interpolated as by numpy; NaN of none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    values[below] + (values[above] - values[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_finite_values_are_counted() {
        let x = Mapping::new(Scale::Linear, [0.0, 1.0], [0.0, 400.0]);
        let counts = histogram(&[0.0, 0.01, 0.5, 1.0, 2.0, -1.0], &x);
        assert_eq!((counts[0], counts[20], counts[BINS - 1], counts.iter().sum::<usize>()), (3, 1, 2, 6));
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let values = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&values, share)), [1.0, 1.75, 3.0, 8.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_row_without_values_says_so() {
        let row =
            |name: &str, values: &[f64]| Distribution { name: name.to_owned(), values: values.to_vec() };
        let rows = vec![row("tumour", &[0.5, 0.7, f64::NAN]), row("fat", &[])];
        let plot = Distributions {
            title: "Dice".to_owned(),
            range: [0.0, 1.0],
            colors: vec!["#d55e00".to_owned()],
            rows,
        };
        let svg = plot.render().into_string();
        assert!(
            svg.contains("tumour: median 0.6, half of 2 values between 0.55 and 0.65; fat: no values"),
            "{svg}"
        );
        assert!(svg.contains(";--s0:#d55e00\"") && !svg.contains("NaN"));
    }
}
