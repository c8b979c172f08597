//! Parts that plots share.

use maud::{Markup, html};

use crate::number::px;

/// Number of colours of series; further series begin again.
pub(crate) const SERIES: usize = 8;

/// Number of colours of levels.
pub(crate) const LEVELS: usize = 10;

/// Largest scale of a plot on a page. Text would look too large beyond.
const MAX_SCALE: f64 = 1.3;

/// Wraps the contents of a plot of `[width, height]`. `description` is its text alternative.
pub(crate) fn svg(size: [f64; 2], description: &str, contents: &Markup) -> Markup {
    svg_in_colors(size, description, &[], contents)
}

/// Wraps the contents of a plot whose first series have these CSS colours.
pub(crate) fn svg_in_colors(
    [width, height]: [f64; 2],
    description: &str,
    colors: &[String],
    contents: &Markup,
) -> Markup {
    html! {
        svg class="bcs-plot" viewBox={ "0 0 " (px(width)) " " (px(height)) } width=(px(width)) height=(px(height))
            style={
                "max-width:" (px(width * MAX_SCALE)) "px"
                @for (series, color) in colors.iter().take(SERIES).enumerate() { ";--s" (series) ":" (color) }
            }
            role="img" aria-label=(description) { (contents) }
    }
}

/// Title in the upper left corner.
pub(crate) fn title(text: &str) -> Markup {
    html! { @if !text.is_empty() { text class="p-title" x="0" y="14" { (text) } } }
}

/// Height that a title takes.
pub(crate) fn title_height(text: &str) -> f64 {
    if text.is_empty() { 4.0 } else { 26.0 }
}

/// What is drawn of a plot without values.
pub(crate) fn without_values(name: &str, width: f64) -> Markup {
    let description = format!("{name}: no values");
    svg(
        [width, 60.0],
        &description,
        &html! {
            (title(name))
            text.p-muted x="0" y="42" { "no values" }
        },
    )
}

/// Class of the colour of a series, as a stroke.
pub(crate) fn stroke(series: usize) -> String {
    format!("st{}", series % SERIES)
}

/// Class of the colour of a series, as a fill.
pub(crate) fn fill(series: usize) -> String {
    format!("fi{}", series % SERIES)
}

/// Width of a text in the font of plots, estimated.
pub(crate) fn text_width(text: &str) -> f64 {
    6.8 * text.chars().count() as f64
}

/// Text shortened to a width, with an ellipsis.
pub(crate) fn shortened(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let kept = ((width / 6.8) as usize).saturating_sub(1).max(1);
    format!("{}…", text.chars().take(kept).collect::<String>())
}

/// Names of series with their colours, in rows of at most `width`. Returns the height too.
pub(crate) fn legend(names: &[&str], width: f64, top: f64) -> (Markup, f64) {
    const ROW: f64 = 18.0;
    let (mut x, mut y, mut places) = (0.0, top + 8.0, Vec::new());
    for name in names {
        let needed = 22.0 + text_width(name) + 14.0;
        if x > 0.0 && x + needed > width {
            (x, y) = (0.0, y + ROW);
        }
        places.push((x, y));
        x += needed;
    }
    let markup = html! {
        @for (index, (name, (x, y))) in names.iter().zip(places).enumerate() {
            rect class=(fill(index)) x=(px(x)) y=(px(y - 5.0)) width="16" height="5" rx="2.5" {}
            text x=(px(x + 21.0)) y=(px(y + 1.0)) { (name) }
        }
    };
    (markup, if names.is_empty() { 0.0 } else { y - top + ROW - 8.0 })
}
