//! Effects of a family over time.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::report::PastFamily;

/// Width of the plot, in SVG units.
const WIDTH: f64 = 260.0;

/// Vertical position of no effect.
const MIDDLE: f64 = 36.0;

/// Height above and below it.
const HALF: f64 = 30.0;

/// Largest effect on the axis.
const WIDEST: f64 = 6.0;

/// Plots the effect of a family in each report, the last one being the current; `None` where a report lacks it. `ends` are the
/// times of the first and the last.
pub(crate) fn trend(points: &[Option<PastFamily>], ends: [Option<Timestamp>; 2]) -> Markup {
    let largest =
        points.iter().flatten().map(|point| point.effect.value.abs()).fold(1.0, f64::max).min(WIDEST);
    let (x, y) = (
        |at: usize| 24.0 + (WIDTH - 36.0) * at as f64 / (points.len().max(2) - 1) as f64,
        |value: f64| MIDDLE - HALF * (value / largest).clamp(-1.0, 1.0),
    );
    let placed: Vec<(f64, f64, &PastFamily)> = (points.iter().enumerate())
        .filter_map(|(at, point)| point.as_ref().map(|point| (x(at), y(point.effect.value), point)))
        .collect();
    let line: Vec<String> = placed.iter().map(|(x, y, _)| format!("{x:.1} {y:.1}")).collect();
    let day = |time: Option<Timestamp>| {
        time.map_or_else(String::new, |time| time.strftime("%-d\u{a0}%b\u{a0}%Y").to_string())
    };
    let spoken = format!(
        "{} of {} reports with drift; now {:.1} SD",
        placed.iter().filter(|(_, _, point)| point.drifted).count(),
        points.len(),
        placed.last().map_or(0.0, |(_, _, point)| point.effect.value)
    );
    html! {
        svg class="trend-plot" viewBox="0 0 260 90" role="img" aria-label=(spoken) {
            path class="zero" d=(format!("M20 {MIDDLE}H{WIDTH}")) {}
            @for (text, at) in [(format!("+{largest:.0}"), MIDDLE - HALF), ("0".to_owned(), MIDDLE), (format!("−{largest:.0}"), MIDDLE + HALF)] {
                text class="tick end" x="16" y=(format!("{:.1}", at + 3.0)) { (text) }
            }
            @for (x, _, point) in &placed {
                path class="whisker" d=(format!("M{x:.1} {:.1}V{:.1}", y(point.effect.interval[0]), y(point.effect.interval[1]))) {}
            }
            path class="trend-line" d=(format!("M{}", line.join("L"))) {}
            @for (at, (x, y, point)) in placed.iter().enumerate() {
                @let now = at + 1 == placed.len();
                circle class=(if point.drifted { "dot alarm-dot" } else { "dot" }) cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(if now { "4.5" } else { "3" }) {}
            }
            text class="tick" x="20" y="86" { (day(ends[0])) }
            text class="tick end" x="256" y="86" { (day(ends[1])) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::{Effect, Family};

    #[test]
    fn each_report_has_a_dot() {
        let point = |value: f64, drifted| {
            let effect = Effect { value, interval: [value - 1.0, value + 1.0] };
            Some(PastFamily { family: Family::Focus, drifted, feature: "sharpness".into(), effect })
        };
        let plot = trend(&[point(0.1, false), None, point(-9.0, true)], [Some(Timestamp::UNIX_EPOCH), None]);
        let plot = plot.into_string();
        assert_eq!((plot.matches("<circle").count(), plot.matches("alarm-dot").count()), (2, 1), "{plot}");
        assert!(
            plot.contains("1 of 3 reports with drift; now -9.0 SD")
                && plot.contains("1970")
                && !plot.contains("NaN")
        );
    }
}
