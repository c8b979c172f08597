//! Rendering of a report as one HTML page without external resources: no script, font or image is loaded.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::drift::CASES;
use crate::judgement::{Judgement, Outcome};
use crate::report::{DriftReport, FeatureDrift, Skipped, Summary, Window};
use crate::stattests::{self, StatTest};
use crate::svg;
use crate::text::{consequence, count, difference, finding, headline, mean_and_std, p, p_with_sign, percent};

/// Style sheet of all pages. It is included as a file because `bcs-service` depends on a web framework, which the users of
/// this crate that write reports without a server do not need.
const SHARED_STYLE: &str = include_str!("../../bcs-service/src/page.css");

/// Style of the report, in addition to the shared style sheet.
const STYLE: &str = include_str!("page.css");

/// Maximum number of drifted features described before the table.
const MOST_FINDINGS: usize = 5;

/// Renders the page as HTML, about 5 kB per feature. Text from the report is escaped.
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
                    (facts(report))
                    @match &report.judgement {
                        Some(judgement) => { (families(judgement)) }
                        None => { (findings(report)) }
                    }
                    (features(report))
                    (skipped(&report.skipped))
                    (explanation(report))
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

fn facts(report: &DriftReport) -> Markup {
    let about = &report.about;
    let drifted = match report.features.len() {
        0 => html! { "none compared" },
        all => html! { (report.drifted) " of " (all) " (" (percent(report.share)) ")" },
    };
    let model = if about.model_version.is_empty() { "not stated" } else { &about.model_version };
    let mut facts = vec![("Drifted features", drifted)];
    if let Some(judgement) = &report.judgement {
        facts.push(("Cases", cases(judgement)));
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
        dl.facts { @for (name, value) in facts { div { dt { (name) } dd { (value) } } } }
    }
}

fn cases(judgement: &Judgement) -> Markup {
    let [reference, current] = judgement.units.map(count);
    let unit = if judgement.clustered { "" } else { " blocks" };
    html! { (current) (unit) " beside " (reference) (unit) }
}

/// Verdict of each family, with the feature that differs most.
fn families(judgement: &Judgement) -> Markup {
    if judgement.families.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="families" {
            h2 #families { "Families of features" }
            ol.findings {
                @for verdict in &judgement.families {
                    @let finding = &judgement.findings[verdict.leading];
                    li {
                        @if verdict.drifted { span.badge.drift { "Drift" } } @else { span.badge.stable { "Stable" } }
                        " " strong { (verdict.family) } " "
                        @if verdict.drifted { (difference(finding)) " " }
                        span.evidence { "(" (finding.feature) ", adjusted " (p_with_sign(verdict.p_value)) ")" }
                    }
                }
            }
        }
    }
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

fn findings(report: &DriftReport) -> Markup {
    let drifted: Vec<&FeatureDrift> = report.features.iter().filter(|feature| feature.drifted).collect();
    if drifted.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "Main findings" }
            ol.findings {
                @for feature in drifted.iter().take(MOST_FINDINGS) {
                    li { strong { (feature.name) } " " (finding(feature)) " " span.evidence { (evidence(feature)) } }
                }
            }
            @if drifted.len() > MOST_FINDINGS {
                p.more { "and " (drifted.len() - MOST_FINDINGS) " more features in the table." }
            }
        }
    }
}

fn evidence(feature: &FeatureDrift) -> String {
    match feature.p_value {
        Some(p_value) => format!("({})", p_with_sign(p_value)),
        None => format!("({} {:.2})", statistic_title(feature), feature.statistic),
    }
}

/// Name of the statistic of the feature's test; for a test that this version does not know, the name of the test.
fn statistic_title(feature: &FeatureDrift) -> &str {
    if feature.test == CASES {
        return "Shift in SD";
    }
    stattests::by_name(&feature.test).map_or(feature.test.as_str(), |test| test.title())
}

/// Column heading of the statistics: the name of the statistic if all features have the same test.
fn common_title(features: &[FeatureDrift]) -> &str {
    let first = features.first().map_or("Statistic", statistic_title);
    if features.iter().all(|feature| statistic_title(feature) == first) { first } else { "Statistic" }
}

