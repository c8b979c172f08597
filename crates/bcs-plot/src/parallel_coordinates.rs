//! Parallel coordinates: an axis per parameter, and a line per run, coloured by its score.

use maud::{Markup, html};

use crate::axis::{Axis, Positions, Value};
use crate::frame::{self, LEVELS};
use crate::number::{self, number, px};
use crate::scale::{Mapping, Scale, range};

/// Distance between axes.
const SPACING: f64 = 132.0;
/// Height of the axes.
const HEIGHT: f64 = 260.0;
/// Left and right margin: half the width of the labels of an axis.
const MARGIN: f64 = 64.0;
/// Number of ticks of the axis of the score.
const TICKS: usize = 5;

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Name, which is shown when the pointer is over the line.
    pub name: String,
    /// One value per axis; `None` where the run has none.
    pub values: Vec<Option<Value>>,
    /// Score; `None` for a run without one, such as a failed run.
    pub score: Option<f64>,
}

/// Parallel coordinates.
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelCoordinates {
    /// Title; may be empty.
    pub title: String,
    /// Axes, from left to right. The score has its own axis at the right.
    pub axes: Vec<Axis>,
    /// Name of the score, such as `val_metric`.
    pub score: String,
    /// Whether larger scores are better.
    pub maximize: bool,
    /// Runs.
    pub lines: Vec<Line>,
}

impl ParallelCoordinates {
    /// Renders the plot. Runs are drawn from the worst to the best, and the best one with a thicker line. A line has a gap
    /// where its run has no value; runs without a score are dotted.
    pub fn render(&self) -> Markup {
        let width = 2.0 * MARGIN + SPACING * self.axes.len() as f64;
        if self.lines.is_empty() {
            return frame::without_values(&self.title, width);
        }
        let top = frame::title_height(&self.title) + 22.0;
        let span = [top + HEIGHT, top];
        let axes: Vec<Positions<'_>> =
            self.axes.iter().enumerate().map(|(index, axis)| self.positions(index, axis, span)).collect();
        let scores = range(Scale::Linear, self.lines.iter().filter_map(|line| line.score));
        let score_axis = Mapping::new(Scale::Linear, scores.unwrap_or([0.0, 1.0]), span);
        let best = self.best();
        let contents = html! {
            (frame::title(&self.title))
            @for (index, axis) in axes.iter().enumerate() { (axis_line(x(index), span)) (labels(x(index), axis)) }
            (axis_line(x(axes.len()), span))
            @for index in self.order() {
                (self.line(&self.lines[index], &axes, &score_axis, best == Some(index)))
            }
            @for (index, axis) in self.axes.iter().enumerate() { (name(x(index), top, &axis.name)) }
            (name(x(axes.len()), top, &self.score))
            (self.score_labels(x(axes.len()), &score_axis))
            @for (index, axis) in axes.iter().enumerate() { (halo(x(index), axis)) }
        };
        frame::svg([width, top + HEIGHT + 14.0], &self.description(best), &contents)
    }

    fn positions<'a>(&self, index: usize, axis: &'a Axis, span: [f64; 2]) -> Positions<'a> {
        let values = self.lines.iter().filter_map(|line| line.values.get(index)?.as_ref());
        Positions::new(axis, values, span)
    }

    /// Indices of the runs, those without a score first, then from the worst to the best.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        order.sort_by(|a, b| self.rank(*a).total_cmp(&self.rank(*b)));
        order
    }

    fn rank(&self, index: usize) -> f64 {
        let score = self.lines[index].score.filter(|score| score.is_finite());
        score.map_or(f64::NEG_INFINITY, |score| if self.maximize { score } else { -score })
    }

    fn best(&self) -> Option<usize> {
        self.order().last().copied().filter(|index| self.rank(*index).is_finite())
    }

    fn line(&self, line: &Line, axes: &[Positions<'_>], score_axis: &Mapping, best: bool) -> Markup {
        let score = line.score.and_then(|score| score_axis.at(score));
        let positions = axes.iter().enumerate().map(|(index, axis)| {
            line.values.get(index).and_then(Option::as_ref).and_then(|value| axis.at(value))
        });
        let path = path(positions.chain([score]));
        let class = match score {
            Some(_) => {
                let level = self.level(line.score.unwrap_or_default(), score_axis);
                format!("p-run le{level}{}", if best { " p-best" } else { "" })
            }
            None => "p-run p-unscored".to_owned(),
        };
        html! { path class=(class) d=(path) { title { (self.tooltip(line)) } } }
    }

    fn level(&self, score: f64, axis: &Mapping) -> usize {
        let fraction = (score - axis.low) / (axis.high - axis.low);
        let fraction = if self.maximize { fraction } else { 1.0 - fraction };
        ((fraction * LEVELS as f64) as usize).min(LEVELS - 1)
    }

    fn tooltip(&self, line: &Line) -> String {
        let score = line.score.map_or_else(|| "no score".to_owned(), number);
        let values = self.axes.iter().zip(&line.values).filter_map(|(axis, value)| {
            value.as_ref().map(|value| format!("{} = {}", axis.name, value.text()))
        });
        let values: Vec<String> = values.collect();
        format!("{}\n{} = {score}\n{}", line.name, self.score, values.join("\n"))
    }

    fn score_labels(&self, x: f64, axis: &Mapping) -> Markup {
        let values = axis.ticks(TICKS);
        let texts = number::ticks(axis, &values, TICKS);
        let swatch = HEIGHT / LEVELS as f64;
        let bottom = axis.at(axis.low).unwrap_or_default();
        html! {
            @for level in 0..LEVELS {
                @let shown = if self.maximize { level } else { LEVELS - 1 - level };
                rect class={ "lf" (shown) } x=(px(x + 1.0)) y=(px(bottom - (level + 1) as f64 * swatch))
                    width="8" height=(px(swatch + 0.3)) {}
            }
            @for (position, text) in values.iter().filter_map(|value| axis.at(*value)).zip(texts) {
                text.p-halo x=(px(x + 14.0)) y=(px(position + 4.0)) { (text) }
            }
        }
    }

    fn description(&self, best: Option<usize>) -> String {
        let title = if self.title.is_empty() { "Parallel coordinates" } else { &self.title };
        let best = best.map_or_else(
            || "none has a score".to_owned(),
            |best| format!("the best is {}", self.tooltip(&self.lines[best]).replace('\n', ", ")),
        );
        format!("{title}: {} runs; {best}", self.lines.len())
    }
}

