//! Families of features, the largest effect first, with intervals.

use maud::{Markup, html};

use crate::judgement::{Effect, Family, FamilyVerdict, Finding, Judgement};
use crate::svg::{self, Scale};
use crate::text::p_with_sign;
use crate::verdict::{action, cause, difference};
use crate::words::capitalized;

pub(super) fn section(judgement: &Judgement) -> Markup {
    let mut families: Vec<(&FamilyVerdict, &Finding)> = judgement
        .families
        .iter()
        .filter_map(|verdict| Some((verdict, judgement.findings.get(verdict.leading)?)))
        .collect();
    families.sort_by(|(_, a), (_, b)| b.effect.value.abs().total_cmp(&a.effect.value.abs()));
    if families.is_empty() {
        // The features that were not compared say why, in one line.
        return html! {};
    }
    let scale = Scale::of(families.iter().map(|(_, finding)| finding.effect));
    html! {
        section aria-labelledby="families" {
            h2 #families { "Families of features" }
            ol.families {
                @for (verdict, finding) in &families { (row(verdict, finding, judgement, scale)) }
                @for family in &judgement.unjudged { (unjudged(*family)) }
            }
            div.scale aria-hidden="true" {
                (svg::axis(scale))
                p { "SD between cases of the reference, with 95\u{202f}% interval" }
            }
        }
    }
}

fn row(verdict: &FamilyVerdict, finding: &Finding, judgement: &Judgement, scale: Scale) -> Markup {
    let evidence = verdict.p_value.map_or_else(String::new, |p| format!(", adjusted {}", p_with_sign(p)));
    html! {
        li.drifted[verdict.drifted] {
            div.name { strong { (capitalized(&verdict.family.to_string())) } " " (badge(verdict)) }
            div.forest { @if finding.effect.has_scale() { (svg::forest(finding.effect, verdict.p_value, scale)) } }
            p.effect-text.constant[!finding.effect.has_scale()] { (in_numbers(finding.effect)) }
            p.sentence {
                (capitalized(&difference(finding))) (cause(verdict, judgement))
                @if verdict.drifted { "; " (action(verdict.family)) }
                ". "
                span.evidence { (finding.cases[1]) " current cases, " (finding.cases[0]) " in the reference" (evidence) (given(verdict)) }
            }
        }
    }
}

fn badge(verdict: &FamilyVerdict) -> Markup {
    html! {
        @if verdict.drifted { span.badge.drift { "Drift" } }
        @else if verdict.p_value.is_some() { span.badge.stable { "Stable" } }
        @else { span.badge.unknown { "Not judged" } }
    }
}

fn unjudged(family: Family) -> Markup {
    html! {
        li {
            div.name { strong { (capitalized(&family.to_string())) } " " span.badge.unknown { "Not judged" } }
            p.sentence { "None of its features is known on both sides; see below." }
        }
    }
}

fn in_numbers(effect: Effect) -> String {
    if !effect.has_scale() {
        return "constant in the reference".to_owned();
    }
    let Effect { value, interval: [low, high] } = effect;
    let digits = if value.abs() < 10.0 { 1 } else { 0 };
    format!("{value:+.digits$} SD ({low:+.digits$} to {high:+.digits$})").replace('-', "−")
}

/// The p-value given the composition.
fn given(verdict: &FamilyVerdict) -> String {
    verdict
        .given_composition
        .as_ref()
        .map_or_else(String::new, |given| format!("; given the composition, {}", p_with_sign(given.p_value)))
}
