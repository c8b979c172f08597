//! Effects with intervals on a common scale, as in a forest plot.

use maud::{Markup, html};

use crate::judgement::Effect;

/// Width of a plot, in SVG units.
const WIDTH: f64 = 240.0;

/// Space left of the first and right of the last value.
const MARGIN: f64 = 8.0;

/// Largest effect that the scale reaches to; beyond it there is an arrow.
const WIDEST: f64 = 8.0;

/// Symmetrical scale of a forest plot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Effect at the right end, in standard deviations.
    end: f64,
}

impl Scale {
    /// Chooses a scale for effects.
    pub(crate) fn of(effects: impl Iterator<Item = Effect>) -> Self {
        let reach =
            |effect: Effect| effect.value.abs().max(effect.interval[0].abs().min(effect.interval[1].abs()));
        Self { end: (effects.map(reach).fold(0.0, f64::max) * 1.3).clamp(1.0, WIDEST).ceil() }
    }

    fn at(self, value: f64) -> f64 {
        let half = WIDTH / 2.0;
        half + (half - MARGIN) * (value / self.end).clamp(-1.0, 1.0)
    }

    fn is_beyond(self, value: f64) -> bool {
        value.abs() > self.end
    }
}

/// Plots an effect: a dot and its interval, beside the line of no effect. Without p-value the dot is hollow.
pub(crate) fn forest(effect: Effect, p_value: Option<f64>, scale: Scale) -> Markup {
    let Effect { value, interval: [low, high] } = effect;
    let spoken = format!("{value:.1} SD, 95 % interval {low:.1} to {high:.1}");
    let at = scale.at(value);
    html! {
        svg class="forest-plot" viewBox="0 0 240 20" role="img" aria-label=(spoken) {
            path class="zero" d="M120 0V20" {}
            path class="interval" d=(format!("M{:.1} 10H{:.1}", scale.at(low), scale.at(high))) {}
            @for end in [low, high].into_iter().filter(|end| scale.is_beyond(*end)) { (arrow(scale.at(end), end > 0.0)) }
            @if scale.is_beyond(value) { (arrow(at, value > 0.0)) }
            @else { circle class=(if p_value.is_some() { "effect-dot" } else { "effect-dot hollow" }) cx=(format!("{at:.1}")) cy="10" r="4.5" {} }
        }
    }
}

/// Points out of the plot.
fn arrow(at: f64, right: bool) -> Markup {
    let back = if right { -7.0 } else { 7.0 };
    html! { path class="arrow" d=(format!("M{at:.1} 10l{back} -5v10z")) {} }
}

/// Axis below a forest plot.
pub(crate) fn axis(scale: Scale) -> Markup {
    let ticks = [-scale.end, -scale.end / 2.0, 0.0, scale.end / 2.0, scale.end];
    html! {
        svg class="forest-plot" viewBox="0 0 240 18" {
            path class="axis" d="M0 1H240" {}
            @for tick in ticks {
                path class="axis" d=(format!("M{:.1} 1v4", scale.at(tick))) {}
                text class="tick middle" x=(format!("{:.1}", scale.at(tick))) y="16" {
                    (if tick == 0.0 { "0".to_owned() } else { format!("{tick:+}").replace('-', "−") })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_reaches_to_the_largest_effect() {
        let effect = |value: f64| Effect { value, interval: [value - 0.5, value + 0.5] };
        let scale = Scale::of([effect(-2.0), effect(1.0)].into_iter());
        assert_eq!((scale.end, scale.at(0.0), scale.at(-3.0)), (3.0, 120.0, MARGIN));
        let wide = Scale::of([effect(26.0)].into_iter());
        assert!(wide.end == WIDEST && wide.is_beyond(26.0));
        let plot = forest(effect(26.0), Some(0.01), wide).into_string();
        assert!(plot.contains("arrow") && !plot.contains("effect-dot"), "{plot}");
        assert!(forest(effect(1.0), None, scale).into_string().contains("hollow"));
    }
}