/// Horizontal position of an axis.
fn x(index: usize) -> f64 {
    MARGIN + SPACING * index as f64
}

fn axis_line(x: f64, [bottom, top]: [f64; 2]) -> Markup {
    html! { path class="p-axis" d={ "M" (px(x)) " " (px(bottom)) "V" (px(top)) } {} }
}

/// Name above an axis, without the groups of a dotted key if it is long.
fn name(x: f64, top: f64, name: &str) -> Markup {
    let last = name.rsplit('.').next().unwrap_or(name);
    let shown = if frame::text_width(name) <= SPACING - 2.0 { name } else { last };
    html! {
        text class="p-middle" font-weight="600" x=(px(x)) y=(px(top - 12.0)) {
            (frame::shortened(shown, SPACING - 2.0))
            title { (name) }
        }
    }
}

fn labels(x: f64, axis: &Positions<'_>) -> Markup {
    html! {
        @for (y, _) in axis.labels(SPACING - 16.0) {
            path class="p-axis" d={ "M" (px(x - 4.0)) " " (px(y)) "h8" } {}
        }
    }
}

/// Labels over the lines, with a halo.
fn halo(x: f64, axis: &Positions<'_>) -> Markup {
    html! {
        @for (y, text) in axis.labels(SPACING - 16.0) { text class="p-halo" x=(px(x + 7.0)) y=(px(y + 4.0)) { (text) } }
    }
}

/// Path through the positions on all axes, with a gap where there is none.
fn path(positions: impl Iterator<Item = Option<f64>>) -> String {
    let mut path = String::new();
    let mut draws = false;
    for (index, position) in positions.enumerate() {
        if let Some(y) = position {
            path += &format!("{}{} {}", if draws { "L" } else { "M" }, px(x(index)), px(y));
            if !draws {
                // A run with neighbours on neither side shows as a dash.
                path += "h0.1";
            }
        }
        draws = position.is_some();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::AxisKind;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn run(name: &str, rate: f64, model: &str, score: Option<f64>) -> Line {
        let values = vec![Some(Value::Number(rate)), Some(text(model))];
        Line { name: name.to_owned(), values, score }
    }

    fn plot(maximize: bool) -> ParallelCoordinates {
        let lines = vec![
            run("0", 1e-4, "UNet", Some(0.7)),
            run("1", 1e-2, "SegResNet", Some(0.8)),
            run("2", 1e-3, "UNet", None),
        ];
        let column = |index: usize| lines.iter().filter_map(move |line| line.values[index].as_ref());
        let axes =
            vec![Axis::fitting("train_hyp.learning_rate", column(0)), Axis::fitting("model_hyp", column(1))];
        ParallelCoordinates {
            title: "Sweep".to_owned(),
            axes,
            score: "val_metric".to_owned(),
            maximize,
            lines,
        }
    }

    #[test]
    fn the_best_run_is_drawn_last_and_named() {
        for (maximize, best) in [(true, 1), (false, 0)] {
            let plot = plot(maximize);
            assert_eq!(plot.best(), Some(best));
            assert_eq!(plot.order().first(), Some(&2));
            let svg = plot.render().into_string();
            assert!(svg.contains(&format!("the best is {best}, val_metric")), "{svg}");
            assert_eq!(svg.matches("p-best").count(), 1);
            assert_eq!(svg.matches("p-unscored").count(), 1);
        }
    }

    #[test]
    fn a_missing_value_is_a_gap() {
        let y = [Some(10.0), Some(20.0), None, Some(30.0)];
        assert_eq!(path(y.into_iter()), "M64 10h0.1L196 20M460 30h0.1");
    }

    #[test]
    fn names_are_escaped() {
        let mut plot = plot(true);
        plot.lines[0].name = "<script>\"".to_owned();
        plot.axes[1].kind = AxisKind::Category(vec!["<b>".to_owned()]);
        let svg = plot.render().into_string();
        assert!(!svg.contains("<script") && !svg.contains("<b>"));
    }

    #[test]
    fn a_sweep_without_runs_says_so() {
        let svg = ParallelCoordinates { lines: Vec::new(), ..plot(true) }.render().into_string();
        assert!(svg.contains("no values"));
    }
}
