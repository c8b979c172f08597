//! Drifted features with Evidently's preset, in words.

use maud::{Markup, html};

use super::features::statistic_title;
use crate::report::{DriftReport, FeatureDrift};
use crate::text::{finding, p_with_sign};
use crate::words;

/// Maximum number of drifted features described before the table.
const MOST_FINDINGS: usize = 5;

pub(super) fn section(report: &DriftReport) -> Markup {
    let drifted: Vec<&FeatureDrift> = report.features.iter().filter(|feature| feature.drifted).collect();
    if drifted.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="findings" {
            h2 #findings { "Main findings" }
            ol.findings {
                @for feature in drifted.iter().take(MOST_FINDINGS) {
                    li { strong { (words::label(&feature.name)) } " " (finding(feature)) " " span.evidence { (evidence(feature)) } }
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
