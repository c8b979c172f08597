//! Lines over a common axis, such as learning curves.

use maud::{Markup, html};

use crate::frame;
use crate::number::{self, number, px};
use crate::scale::{Mapping, Scale, range};

const WIDTH: f64 = 480.0;
/// Height of the area of the lines.
const HEIGHT: f64 = 190.0;
/// Space for the labels of the vertical axis.
const LEFT: f64 = 48.0;
/// Space for half a label of the horizontal axis.
const RIGHT: f64 = 14.0;
const TICKS: usize = 5;
/// Maximum number of points of a line; more cannot be told apart.
const MAX_POINTS: usize = 600;

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points, by ascending x. A line has a gap where a value is NaN or has no position on its axis.
    pub points: Vec<(f64, f64)>,
}

/// A vertical mark, such as the best epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// Text beside the mark.
    pub label: String,
}

/// A line chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineChart {
    /// Title; may be empty.
    pub title: String,
    /// Name of the horizontal axis, such as `epoch`.
    pub x_label: String,
    /// Scale of the vertical axis.
    pub y_scale: Scale,
    /// Range that the vertical axis has at least, such as [0, 1] for scores.
    pub y_range: Option<[f64; 2]>,
    /// Lines. A legend names them if there are several.
    pub series: Vec<Series>,
    /// CSS colours of the first lines; the others have those of the palette.
    pub colors: Vec<String>,
    /// Marked position.
    pub mark: Option<Mark>,
}

impl LineChart {
    /// Renders the chart. Lines with more points than can be told apart are thinned to the smallest and largest value of each
    /// stretch.
    pub fn render(&self) -> Markup {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x_range = range(Scale::Linear, points().map(|point| point.0));
        let y_range =
            range(self.y_scale, points().map(|point| point.1).chain(self.y_range.into_iter().flatten()));
        let has_values = points().any(|point| self.y_scale.accepts(point.1));
        let (Some(x_range), Some(y_range), true) = (x_range, y_range, has_values) else {
            return frame::without_values(&self.title, WIDTH);
        };
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        let title_height = frame::title_height(&self.title);
        let (legend, legend_height) = match names.len() {
            0 | 1 => (Markup::default(), 0.0),
            _ => frame::legend(&names, WIDTH, title_height),
        };
        let top = title_height + legend_height + 8.0;
        let x = Mapping::new(Scale::Linear, x_range, [LEFT, WIDTH - RIGHT]);
        let y = Mapping::new(self.y_scale, y_range, [top + HEIGHT, top]).extended(TICKS);
        let contents = html! {
            (frame::title(&self.title))
            (legend)
            (horizontal_grid(&y))
            (vertical_ticks(&x, top + HEIGHT))
            text class="p-muted p-middle" x=(px((LEFT + WIDTH - RIGHT) / 2.0)) y=(px(top + HEIGHT + 33.0)) {
                (self.x_label)
            }
            @if let Some(mark) = &self.mark { (marked(mark, &x, top)) }
            @for (index, series) in self.series.iter().enumerate() { (line(index, series, &x, &y)) }
        };
        frame::svg_in_colors([WIDTH, top + HEIGHT + 40.0], &self.description(), &self.colors, &contents)
    }

    fn description(&self) -> String {
        let series = self.series.iter().filter_map(|series| {
            let [low, high] = range(self.y_scale, series.points.iter().map(|point| point.1))?;
            let last = series.points.last()?.1;
            let [low, high, last] = [low, high, last].map(number);
            Some(format!("{}: from {low} to {high}, {last} at the end", series.name))
        });
        let series: Vec<String> = series.collect();
        let mark =
            self.mark.as_ref().map_or_else(String::new, |mark| format!("; {} at {}", mark.label, mark.x));
        format!("{} by {}: {}{mark}", self.title, self.x_label, series.join("; "))
    }
}

fn horizontal_grid(y: &Mapping) -> Markup {
    let values = y.ticks(TICKS);
    let texts = number::ticks(y, &values, TICKS);
    html! {
        @for (position, text) in values.iter().filter_map(|value| y.at(*value)).zip(texts) {
            path class="p-grid" d={ "M" (px(LEFT)) " " (px(position)) "H" (px(WIDTH - RIGHT)) } {}
            text class="p-muted p-end" x=(px(LEFT - 7.0)) y=(px(position + 4.0)) { (text) }
        }
    }
}

