//! Rendering of a report as one HTML page without external resources: no script, font or image is loaded.
//!
//! # Layout
//! - `composition`: tissue and classes on both sides
//! - `explanation`: how to read the report
//! - `facts`: sample sizes, time window, model
//! - `families`: families with their effects
//! - `features`: table of the features
//! - `findings`: drifted features with Evidently's preset
//! - `images`: unusual images, and those to label
//! - `over_time`: evidence of all windows so far
//! - `quality`: Dice, estimated and measured
//! - `trend`: effects in earlier reports

mod composition;
mod explanation;
mod facts;
mod families;
mod features;
mod findings;
mod images;
mod over_time;
mod quality;
mod trend;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::judgement::Outcome;
use crate::report::DriftReport;
use crate::text::percent;
use crate::verdict::{consequence, headline};

/// Style sheet of all pages. It is included as a file because `bcs-service` depends on a web framework, which the users of
/// this crate that write reports without a server do not need.
const SHARED_STYLE: &str = include_str!("../../../bcs-service/src/page.css");

/// Style of the report, in addition to the shared style sheet.
const STYLE: &str = include_str!("page.css");

/// Renders the page as HTML, below 300 kB. Text from the report is escaped.
pub fn page(report: &DriftReport) -> String {
    let headline = headline(report);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (headline) " · " (report.about.title) }
                style { (PreEscaped(SHARED_STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (verdict(report, &headline))
                    (notes(&report.notes))
                    @match &report.judgement {
                        Some(judgement) => { (families::section(judgement)) }
                        None => { (findings::section(report)) }
                    }
                    (quality::section(report.quality.as_ref()))
                    (images::section(report))
                    (trend::section(report))
                    (over_time::section(report))
                    (composition::section(&report.features))
                    (facts::section(report))
                    (features::section(report))
                    (features::not_compared(report))
                    (explanation::section(report))
                }
            }
        }
    };
    markup.into_string()
}

fn verdict(report: &DriftReport, headline: &str) -> Markup {
    let (class, mark) = match report.outcome() {
        Outcome::NotJudged => ("unknown", "?"),
        Outcome::Drift => ("alarm", "!"),
        Outcome::NoDrift if report.drifted > 0 => ("notice", "!"),
        Outcome::NoDrift => ("calm", "✓"),
    };
    html! {
        header class={ "verdict " (class) } {
            span.mark aria-hidden="true" { (mark) }
            div {
                p.title { (report.about.title) }
                h1 { (headline) }
                p.consequence { (consequence(report)) }
            }
            @if report.judgement.is_none() && !report.features.is_empty() { (meter(report)) }
        }
    }
}

/// Bar that shows the share of drifted features, with a mark at the limit.
fn meter(report: &DriftReport) -> Markup {
    let position = |share: f64| format!("{:.1}%", share * 100.0);
    let spoken = format!("{} drifted, the limit is {}", percent(report.share), percent(report.drift_share));
    html! {
        div.meter role="img" aria-label=(spoken) {
            span.fill style={ "width:" (position(report.share)) } {}
            span.limit style={ "left:" (position(report.drift_share)) } {}
        }
    }
}

