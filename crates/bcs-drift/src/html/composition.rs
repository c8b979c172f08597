//! Tissue and classes of both sides, as mean shares of area.

use bcs_contracts::features::FRACTION_PREFIX;
use maud::{Markup, html};

use crate::report::FeatureDrift;
use crate::text::percent;
use crate::words;

pub(super) fn section(features: &[FeatureDrift]) -> Markup {
    let mut shares: Vec<&FeatureDrift> = features.iter().filter(|feature| is_share(&feature.name)).collect();
    if shares.is_empty() {
        return html! {};
    }
    let largest = |feature: &FeatureDrift| feature.reference.mean.max(feature.current.mean);
    shares.sort_by(|a, b| largest(b).total_cmp(&largest(a)));
    html! {
        section aria-labelledby="composition" {
            h2 #composition { "Composition" }
            ul.composition { @for feature in shares { (row(feature)) } }
        }
    }
}

fn is_share(name: &str) -> bool {
    name == "tissue_fraction" || name.starts_with(FRACTION_PREFIX)
}

fn row(feature: &FeatureDrift) -> Markup {
    let name = words::label(&feature.name);
    html! {
        li {
            span.name { (name.strip_prefix("Area of ").map_or_else(|| name.clone(), words::capitalized)) }
            @for (side, summary) in [("reference", &feature.reference), ("current", &feature.current)] {
                span.bar {
                    span class={ "fill-bar " (side) } style={ "width:" (format!("{:.1}%", summary.mean.clamp(0.0, 1.0) * 100.0)) } {}
                }
                span.share { (percent(summary.mean)) }
            }
        }
    }
}
