//! Formatting of numbers and findings.

use crate::judgement::{Effect, Family, Finding, Judgement, Outcome, Quantity};
use crate::report::{DriftReport, FeatureDrift, Summary};

/// Minimum shift of a mean, in standard deviations, to be reported as a shift.
const NOTABLE_SHIFT: f64 = 0.2;
/// Minimum ratio of standard deviations to be reported as a change of spread.
const NOTABLE_SPREAD: f64 = 1.2;
/// Standard errors beyond which a difference of means is unlikely to be chance.
const BEYOND_CHANCE: f64 = 2.0;

/// Headline of the report.
pub(crate) fn headline(report: &DriftReport) -> String {
    match (report.outcome(), &report.judgement) {
        (Outcome::NotJudged, _) => "Not judged".to_owned(),
        (Outcome::Drift, Some(judgement)) => format!("Drift in {}", drifted_families(judgement)),
        (Outcome::NoDrift, Some(_)) => "No drift".to_owned(),
        (_, None) => match (report.drifted, report.features.len()) {
            (0, _) => "No drift".to_owned(),
            (drifted, 1) => format!("Drift in {drifted} of 1 feature"),
            (drifted, all) => format!("Drift in {drifted} of {all} features"),
        },
    }
}

/// Names of the drifted families: `stain and colour; case mix`.
fn drifted_families(judgement: &Judgement) -> String {
    let drifted = judgement.families.iter().filter(|family| family.drifted);
    drifted.map(|family| family.family.to_string()).collect::<Vec<_>>().join("; ")
}

/// Explanation of the headline in one sentence or two, with what to do.
pub fn consequence(report: &DriftReport) -> String {
    match &report.judgement {
        Some(judgement) => of_cases(judgement),
        None => of_share(report),
    }
}

fn of_cases(judgement: &Judgement) -> String {
    if let Some(reason) = &judgement.reason {
        return format!("No verdict: {reason}.");
    }
    let cases = judgement.units[1];
    let unit = if judgement.clustered { "cases" } else { "blocks of images" };
    let leading = judgement.families.iter().find(|family| family.drifted);
    match leading.and_then(|family| Some((family.family, judgement.findings.get(family.leading)?))) {
        None => format!("No action: {cases} {unit} show no difference from the reference beyond chance."),
        Some((family, finding)) => format!("{} {}", difference(finding), action(family)),
    }
}

/// The difference of a feature in a sentence.
pub(crate) fn difference(finding: &Finding) -> String {
    let Effect { value, interval: [low, high] } = finding.effect;
    let direction = if value < 0.0 { "lower" } else { "higher" };
    let subject = match finding.quantity {
        Quantity::Mean => finding.feature.clone(),
        Quantity::Spread => format!("The spread of {} within a case", finding.feature),
    };
    if value == 0.0 {
        return format!("{subject} differs from the reference, in which it is the same in all cases.");
    }
    let [low, high] = if value < 0.0 { [-high, -low] } else { [low, high] };
    format!(
        "{subject} is {:.1} standard deviations {direction} than in the reference (95\u{202f}% interval {low:.1} to {high:.1}).",
        value.abs()
    )
}

/// What to do about drift in a family.
fn action(family: Family) -> &'static str {
    match family {
        Family::StainAndColour => {
            "Check the staining and the scanner of recent slides before you rely on their masks."
        }
        Family::Focus => {
            "Check focus, compression and magnification of recent scans before you rely on their masks."
        }
        Family::CaseMix => "Check whether recent tissue is of the kind that the model is meant for.",
        Family::Model => "Have some of the recent masks checked by a pathologist.",
        Family::Other => "Look at recent images before you rely on their masks.",
    }
}

fn of_share(report: &DriftReport) -> String {
    let (share, limit) = (percent(report.share), percent(report.drift_share));
    if report.features.is_empty() {
        "No feature has enough values on both sides; the reasons are listed below.".to_owned()
    } else if report.dataset_drift {
        format!("{share} of the features drifted, and the limit is {limit}: the dataset has drifted.")
    } else if report.drifted > 0 {
        format!("{share} of the features drifted. The dataset counts as drifted from {limit}.")
    } else {
        "No feature of the current images differs significantly from the reference.".to_owned()
    }
}

/// Description of the drift of a feature, to follow its name.
pub(crate) fn finding(feature: &FeatureDrift) -> String {
    let (reference, current) = (&feature.reference, &feature.current);
    let shift = current.mean - reference.mean;
    let verb = if shift > 0.0 { "rose" } else { "fell" };
    let (from, to) = distinct(reference.mean, current.mean);
    if shift.abs() > NOTABLE_SHIFT * reference.std.min(current.std) {
        format!("{verb} from {from} to {to}")
    } else if spread_changed(reference, current) {
        let verb = if current.std > reference.std { "is more spread" } else { "is less spread" };
        let (from, to) = distinct(reference.std, current.std);
        format!("{verb}: its standard deviation went from {from} to {to}")
    } else if shift.abs() > BEYOND_CHANCE * error_of_shift(reference, current) {
        format!("{verb} slightly, from {from} to {to}")
    } else {
        "changed its shape at about the same mean and spread".to_owned()
    }
}

/// Standard error of the difference between two means.
fn error_of_shift(reference: &Summary, current: &Summary) -> f64 {
    let squared = |summary: &Summary| summary.std.powi(2) / summary.count as f64;
    (squared(reference) + squared(current)).sqrt()
}

fn spread_changed(reference: &Summary, current: &Summary) -> bool {
    let (small, large) = (reference.std.min(current.std), reference.std.max(current.std));
    large > NOTABLE_SPREAD * small
}

