//! The verdict of a report in one sentence, with what to do: the same words on the page, on the command line, in the log and in
//! the list of reports.

use crate::judgement::{Effect, Family, FamilyVerdict, Finding, Judgement, Outcome, Quantity};
use crate::report::DriftReport;
use crate::text::percent;
use crate::words;

/// Returns the head of the sentence, such as `Drift in stain and colour`.
pub fn headline(report: &DriftReport) -> String {
    match (report.outcome(), &report.judgement) {
        (Outcome::NotJudged, _) => "Not judged".to_owned(),
        (Outcome::Drift, Some(judgement)) => format!("Drift in {}", listed(&drifted(judgement))),
        (Outcome::NoDrift, Some(_)) => "No drift".to_owned(),
        (_, None) => match (report.drifted, report.features.len()) {
            (0, _) => "No drift".to_owned(),
            (drifted, 1) => format!("Drift in {drifted} of 1 feature"),
            (drifted, all) => format!("Drift in {drifted} of {all} features"),
        },
    }
}

/// Returns the rest of the sentence, with what to do.
pub fn consequence(report: &DriftReport) -> String {
    let sentence = match &report.judgement {
        Some(judgement) => of_cases(judgement),
        None => of_share(report),
    };
    format!("{sentence}{}.", left_out(report))
}

/// Returns the whole sentence.
pub fn sentence(report: &DriftReport) -> String {
    format!("{}: {}", headline(report), consequence(report))
}

/// What was not judged: it must not be taken for free of drift.
fn left_out(report: &DriftReport) -> String {
    let unjudged = report.judgement.as_ref().map_or(&[][..], |judgement| &judgement.unjudged);
    let known: Vec<&Family> = unjudged.iter().filter(|family| **family != Family::Other).collect();
    let skipped = report.judgement.as_ref().map_or(report.skipped.len(), |judgement| judgement.skipped.len());
    match (report.outcome(), skipped) {
        (Outcome::NotJudged, _) | (_, 0) => String::new(),
        _ if !known.is_empty() => format!("; {} could not be judged", listed(&known)),
        (_, 1) => "; 1 feature could not be compared".to_owned(),
        (_, count) => format!("; {count} features could not be compared"),
    }
}

fn drifted(judgement: &Judgement) -> Vec<Family> {
    judgement.families.iter().filter(|family| family.drifted).map(|family| family.family).collect()
}

/// Joins names: `a`, `a and b`, `a, b and c`; with semicolons where a name has a comma or an `and` itself.
fn listed(families: &[impl ToString]) -> String {
    let names: Vec<String> = families.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [first, second] if !first.contains(" and ") && !second.contains(" and ") => {
            format!("{first} and {second}")
        }
        names => names.join("; "),
    }
}

fn of_cases(judgement: &Judgement) -> String {
    let largest = largest(judgement).map_or_else(String::new, |finding| format!("; {}", difference(finding)));
    if let Some(reason) = &judgement.reason {
        let action = match judgement.units {
            [_, 0] => "check that predictions are stored",
            _ if judgement.findings.is_empty() => {
                "check that the reference is one of this model and has enough cases"
            }
            _ => "no action",
        };
        return format!("{action}, since {reason}{largest}");
    }
    let unit = if judgement.clustered { "cases" } else { "blocks of images" };
    let leading = judgement.families.iter().find(|family| family.drifted);
    match leading.and_then(|family| Some((family, judgement.findings.get(family.leading)?))) {
        None => format!(
            "no action, since {} {unit} show no difference beyond chance{largest}",
            judgement.units[1]
        ),
        Some((family, finding)) => {
            let because = cause(family, judgement);
            format!("{}{because}; {}", with_interval(finding), action(family.family))
        }
    }
}

/// The largest difference of all features, in standard deviations.
fn largest(judgement: &Judgement) -> Option<&Finding> {
    let means = judgement.findings.iter().filter(|finding| finding.quantity == Quantity::Mean);
    let largest = means.max_by(|a, b| a.effect.value.abs().total_cmp(&b.effect.value.abs()));
    largest.filter(|finding| finding.effect.value != 0.0)
}

/// Whether the case mix explains the drift of a family, where that is known.
pub(crate) fn cause(family: &FamilyVerdict, judgement: &Judgement) -> &'static str {
    let case_mix = judgement.families.iter().any(|found| found.family == Family::CaseMix && found.drifted);
    match &family.given_composition {
        Some(_) if family.is_explained(case_mix, judgement.alpha) => ", which the other case mix explains",
        Some(_) if case_mix => ", which the other case mix does not explain",
        _ => "",
    }
}

/// A difference in words: `eosin is 0.4 SD paler than in the reference`.
pub(crate) fn difference(finding: &Finding) -> String {
    let value = finding.effect.value;
    let (feature, [less, more]) = match finding.quantity {
        Quantity::Mean => (words::name(&finding.feature), words::comparatives(&finding.feature)),
        Quantity::Spread => {
            let name = words::name(&finding.feature);
            let name = name.strip_prefix("the ").unwrap_or(&name);
            (format!("the spread of {name} within a case"), ["smaller", "larger"])
        }
    };
    if !finding.effect.has_scale() {
        return format!("{feature} differs from the reference, in which it is the same in all cases");
    }
    let comparative = if value < 0.0 { less } else { more };
    format!("{feature} is {:.1} SD {comparative} than in the reference", value.abs())
}

