//! The list of reports as HTML: no script, no font, no image from elsewhere.

use axum::body::Body;
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::Summary;

const STYLE: &str = include_str!("pages.css");

/// What a page may do: have a style of its own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// A page as an answer.
pub fn respond(page: impl Into<Body>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, page.into())
}

/// All reports, or how to make the first.
pub fn list(reports: &[Summary]) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Drift reports" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Drift reports" }
                    @if reports.is_empty() { (none_yet()) } @else { (table(reports)) }
                    p.links { a href="/docs" { "API" } " · " a href="/metrics" { "Metrics" } }
                }
            }
        }
    };
    markup.into_string()
}

fn none_yet() -> Markup {
    html! {
        p.lead { "There is no report yet. Make the first of yesterday's and today's predictions:" }
        pre { code { "curl -X POST http://THIS-SERVER/run" } }
        p { "or, without the server:" }
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
                    th scope="col" { "Made (UTC)" }
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
            td { (verdict(report)) }
            td.number data-label="Drifted" {
                @if report.features == 0 { "–" } @else { (report.drifted) " of " (report.features) }
            }
            td.number data-label="Records" { (report.records) }
            td.model data-label="Model" { (report.model_version) }
            td data-label="Made" { (moment(report.created)) }
        }
    }
}

fn verdict(report: &Summary) -> Markup {
    let (class, word) = match report {
        Summary { features: 0, .. } => ("unknown", "Nothing to compare"),
        Summary { dataset_drift: true, .. } => ("drift", "Drift"),
        Summary { drifted: 1.., .. } => ("some", "Some drift"),
        _ => ("stable", "Stable"),
    };
    html! { span class={ "badge " (class) } { (word) } }
}

fn window(report: &Summary) -> Markup {
    match (report.from, report.to) {
        (Some(from), Some(to)) => html! { (moment(from)) " – " wbr; (moment(to)) },
        _ => html! { "all there is" },
    }
}

fn moment(time: Timestamp) -> Markup {
    html! { time datetime=(time) { (time.strftime("%-d\u{a0}%b\u{a0}%Y, %H:%M").to_string()) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(model_version: &str) -> Summary {
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
        }
    }

    #[test]
    fn reports_are_linked_and_names_escaped() {
        let page = list(&[summary("<script>")]);
        assert!(page.contains(r#"<a href="/reports/2026-11-22_2026-11-23-0f1e2d3c">"#));
        assert!(page.contains("1 of 4") && page.contains("Some drift") && !page.contains("<script"));
    }

    #[test]
    fn without_reports_it_says_how_to_make_one() {
        assert!(list(&[]).contains("/run"));
    }
}