/// Limitations of the comparison.
fn notes(notes: &[String]) -> Markup {
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

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use jiff::Timestamp;

    use super::*;
    use crate::report::{Past, ShownImage, Skipped};
    use crate::sequential::{OverTime, Settings};
    use crate::table::Part;
    use crate::{About, Options, Preset, Table, detect};

    /// 30 features of 200 images; features with an odd number are shifted.
    fn table(shift: f64) -> Table {
        let image = |i: u32| -> Features {
            (0..30)
                .map(|feature| {
                    let value = f64::from(i * (feature + 7) % 200) / 200.0;
                    (format!("feature_{feature}"), value + f64::from(feature % 2) * shift)
                })
                .collect()
        };
        Table::from_features((0..200).map(|at| (Some(format!("case {}", at % 20)), image(at)))).unwrap()
    }

    fn report_of(preset: Preset, shift: f64) -> DriftReport {
        let options = Options { preset, ..Options::new(About::new("r1", Timestamp::UNIX_EPOCH)) };
        detect(&table(0.0), &table(shift), options).unwrap()
    }

    fn report(shift: f64) -> DriftReport {
        report_of(Preset::Evidently, shift)
    }

    #[test]
    fn families_are_described_with_what_to_do() {
        let page = page(&report_of(Preset::Clustered, 0.4));
        assert!(page.contains("<h1>Drift in other features</h1>"), "{page}");
        assert!(page.contains("SD higher than in the reference"));
        assert!(page.contains("look at recent images") && page.contains("20 current, 20 in the reference"));
        assert!(page.contains("The unit is the case") && page.len() < 300_000);
        let page = super::page(&report_of(Preset::Clustered, 0.0));
        assert!(page.contains("<h1>No drift</h1>") && page.contains("no action, since 20 cases"));
    }

    #[test]
    fn earlier_reports_are_a_trend() {
        let mut report = report_of(Preset::Clustered, 0.4);
        assert!(!page(&report).contains("class=\"trend-plot\""));
        report.trend.push(Past::from(&report_of(Preset::Clustered, 0.0)));
        let page = page(&report);
        assert!(page.contains("1 of 2 reports with drift") && page.contains("the 1 before it"));
    }

    #[test]
    fn the_evidence_over_time_is_shown() {
        let mut report = report_of(Preset::Clustered, 0.0);
        assert!(!page(&report).contains("id=\"over-time\""));
        let windows: Vec<Part> = (0..4).flat_map(|at| table(f64::from(at) * 0.2).parts).collect();
        report.over_time = Some(OverTime::of(&[&table(0.0).parts[0]], &windows[1..], Settings::default()));
        assert!(page(&report).contains("from 20 cases of 3 windows"));
    }

    #[test]
    fn the_page_of_many_features_and_cases_is_small() {
        let table = |shift: f64| {
            let image = |i: u32| -> Features {
                (0..200)
                    .map(|at| (format!("embedding_{at}"), f64::from(i * (at + 7) % 997) / 997.0 + shift))
                    .collect()
            };
            Table::from_features((0..997).map(|at| (Some(format!("case {}", at % 100)), image(at)))).unwrap()
        };
        let mut report =
            detect(&table(0.0), &table(0.5), Options::new(About::new("r1", Timestamp::UNIX_EPOCH))).unwrap();
        report.trend = vec![Past::from(&report); 30];
        // Those of more bytes than a page has room for are left out.
        let image = ShownImage {
            id: "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d".to_owned(),
            case: Some("TCGA-A2-A0D2".to_owned()),
            confidence: 0.9,
            drift_score: Some(0.01),
            mask: String::new(),
            record: String::new(),
            link: Some(
                "https://predictor.example.org/predictions/0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d".to_owned(),
            ),
            thumbnail: Some("A".repeat(6_700)),
        };
        report.unusual = vec![image.clone(); 8];
        report.to_label = vec![image; 10];
        let page = page(&report);
        assert!(page.len() < 300_000, "{}", page.len());
        assert!(page.contains("and 100 more features"));
    }

    #[test]
    fn the_verdict_is_the_heading() {
        assert!(page(&report(0.4)).contains("<h1>Drift in 15 of 30 features</h1>"));
        assert!(page(&report(0.0)).contains("<h1>No drift</h1>"));
    }

    #[test]
    fn a_page_of_30_features_is_small_and_loads_nothing() {
        let page = page(&report(0.4));
        assert!(page.len() < 300_000, "{}", page.len());
        for reference in ["http:", "https:", "src=", "@import", "url(", "<script", "<link"] {
            assert!(!page.contains(reference), "{reference}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf\""));
    }

    #[test]
    fn notes_are_shown_as_limitations() {
        let mut report = report(0.0);
        assert!(!page(&report).contains("Limitations"));
        report.notes.push("the drift reference has format 1".to_owned());
        let page = page(&report);
        assert!(page.contains("Limitations") && page.contains("the drift reference has format 1"));
    }

    #[test]
    fn text_is_escaped() {
        let mut report = report(0.4);
        let evil = "<img src=x onerror=alert(1)>\"'";
        report.about.title = evil.to_owned();
        report.about.id = evil.to_owned();
        report.about.model_version = evil.to_owned();
        report.features[0].name = evil.to_owned();
        report.features[0].test = evil.to_owned();
        report.skipped.push(Skipped { name: evil.to_owned(), reason: evil.to_owned() });
        report.notes.push(evil.to_owned());
        let page = page(&report);
        assert!(!page.contains("<img") && !page.contains("alert(1)>\""));
        assert!(page.contains("&lt;img"));
    }

    #[test]
    fn a_report_without_features_says_so() {
        let about = About::new("r1", Timestamp::UNIX_EPOCH);
        let report = detect(&table(0.0), &Table::default(), Options::new(about)).unwrap();
        let page = page(&report);
        assert!(page.contains("Not judged") && page.contains("the window is empty"));
        assert!(page.contains("missing in the current data"));
    }
}
