//! HTML list of reports.

use bcs_drift::Outcome;
use bcs_service::page;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::Summary;

/// Style of the list, in addition to the shared style sheet.
const STYLE: &str = include_str!("pages.css");

/// Returns the page that lists all reports, or explains how to make the first one.
pub fn list(reports: &[Summary]) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Drift reports" }
                style { (PreEscaped(page::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Drift reports" }
                    @if reports.is_empty() { (none_yet()) } @else { (table(reports)) }
                    p.links { a href="/docs" { "API documentation" } " · " a href="/metrics" { "Metrics" } }
                }
            }
        }
    };
    markup.into_string()
}

fn none_yet() -> Markup {
    html! {
        p { "There is no report yet. To make one from the predictions of yesterday and today:" }
        pre { code { "curl -X POST http://THIS-SERVER/run" } }
        p { "Or without the server:" }
        pre { code { "bcs-drift-monitor run" } }
    }
}

fn table(reports: &[Summary]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Window (UTC)" }
                    th scope="col" { "Verdict" }
                    th.number scope="col" { "Drifted" }
                    th.number scope="col" { "Records" }
                    th scope="col" { "Model" }
                    th scope="col" { "Created (UTC)" }
                }
            }
            tbody { @for report in reports { (row(report)) } }
        }
    }
}

fn row(report: &Summary) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ "/reports/" (report.id) } { (window(report)) } }
            td.verdict { (badge(report)) p { (report.verdict) } }
            td.number data-label="Drifted" {
                @if report.features == 0 { "–" } @else { (report.drifted) " of " (report.features) }
            }
            td.number data-label="Records" { (report.records) }
            td.model data-label="Model" { (report.model_version) }
            td data-label="Created" { (time(report.created)) }
        }
    }
}

fn badge(report: &Summary) -> Markup {
    let (class, word) = match (report.outcome, report.drifted) {
        (Outcome::NotJudged, _) => ("unknown", "Not judged"),
        (Outcome::Drift, _) => ("alarm", "Drift"),
        (Outcome::NoDrift, 1..) => ("drift", "Some features drifted"),
        (Outcome::NoDrift, 0) => ("stable", "No drift"),
    };
    html! { span class={ "badge " (class) } { (word) } }
}

fn window(report: &Summary) -> Markup {
    match (report.from, report.to) {
        (Some(from), Some(to)) => html! { (time(from)) " – " wbr; (time(to)) },
        _ => html! { "all records" },
    }
}

fn time(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (time.strftime("%-d\u{a0}%b\u{a0}%Y, %H:%M").to_string()) } }
}

#[cfg(test)]
pub(crate) mod tests {
    use bcs_drift::report::Past;

    use super::*;

    pub(crate) fn summary(model_version: &str) -> Summary {
        Summary {
            id: "2026-11-22_2026-11-23-0f1e2d3c".into(),
            created: Timestamp::UNIX_EPOCH,
            from: Some(Timestamp::UNIX_EPOCH),
            to: Some(Timestamp::UNIX_EPOCH),
            model_version: model_version.into(),
            records: 40,
            features: 4,
            drifted: 1,
            share: 0.25,
            dataset_drift: false,
            outcome: Outcome::NoDrift,
            verdict: "No drift: no action".into(),
            alarms: Vec::new(),
            past: Past {
                id: String::new(),
                time: Timestamp::UNIX_EPOCH,
                outcome: Outcome::NoDrift,
                families: Vec::new(),
            },
        }
    }

    #[test]
    fn reports_are_linked_and_text_is_escaped() {
        let page = list(&[summary("<script>")]);
        assert!(page.contains(r#"<a href="/reports/2026-11-22_2026-11-23-0f1e2d3c">"#));
        assert!(
            page.contains("1 of 4")
                && page.contains("No drift: no action")
                && page.contains("Some features drifted")
                && !page.contains("<script")
        );
    }

    #[test]
    fn an_empty_list_explains_how_to_make_a_report() {
        assert!(list(&[]).contains("/run"));
    }
}