/// P-value with its sign: `p = 0.43`, `p < 1e-300`.
pub(crate) fn p_with_sign(p_value: f64) -> String {
    let text = p(p_value);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

/// P-value: `0.43`, `3.1e-12`, `< 1e-300`.
pub(crate) fn p(p_value: f64) -> String {
    if p_value < 1e-300 { "< 1e-300".to_owned() } else { significant(p_value, 2, 1e-3) }
}

/// Number with three significant digits.
pub(crate) fn number(value: f64) -> String {
    significant(value, 3, 1e-4)
}

/// Mean and standard deviation, both rounded to the second significant digit of the standard deviation.
pub(crate) fn mean_and_std(summary: &Summary) -> (String, String) {
    let (mean, std) = (summary.mean, summary.std);
    if !(1e-5..1e6).contains(&std) || mean.abs() >= 1e6 {
        return (number(mean), number(std));
    }
    let decimals = (1 - magnitude(std)).max(0) as usize;
    (format!("{mean:.decimals$}"), format!("{std:.decimals$}"))
}

/// Two values with as many significant digits as are needed to distinguish them, at least three.
fn distinct(a: f64, b: f64) -> (String, String) {
    let texts = |digits| (significant(a, digits, 1e-4), significant(b, digits, 1e-4));
    (3..12).map(texts).find(|(a, b)| a != b).unwrap_or_else(|| texts(12))
}

/// Number with `digits` significant digits; in exponential notation below `smallest` and from one million.
fn significant(value: f64, digits: usize, smallest: f64) -> String {
    let digits_after_first = digits - 1;
    if value == 0.0 {
        "0".to_owned()
    } else if value.abs() < smallest || value.abs() >= 1e6 {
        format!("{value:.digits_after_first$e}")
    } else {
        let decimals = (digits_after_first as i32 - magnitude(value)).max(0) as usize;
        format!("{value:.decimals$}")
    }
}

/// Decimal exponent of the first significant digit.
fn magnitude(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}

/// Fraction as a percentage: `37.5 %`, `50 %`.
pub(crate) fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    format!("{tenths}\u{202f}%")
}

/// Count with thousands separators: `10 000`.
pub(crate) fn count(value: usize) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join("\u{202f}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Histogram;

    fn summary(mean: f64, std: f64) -> Summary {
        Summary { count: 400, mean, std, min: 0.0, p05: 0.0, median: 0.0, p95: 0.0, max: 0.0 }
    }

    fn found(reference: Summary, current: Summary) -> String {
        finding(&FeatureDrift {
            name: "eosin_mean".into(),
            test: "ks".into(),
            statistic: 0.4,
            p_value: Some(1e-9),
            threshold: 0.05,
            drifted: true,
            reference,
            current,
            histogram: Histogram { edges: vec![0.0, 1.0], reference: vec![9], current: vec![9] },
        })
    }

    #[test]
    fn p_values_have_two_significant_digits() {
        let expected = [
            (1.0, "1.0"),
            (0.43, "0.43"),
            (0.0123, "0.012"),
            (0.0012, "0.0012"),
            (3.1e-12, "3.1e-12"),
            (0.0, "< 1e-300"),
            (1e-310, "< 1e-300"),
        ];
        for (value, text) in expected {
            assert_eq!(p(value), text);
        }
        assert_eq!(p_with_sign(0.0), "p < 1e-300");
        assert_eq!(p_with_sign(0.5), "p = 0.50");
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        let expected = [
            (0.0, "0"),
            (0.3141, "0.314"),
            (-27.18, "-27.2"),
            (1234.5, "1234"),
            (2e7, "2.00e7"),
            (5e-9, "5.00e-9"),
        ];
        for (value, text) in expected {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_mean_is_as_precise_as_its_spread() {
        let text = |mean, std| {
            let (mean, std) = mean_and_std(&summary(mean, std));
            format!("{mean} ± {std}")
        };
        assert_eq!(text(0.41234, 0.0312), "0.412 ± 0.031");
        assert_eq!(text(214.3, 17.2), "214 ± 17");
        assert_eq!(text(3.0, 0.0), "3.00 ± 0");
        assert_eq!(text(12_345.0, 2_000.0), "12345 ± 2000");
        assert_eq!(text(3.0, 1e-12), "3.00 ± 1.00e-12");
    }

    #[test]
    fn findings_describe_shift_spread_and_shape() {
        assert_eq!(found(summary(0.31, 0.1), summary(0.42, 0.1)), "rose from 0.310 to 0.420");
        assert_eq!(found(summary(0.42, 0.0), summary(0.4201, 0.0)), "rose from 0.4200 to 0.4201");
        assert_eq!(found(summary(5.0, 0.1), summary(4.0, 0.3)), "fell from 5.00 to 4.00");
        let wider = "is more spread: its standard deviation went from 0.100 to 0.200";
        assert_eq!(found(summary(0.31, 0.1), summary(0.32, 0.2)), wider);
        let little = "rose slightly, from 0.310 to 0.325";
        assert_eq!(found(summary(0.31, 0.1), summary(0.325, 0.1)), little);
        assert!(found(summary(0.31, 0.1), summary(0.311, 0.11)).starts_with("changed its shape"));
    }

    #[test]
    fn counts_have_separators_and_fractions_are_percentages() {
        assert_eq!(count(7), "7");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(percent(0.375), "37.5\u{202f}%");
        assert_eq!(percent(0.5), "50\u{202f}%");
    }
}