/// The same with the interval.
pub(crate) fn with_interval(finding: &Finding) -> String {
    let Effect { value, interval: [low, high] } = finding.effect;
    if !finding.effect.has_scale() {
        return difference(finding);
    }
    let [low, high] = if value < 0.0 { [-high, -low] } else { [low, high] };
    format!("{} (95\u{202f}% interval {low:.1} to {high:.1})", difference(finding))
}

/// What to do about drift in a family.
pub(crate) fn action(family: Family) -> &'static str {
    match family {
        Family::StainAndColour => "check stain and scanner of recent slides before you rely on their masks",
        Family::Focus => {
            "check focus, compression and magnification of recent scans before you rely on their masks"
        }
        Family::CaseMix => "check whether recent tissue is of the kind that the model is meant for",
        Family::Model => "have some of the recent masks checked by a pathologist",
        Family::Other => "look at recent images before you rely on their masks",
    }
}

fn of_share(report: &DriftReport) -> String {
    let (share, limit) = (percent(report.share), percent(report.drift_share));
    if report.features.is_empty() {
        "no action, since no feature has enough values on both sides".to_owned()
    } else if report.dataset_drift {
        format!("{share} of the features drifted, and the limit is {limit}; {}", action(Family::Other))
    } else if report.drifted > 0 {
        format!("no action, since {share} of the features drifted, and the limit is {limit}")
    } else {
        "no action, since no feature differs significantly from the reference".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use jiff::Timestamp;

    use crate::{About, Options, Preset, Table, detect, not_judged};

    /// Cases of four tiles; of each feature, the values of a case lie around its centre.
    fn table(cases: u32, shift: impl Fn(&str) -> f64, names: &[&str]) -> Table {
        let value = |name: &str, case: u32, tile: u32| {
            let centre = f64::from(case * (name.len() as u32 * 2 + 4) % 23) / 23.0;
            1.0 + centre + f64::from(tile) / 100.0 + shift(name)
        };
        let tiles = (0..cases * 4).map(|at| {
            let features: Features =
                names.iter().map(|name| ((*name).to_owned(), value(name, at / 4, at % 4))).collect();
            (Some(format!("case {}", at / 4)), features)
        });
        Table::from_features(tiles).unwrap()
    }

    fn options(preset: Preset) -> Options {
        Options { preset, ..Options::new(About::new("r", Timestamp::UNIX_EPOCH)) }
    }

    fn verdict(cases: u32, shift: impl Fn(&str) -> f64, names: &[&str]) -> String {
        let reference = table(23, |_| 0.0, &["eosin_mean", "sharpness", "tissue_fraction"]);
        detect(&reference, &table(cases, shift, names), options(Preset::Clustered)).unwrap().verdict
    }

    const ALL: [&str; 3] = ["eosin_mean", "sharpness", "tissue_fraction"];

    #[test]
    fn drift_is_named_with_what_to_do() {
        let text = verdict(12, |name| if name == "eosin_mean" { -1.0 } else { 0.0 }, &ALL);
        assert!(text.starts_with("Drift in stain and colour: eosin is 4."), "{text}");
        assert!(text.contains(" SD paler than in the reference (95\u{202f}% interval "), "{text}");
        assert!(
            text.ends_with("; check stain and scanner of recent slides before you rely on their masks."),
            "{text}"
        );
        let text = verdict(12, |_| 2.0, &ALL);
        for family in ["stain and colour", "focus, compression and magnification", "case mix"] {
            assert!(text.split(':').next().unwrap().contains(family), "{text}");
        }
    }

    #[test]
    fn without_drift_or_judgement_there_is_no_action() {
        let text = verdict(23, |_| 0.0, &ALL);
        assert!(
            text.starts_with("No drift: no action, since 23 cases show no difference beyond chance"),
            "{text}"
        );
        let text = verdict(2, |name| if name == "eosin_mean" { -1.0 } else { 0.0 }, &ALL);
        assert!(text.starts_with("Not judged: no action, since 2 cases are too few to tell"), "{text}");
        assert!(text.contains("; eosin is ") && text.ends_with(" SD paler than in the reference."), "{text}");
        let empty =
            not_judged(&table(5, |_| 0.0, &ALL), 0, options(Preset::Clustered), "the window is empty");
        let expected = "Not judged: check that predictions are stored, since the window is empty.";
        assert_eq!(empty.unwrap().verdict, expected);
    }

    #[test]
    fn what_was_not_compared_is_no_silent_pass() {
        let text = verdict(23, |_| 0.0, &ALL[..2]);
        assert!(text.ends_with("; case mix could not be judged."), "{text}");
        let text = verdict(23, |_| 0.0, &["eosin_mean", "sharpness", "tissue_fraction", "new"]);
        assert!(text.ends_with("; 1 feature could not be compared."), "{text}");
    }

    #[test]
    fn evidently_has_a_share_of_features() {
        let (reference, current) = (table(23, |_| 0.0, &ALL), table(23, |_| 3.0, &ALL));
        let of = |current: &Table| detect(&reference, current, options(Preset::Evidently)).unwrap().verdict;
        assert!(
            of(&current)
                .starts_with("Drift in 3 of 3 features: 100\u{202f}% of the features drifted, and the limit")
        );
        assert_eq!(
            of(&reference),
            "No drift: no action, since no feature differs significantly from the reference."
        );
    }
}
