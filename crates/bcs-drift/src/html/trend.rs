//! Effects of the families in earlier reports and in this one.

use maud::{Markup, html};

use crate::judgement::Family;
use crate::report::{DriftReport, Past, PastFamily};
use crate::svg;
use crate::words::capitalized;

pub(super) fn section(report: &DriftReport) -> Markup {
    let now = Past::from(report);
    let reports: Vec<&Past> = report.trend.iter().chain([&now]).collect();
    if reports.len() < 2 || now.families.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="trend" {
            h2 #trend { "Trend" }
            p.lead {
                "The largest difference of each family in this report and the " (reports.len() - 1)
                " before it, in SD between cases of the reference."
            }
            ul.trends {
                @for family in now.families.iter().map(|family| family.family) {
                    li { h3 { (capitalized(&family.to_string())) } (plot(family, &reports)) }
                }
            }
        }
    }
}

fn plot(family: Family, reports: &[&Past]) -> Markup {
    let of = |past: &&Past| -> Option<PastFamily> {
        past.families.iter().find(|found| found.family == family).cloned()
    };
    let points: Vec<Option<PastFamily>> = reports.iter().map(of).collect();
    let ends = [reports.first(), reports.last()].map(|past| past.map(|past| past.time));
    svg::trend(&points, ends)
}
