//! Sample sizes, time window and model.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::judgement::{Judgement, Quantity};
use crate::report::{DriftReport, Window};
use crate::sample::quantile;
use crate::text::{count, percent};

pub(super) fn section(report: &DriftReport) -> Markup {
    let about = &report.about;
    let drifted = match report.features.len() {
        0 => html! { "none compared" },
        all => html! { (report.drifted) " of " (all) " (" (percent(report.share)) ")" },
    };
    let model = if about.model_version.is_empty() { "not stated" } else { &about.model_version };
    let mut facts = vec![("Drifted features", drifted)];
    if let Some(judgement) = &report.judgement {
        facts.extend(of_cases(judgement));
    }
    facts.extend([
        ("Reference", images(report.reference_rows)),
        ("Current", images(report.current_rows)),
        ("Created", moment(about.created)),
        ("Window", window(about.window)),
        ("Model", html! { (model) }),
        ("Report", html! { (about.id) }),
    ]);
    html! {
        section aria-labelledby="facts" {
            h2 #facts { "Sample" }
            dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
        }
    }
}

/// Number of cases, and how much their images resemble each other.
fn of_cases(judgement: &Judgement) -> Vec<(&'static str, Markup)> {
    let [reference, current] = judgement.units.map(count);
    let unit = if judgement.clustered { "Cases" } else { "Blocks of images" };
    let mut facts = vec![(unit, html! { (current) " current, " (reference) " in the reference" })];
    let means = judgement.findings.iter().filter(|finding| finding.quantity == Quantity::Mean);
    let clusterings: Vec<_> = means.filter_map(|finding| finding.clustering).collect();
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        quantile(&values, 0.5)
    };
    let correlation = median(clusterings.iter().map(|found| found.intraclass_correlation).collect());
    let design = median(clusterings.iter().map(|found| found.design_effect).collect());
    if let (Some(correlation), Some(design)) = (correlation, design) {
        let text = format!("ICC {correlation:.2}, design effect {design:.1}");
        facts.push(("Resemblance within cases", html! { (text) }));
    }
    facts
}

fn images(rows: usize) -> Markup {
    html! { (count(rows)) @if rows == 1 { " image" } @else { " images" } }
}

fn window(window: Window) -> Markup {
    match (window.from, window.to) {
        (None, None) => html! { "unbounded" },
        (Some(from), None) => html! { "since " (moment(from)) },
        (None, Some(to)) => html! { "until " (moment(to)) },
        (Some(from), Some(to)) => html! { (moment(from)) " – " wbr; (moment(to)) },
    }
}

fn moment(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (time.strftime("%-d\u{a0}%b\u{a0}%Y, %H:%M").to_string()) "\u{202f}UTC" } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_be_unbounded() {
        let text = |from: Option<Timestamp>, to| window(Window { from, to }).into_string();
        let day = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(text(None, None), "unbounded");
        let since = "since <time datetime=\"1970-01-01T00:00:00Z\">1\u{a0}Jan\u{a0}1970, 00:00";
        assert!(text(day, None).starts_with(since));
        assert!(text(None, day).starts_with("until "));
        assert!(text(day, day).contains(" – "));
    }
}
