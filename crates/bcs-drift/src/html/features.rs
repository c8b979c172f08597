//! Table of the features: distributions, means, effects and p-values; and the features that were not compared.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::drift::CASES;
use crate::judgement::{Finding, Quantity};
use crate::report::{DriftReport, FeatureDrift, Summary};
use crate::stattests;
use crate::svg::{self, Scale};
use crate::text::{mean_and_std, p};
use crate::words;

/// Maximum number of features with a plot; the page stays below 300 kB.
const MAX_PLOTS: usize = 28;

/// Maximum number of features in the table; the JSON has all.
const MAX_ROWS: usize = 100;

pub(super) fn section(report: &DriftReport) -> Markup {
    if report.features.is_empty() {
        return html! {};
    }
    let findings = report.judgement.as_ref().map_or(&[][..], |judgement| &judgement.findings);
    let scale = Scale::of(findings.iter().map(|finding| finding.effect));
    html! {
        section aria-labelledby="features" {
            div.heading {
                h2 #features { "Features" }
                p.legend {
                    span { span.key.reference {} "reference" }
                    span { span.key.current {} "current" }
                }
            }
            table.features {
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
                tbody {
                    @for (at, feature) in report.features.iter().take(MAX_ROWS).enumerate() {
                        @let finding = findings.iter().find(|finding| finding.feature == feature.name);
                        (row(feature, finding, scale, at < MAX_PLOTS))
                    }
                }
            }
            @if report.features.len() > MAX_ROWS {
                p.more { "and " (report.features.len() - MAX_ROWS) " more features in the JSON report." }
            }
        }
    }
}

fn row(feature: &FeatureDrift, finding: Option<&Finding>, scale: Scale, plotted: bool) -> Markup {
    let label = words::label(&feature.name);
    html! {
        tr.drifted[feature.drifted] data-feature=(feature.name) {
            th scope="row" {
                (label)
                @if label != feature.name { small.code { (breakable(&feature.name)) } }
            }
            td.distribution { @if plotted { (svg::distribution(feature)) } }
            td.number data-label="Reference" { (centre(&feature.reference)) }
            td.number data-label="Current" { (centre(&feature.current)) }
            td.number data-label=(statistic_title(feature)) {
                @match finding {
                    Some(finding) => { (effect(finding, scale)) }
                    None => { (format!("{:.3}", feature.statistic)) }
                }
            }
            td.number data-label="p-value" { @if let Some(p_value) = feature.p_value { (p(p_value)) } @else { "–" } }
            td.verdict-cell { (badge(feature)) }
        }
    }
}

fn badge(feature: &FeatureDrift) -> Markup {
    html! {
        @if feature.drifted { span.badge.drift { "Drift" } }
        @else if feature.test == CASES && feature.p_value.is_none() { span.badge.unknown { "Not judged" } }
        @else { span.badge.stable { "Stable" } }
    }
}

fn effect(finding: &Finding, scale: Scale) -> Markup {
    if !finding.effect.has_scale() {
        return html! { small.constant { "constant in the reference" } };
    }
    html! {
        (svg::forest(finding.effect, finding.p_value, scale))
        span.effect { (format!("{:+.2}", finding.effect.value)) }
        @if finding.quantity == Quantity::Spread { small { "spread in a case" } }
    }
}

/// A name in which lines may break after underscores, and nowhere else.
fn breakable(name: &str) -> Markup {
    html! { @for part in name.split_inclusive('_') { (part) wbr; } }
}

/// Name of the statistic of the feature's test; for a test that this version does not know, the name of the test.
pub(super) fn statistic_title(feature: &FeatureDrift) -> &str {
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

fn centre(summary: &Summary) -> Markup {
    let (mean, std) = mean_and_std(summary);
    html! { span.mean { (mean) } span.std { " ± " (std) } }
}

/// Features that were not compared: one line per reason.
pub(super) fn not_compared(report: &DriftReport) -> Markup {
    if report.skipped.is_empty() {
        return html! {};
    }
    let mut names: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &report.skipped {
        names.entry(&skipped.reason).or_default().push(words::label(&skipped.name));
    }
    let shared = report.features.is_empty() && names.len() == 1;
    html! {
        section aria-labelledby="skipped" {
            h2 #skipped { "Not compared" }
            ul.skipped {
                @for (reason, names) in &names {
                    @if shared { li { strong { "All " (names.len()) " features: " } (reason) } }
                    @else { li { strong { (names.join(", ")) } ": " (reason) } }
                }
            }
        }
    }
}