fn features(report: &DriftReport) -> Markup {
    if report.features.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="features" {
            div.heading {
                h2 #features { "Features" }
                p.legend {
                    span { span.key.reference {} "reference" }
                    span { span.key.current {} "current" }
                }
            }
            table {
                thead {
                    tr {
                        th scope="col" { "Feature" }
                        th scope="col" { "Distribution" }
                        th.number scope="col" { span.key.reference {} "Reference" small { "mean ± std" } }
                        th.number scope="col" { span.key.current {} "Current" small { "mean ± std" } }
                        th.number scope="col" { (common_title(&report.features)) }
                        th.number scope="col" { "p-value" }
                        th scope="col" { "Verdict" }
                    }
                }
                tbody { @for feature in &report.features { (row(feature)) } }
            }
        }
    }
}

fn row(feature: &FeatureDrift) -> Markup {
    html! {
        tr.drifted[feature.drifted] {
            th scope="row" { (feature.name) }
            td.distribution { (svg::distribution(feature)) }
            td.number data-label="Reference" { (centre(&feature.reference)) }
            td.number data-label="Current" { (centre(&feature.current)) }
            td.number data-label=(statistic_title(feature)) { (format!("{:.3}", feature.statistic)) }
            td.number data-label="p-value" { @if let Some(p_value) = feature.p_value { (p(p_value)) } @else { "–" } }
            td.verdict-cell {
                @if feature.drifted { span.badge.drift { "Drift" } } @else { span.badge.stable { "Stable" } }
            }
        }
    }
}

fn centre(summary: &Summary) -> Markup {
    let (mean, std) = mean_and_std(summary);
    html! { span.mean { (mean) } span.std { " ± " (std) } }
}

fn skipped(skipped: &[Skipped]) -> Markup {
    if skipped.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="skipped" {
            h2 #skipped { "Not compared" }
            ul.skipped {
                @for feature in skipped { li { strong { (feature.name) } " " (feature.reason) } }
            }
        }
    }
}

fn explanation(report: &DriftReport) -> Markup {
    html! {
        footer {
            h2 { "How to read this" }
            @if !report.features.is_empty() {
                p {
                    "Blue, filled: the reference. Orange, outlined: the current images. Below each plot, a line spans "
                    "the central 90\u{202f}% of the values (5\u{202f}% to 95\u{202f}% quantile), and a dot marks the median."
                }
                @for test in tests_used(report) { p { (test.explanation()) } }
                @match &report.judgement {
                    Some(judgement) => { (on_cases(judgement)) }
                    None => { (on_p_values(report)) }
                }
            }
            p {
                "Drift of the input does not prove that predictions are wrong: inspect the masks of recent images, and "
                "have some of them labelled, before retraining the model."
            }
        }
    }
}

/// Tests used in the report.
fn tests_used(report: &DriftReport) -> impl Iterator<Item = &'static dyn StatTest> {
    let used = |test: &&dyn StatTest| report.features.iter().any(|feature| feature.test == test.name());
    stattests::ALL.iter().copied().filter(used)
}

fn on_cases(judgement: &Judgement) -> Markup {
    let clustered = judgement.findings.iter().filter_map(|finding| finding.clustering);
    let largest = clustered.map(|clustering| clustering.design_effect).fold(1.0, f64::max);
    html! {
        p {
            "The unit is the case (patient or slide), since images of one slide resemble each other: a test that took them "
            "for independent would overstate the evidence up to " (format!("{largest:.1}")) " times. The shift is the "
            "difference between the means of the cases, in standard deviations between the cases of the reference. "
            "The p-value is adjusted for all features: without any drift, the smallest one is below "
            (judgement.alpha) " in " (percent(judgement.alpha)) " of all windows."
        }
        @if let Some(needed) = judgement.cases_needed {
            p { "A shift of half a standard deviation would be found with " (needed) " cases." }
        }
    }
}

fn on_p_values(report: &DriftReport) -> Markup {
    let thresholds = || report.features.iter().filter(|f| f.p_value.is_some()).map(|f| f.threshold);
    let Some(threshold) = thresholds().next() else {
        return html! {};
    };
    html! {
        p {
            "The p-value is the probability of a difference at least this large without drift; a feature with a "
            "p-value below " (threshold) " counts as drifted. Of " (thresholds().count()) " features without drift, "
            "about " (format!("{:.1}", thresholds().sum::<f64>())) " would be flagged by chance. With many images, even "
            "a small shift has a small p-value; consider the statistic too."
        }
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;

    use super::*;
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
        assert!(page.contains("standard deviations higher than in the reference"));
        assert!(page.contains("Look at recent images") && page.contains("20 beside 20"));
        assert!(page.contains("The unit is the case") && page.len() < 300_000);
        let page = super::page(&report_of(Preset::Clustered, 0.0));
        assert!(page.contains("<h1>No drift</h1>") && page.contains("No action: 20 cases"));
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
