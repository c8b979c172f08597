//! What all pages share: frame, verdict, facts, notes.

use bcs_contracts::TissueClass;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Style sheet of all pages of the programs.
const SHARED_STYLE: &str = include_str!("../../../../crates/bcs-service/src/page.css");

/// Style of reports, in addition.
const STYLE: &str = include_str!("page.css");

/// How a page begins.
pub(crate) struct Heading<'a> {
    /// What the page is about, above the headline.
    pub title: &'a str,
    /// Result.
    pub headline: String,
    /// Explanation of the result.
    pub explanation: Markup,
    /// Colour and mark.
    pub tone: Tone,
}

/// How a result is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All went well.
    Done,
    /// A measurement, which the reader judges.
    Neutral,
    /// Something went wrong.
    Alarm,
}

impl Tone {
    /// Class and mark.
    fn style(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", "✓"),
            Self::Neutral => ("neutral", "±"),
            Self::Alarm => ("alarm", "!"),
        }
    }
}

/// Renders a page that begins with a result.
pub(crate) fn page(heading: &Heading<'_>, contents: &Markup) -> String {
    let (class, mark) = heading.tone.style();
    let contents = html! {
        header class={ "verdict " (class) } {
            span.mark aria-hidden="true" { (mark) }
            div {
                p.title { (heading.title) }
                h1 { (heading.headline) }
                p.consequence { (heading.explanation) }
            }
        }
        (contents)
    };
    document(&format!("{} · {}", heading.headline, heading.title), STYLE, &contents)
}

/// Renders a page without external resources. `style` is used in addition to the style sheets of all pages and of plots.
pub(crate) fn document(title: &str, style: &str, contents: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(SHARED_STYLE)) (PreEscaped(bcs_plot::STYLE)) (PreEscaped(style)) }
            }
            body { main { (contents) } }
        }
    };
    markup.into_string()
}

/// Names with values, side by side.
pub(crate) fn facts(facts: &[(&str, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// Limitations.
pub(crate) fn notes(notes: &[String]) -> Markup {
    if notes.is_empty() {
        return html! {};
    }
    html! {
        section.notes aria-labelledby="notes" {
            h2 #notes { "Limitations" }
            ul { @for note in notes { li { (note) } } }
        }
    }
}

/// CSS colours of classes, in plots as in masks.
pub(crate) fn colors(classes: &[TissueClass]) -> Vec<String> {
    classes.iter().map(|class| class.color.to_string()).collect()
}

/// A section with its heading.
pub(crate) fn section(id: &str, heading: &str, contents: &Markup) -> Markup {
    html! { section aria-labelledby=(id) { h2 id=(id) { (heading) } (contents) } }
}

/// Plots side by side.
pub(crate) fn plots(plots: &[Markup]) -> Markup {
    html! { div.plots { @for plot in plots { div.plot-card { (plot) } } } }
}

/// A cell with a score, or a dash if it is undefined.
pub(crate) fn score(label: &str, value: Option<f64>) -> Markup {
    html! { td.number data-label=(label) { (number(value, 4)) } }
}

/// Formats a number with so many digits; a dash if it is undefined.
pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}
