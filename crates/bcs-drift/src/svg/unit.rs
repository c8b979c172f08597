//! Scores in [0, 1] with their intervals.

use maud::{Markup, html};

use crate::quality::Quality;

/// Width of a plot, in SVG units.
const WIDTH: f64 = 240.0;

/// Space left of 0 and right of 1.
const MARGIN: f64 = 6.0;

fn at(score: f64) -> f64 {
    MARGIN + (WIDTH - 2.0 * MARGIN) * score.clamp(0.0, 1.0)
}

/// Plots an estimated and a measured score, one above the other, and a line where that of the validation tiles is.
pub(crate) fn unit(validation: Option<f64>, estimated: Option<Quality>, measured: Option<Quality>) -> Markup {
    let rows = [("estimated", estimated, 9.0), ("measured", measured, 21.0)];
    let spoken = |(name, quality, _): &(&str, Option<Quality>, f64)| {
        quality.map(|quality| format!("{name} {:.2}", quality.dice))
    };
    let spoken = rows.iter().filter_map(spoken).collect::<Vec<_>>().join(", ");
    html! {
        svg class="unit-plot" viewBox="0 0 240 30" role="img" aria-label=(spoken) {
            path class="zero" d=(format!("M{} 28H{}", at(0.0), at(1.0))) {}
            @for tick in [0.0, 0.5, 1.0] { path class="zero" d=(format!("M{} 25V30", at(tick))) {} }
            @if let Some(validation) = validation { path class="validation" d=(format!("M{:.1} 2V28", at(validation))) {} }
            @for (class, quality, y) in rows {
                @if let Some(Quality { dice, interval, .. }) = quality {
                    g class=(class) {
                        @if let Some([low, high]) = interval {
                            path class="unit-interval" d=(format!("M{:.1} {y}H{:.1}", at(low), at(high))) {}
                        }
                        circle cx=(format!("{:.1}", at(dice))) cy=(y) r="4.5" {}
                    }
                }
            }
        }
    }
}