/// Ticks at whole numbers, such as epochs, unless there are none.
fn vertical_ticks(x: &Mapping, bottom: f64) -> Markup {
    let all = x.ticks(6);
    let whole: Vec<f64> = all.iter().copied().filter(|value| value.fract() == 0.0).collect();
    let labels: Vec<(f64, String)> = if whole.is_empty() {
        let texts = number::ticks(x, &all, 6);
        all.into_iter().zip(texts).collect()
    } else {
        whole.into_iter().map(|value| (value, number::grouped(value))).collect()
    };
    html! {
        path class="p-axis" d={ "M" (px(LEFT)) " " (px(bottom)) "H" (px(WIDTH - RIGHT)) } {}
        @for (position, text) in labels.iter().filter_map(|(value, text)| Some((x.at(*value)?, text))) {
            path class="p-axis" d={ "M" (px(position)) " " (px(bottom)) "v4" } {}
            text class="p-muted p-middle" x=(px(position)) y=(px(bottom + 17.0)) { (text) }
        }
    }
}

fn marked(mark: &Mark, x: &Mapping, top: f64) -> Markup {
    let Some(position) = x.at(mark.x) else { return Markup::default() };
    // To the left where there is no space at the right.
    let fits = position + frame::text_width(&mark.label) + 6.0 < WIDTH;
    html! {
        path class="p-mark" d={ "M" (px(position)) " " (px(top)) "v" (px(HEIGHT)) } {}
        text class={ "p-halo" @if !fits { " p-end" } } x=(px(if fits { position + 5.0 } else { position - 5.0 }))
            y=(px(top + HEIGHT - 7.0)) { (mark.label) }
    }
}

fn line(index: usize, series: &Series, x: &Mapping, y: &Mapping) -> Markup {
    let positions = thinned(&series.points).into_iter().map(|(at, value)| Some((x.at(at)?, y.at(value)?)));
    let positions: Vec<Option<(f64, f64)>> = positions.collect();
    let single = |at: usize| {
        let neighbour = |at: Option<usize>| at.and_then(|at| positions.get(at)).copied().flatten();
        neighbour(at.checked_sub(1)).is_none() && neighbour(Some(at + 1)).is_none()
    };
    let lonely =
        positions.iter().enumerate().filter(|(at, _)| single(*at)).filter_map(|(_, position)| *position);
    html! {
        path class={ "p-line " (frame::stroke(index)) } d=(path(&positions)) {
            @if !series.name.is_empty() { title { (series.name) } }
        }
        @for (cx, cy) in lonely { circle class=(frame::fill(index)) cx=(px(cx)) cy=(px(cy)) r="3" {} }
    }
}

fn path(positions: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let mut draws = false;
    for position in positions {
        if let Some((x, y)) = position {
            path += &format!("{}{} {}", if draws { "L" } else { "M" }, px(*x), px(*y));
        }
        draws = position.is_some();
    }
    path
}

/// Points of which at most [`MAX_POINTS`] are left: the smallest and the largest of each stretch, in their order.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MAX_POINTS / 2);
    points
        .chunks(stretch)
        .flat_map(|points| {
            let indices = 0..points.len();
            let smallest = indices.clone().min_by(|a, b| points[*a].1.total_cmp(&points[*b].1)).unwrap_or(0);
            let largest = indices.max_by(|a, b| points[*a].1.total_cmp(&points[*b].1)).unwrap_or(0);
            let mut kept = vec![smallest.min(largest), smallest.max(largest)];
            kept.dedup();
            kept.into_iter().map(|index| points[index])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> LineChart {
        let series = vec![Series { name: "loss".to_owned(), points }];
        LineChart { title: "Loss".to_owned(), x_label: "epoch".to_owned(), series, ..LineChart::default() }
    }

    #[test]
    fn a_point_that_is_undefined_is_a_gap() {
        let points = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 0.5), (3.0, 0.25)];
        let svg = chart(points).render().into_string();
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
        assert!(svg.contains("aria-label=\"Loss by epoch: loss: from 0.25 to 1, 0.25 at the end\""), "{svg}");
    }

    #[test]
    fn a_chart_without_values_says_so() {
        for points in [vec![], vec![(0.0, f64::NAN)]] {
            assert!(chart(points).render().into_string().contains("no values"));
        }
        let log = LineChart { y_scale: Scale::Log, ..chart(vec![(0.0, 0.0), (1.0, -1.0)]) };
        assert!(log.render().into_string().contains("no values"));
    }

    #[test]
    fn thinned_lines_keep_their_extremes() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|x| (f64::from(x), 1.0)).collect();
        points[4321].1 = 9.0;
        points[1234].1 = -9.0;
        let thin = thinned(&points);
        assert!(thin.len() <= MAX_POINTS && thin.contains(&(4321.0, 9.0)) && thin.contains(&(1234.0, -9.0)));
        assert!(thin.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn a_mark_at_the_end_is_named_to_its_left() {
        let mark = |x: f64| {
            let chart = LineChart {
                mark: Some(Mark { x, label: "best".to_owned() }),
                ..chart(vec![(0.0, 1.0), (9.0, 2.0)])
            };
            chart.render().into_string().contains("p-halo p-end")
        };
        assert!(mark(9.0) && !mark(1.0));
    }
}
