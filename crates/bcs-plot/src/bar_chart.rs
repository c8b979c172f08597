//! Bars with intervals, grouped by category.

use maud::{Markup, html};

use crate::frame;
use crate::number::{self, px};
use crate::scale::{Mapping, Scale, range};

const WIDTH: f64 = 480.0;
/// Maximum width of the names of categories.
const MAX_LABEL: f64 = 150.0;
/// Space for the value at the end of a bar.
const RIGHT: f64 = 46.0;
/// Height of a bar.
const BAR: f64 = 15.0;
/// Gap between groups.
const GAP: f64 = 10.0;
const TICKS: usize = 5;

/// A bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Value; NaN for none.
    pub value: f64,
    /// Lower and upper end of its interval.
    pub interval: Option<[f64; 2]>,
}

/// Horizontal bars: a group per category, with a bar per series.
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    /// Title; may be empty.
    pub title: String,
    /// Names of the series. A legend names them if there are several.
    pub series: Vec<String>,
    /// Name of each category, with a bar per series.
    pub groups: Vec<(String, Vec<Bar>)>,
    /// Range that the axis has at least.
    pub range: [f64; 2],
}

impl BarChart {
    /// Renders the chart. Bars begin at 0.
    pub fn render(&self) -> Markup {
        let bars = || self.groups.iter().flat_map(|(_, bars)| bars);
        if !bars().any(|bar| bar.value.is_finite()) {
            return frame::without_values(&self.title, WIDTH);
        }
        let names: Vec<&str> = self.series.iter().map(String::as_str).collect();
        let title_height = frame::title_height(&self.title);
        let (legend, legend_height) = match names.len() {
            0 | 1 => (Markup::default(), 0.0),
            _ => frame::legend(&names, WIDTH, title_height),
        };
        let top = title_height + legend_height + 6.0;
        let group = BAR * names.len().max(1) as f64 + GAP;
        let bottom = top + group * self.groups.len() as f64;
        let label_width = self.groups.iter().map(|(name, _)| frame::text_width(name)).fold(30.0, f64::max);
        let left = label_width.min(MAX_LABEL) + 10.0;
        let values = bars().flat_map(|bar| bar.interval.into_iter().flatten().chain([bar.value]));
        let range = range(Scale::Linear, values.chain(self.range).chain([0.0])).unwrap_or(self.range);
        let x = Mapping::new(Scale::Linear, range, [left, WIDTH - RIGHT]).extended(TICKS);
        let ticks = x.ticks(TICKS);
        let texts = number::ticks(&x, &ticks, TICKS);
        let contents = html! {
            (frame::title(&self.title))
            (legend)
            @for (position, text) in ticks.iter().filter_map(|value| x.at(*value)).zip(texts) {
                path class="p-grid" d={ "M" (px(position)) " " (px(top)) "V" (px(bottom)) } {}
                text class="p-muted p-middle" x=(px(position)) y=(px(bottom + 16.0)) { (text) }
            }
            @for (index, (name, bars)) in self.groups.iter().enumerate() {
                @let y = top + group * index as f64 + GAP / 2.0;
                text class="p-end" x=(px(left - 8.0)) y=(px(y + (group - GAP) / 2.0 + 4.0)) {
                    (frame::shortened(name, MAX_LABEL))
                }
                @for (series, bar) in bars.iter().enumerate() { (self.bar(series, bar, &x, y + BAR * series as f64)) }
            }
        };
        frame::svg([WIDTH, bottom + 22.0], &self.description(), &contents)
    }

    fn bar(&self, series: usize, bar: &Bar, x: &Mapping, y: f64) -> Markup {
        let (Some(zero), Some(end)) = (x.at(0.0), x.at(bar.value)) else {
            return html! { text.p-muted x=(px(x.at(0.0).unwrap_or_default() + 5.0)) y=(px(y + BAR / 2.0 + 4.0)) { "–" } };
        };
        let middle = y + BAR / 2.0;
        let interval = bar.interval.and_then(|[low, high]| Some([x.at(low)?, x.at(high)?]));
        let farthest = interval.map_or(end, |[_, high]| end.max(high));
        html! {
            rect class=(frame::fill(series)) x=(px(zero.min(end))) y=(px(y + 1.0)) width=(px((end - zero).abs()))
                height=(px(BAR - 2.0)) rx="2" fill-opacity="0.8" {}
            @if let Some([low, high]) = interval {
                path class="p-interval" d=(whiskers([low, high], middle)) {}
            }
            text.p-halo x=(px(farthest + 6.0)) y=(px(middle + 4.0)) { (three(bar.value)) }
        }
    }

    fn description(&self) -> String {
        let one = |(name, bar): (&String, &Bar)| {
            let interval = bar
                .interval
                .map_or_else(String::new, |[low, high]| format!(" ({} to {})", three(low), three(high)));
            let value = if bar.value.is_finite() { three(bar.value) } else { "undefined".to_owned() };
            let series = if self.series.len() > 1 { format!("{name} ") } else { String::new() };
            format!("{series}{value}{interval}")
        };
        let group = |(name, bars): &(String, Vec<Bar>)| {
            let bars: Vec<String> = self.series.iter().zip(bars).map(one).collect();
            format!("{name}: {}", bars.join(", "))
        };
        format!("{}: {}", self.title, self.groups.iter().map(group).collect::<Vec<_>>().join("; "))
    }
}

/// SVG path of an interval: a line with a mark at both ends.
fn whiskers(ends: [f64; 2], y: f64) -> String {
    let [low, high] = ends.map(px);
    let (y, top) = (px(y), px(y - 3.0));
    format!("M{low} {y}H{high}M{low} {top}v6M{high} {top}v6")
}

/// Formats a value with three decimals, so that values line up.
fn three(value: f64) -> String {
    format!("{value:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(bars: &[Bar]) -> String {
        let groups = vec![("tumour".to_owned(), bars.to_vec())];
        let series = (0..bars.len()).map(|index| format!("model {index}")).collect();
        BarChart { title: "Dice".to_owned(), series, groups, range: [0.0, 1.0] }.render().into_string()
    }

    #[test]
    fn a_bar_is_described_with_its_interval() {
        let svg = chart(&[Bar { value: 0.812, interval: Some([0.7, 0.9]) }]);
        assert!(svg.contains("aria-label=\"Dice: tumour: 0.812 (0.700 to 0.900)\""), "{svg}");
        let svg = chart(&[Bar { value: 0.5, interval: None }, Bar { value: f64::NAN, interval: None }]);
        assert!(svg.contains("Dice: tumour: model 0 0.500, model 1 undefined"), "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn negative_bars_end_at_zero() {
        let svg = chart(&[Bar { value: -0.5, interval: None }]);
        let x = Mapping::new(Scale::Linear, [-0.5, 1.0], [frame::text_width("tumour") + 10.0, WIDTH - RIGHT]);
        let (start, width) = (x.at(-0.5).unwrap(), x.at(0.0).unwrap() - x.at(-0.5).unwrap());
        assert!(svg.contains(&format!("x=\"{}\" y=\"38\" width=\"{}\"", px(start), px(width))), "{svg}");
    }

    #[test]
    fn bars_without_values_say_so() {
        assert!(chart(&[Bar { value: f64::NAN, interval: None }]).contains("no values"));
    }
}
