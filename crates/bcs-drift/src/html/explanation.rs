//! How to read the report.

use maud::{Markup, html};

use crate::judgement::Judgement;
use crate::report::DriftReport;
use crate::stattests::{self, StatTest};
use crate::text::percent;

pub(super) fn section(report: &DriftReport) -> Markup {
    html! {
        footer {
            h2 { "How to read this" }
            @if !report.features.is_empty() {
                p {
                    "Blue, filled: the reference. Orange, outlined: the current images. Below each plot, a line spans "
                    "the central 90\u{202f}% of the values (5\u{202f}% to 95\u{202f}% quantile), and a dot marks the median"
                    @if report.judgement.is_some() { "; each tick stands for the mean of a case" }
                    "."
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
    let given = judgement.families.iter().find_map(|family| family.given_composition.as_ref());
    html! {
        p {
            "The unit is the case (patient or slide), since images of one slide resemble each other: a test that took them "
            "for independent would overstate the evidence up to " (format!("{largest:.1}")) " times. The shift is the "
            "difference between the means of the cases, in standard deviations (SD) between the cases of the reference. "
            "The p-value is adjusted for all features: without any drift, the smallest one is below "
            (judgement.alpha) " in " (percent(judgement.alpha)) " of all windows."
        }
        @if let Some(given) = given {
            p {
                "“Given the composition”: after subtracting what " (given.composition.len()) " shares of tissue and classes "
                "explain in the reference. A family that has drifted beyond that has another cause than another case mix."
            }
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
