//! Evidence of all windows so far.

use maud::{Markup, html};

use crate::report::DriftReport;
use crate::sequential::{FamilyOverTime, OverTime};
use crate::text::percent;
use crate::words::{capitalized, name};

pub(super) fn section(report: &DriftReport) -> Markup {
    let Some(over_time) = &report.over_time else { return html! {} };
    let OverTime { alarms_per_month, windows, cases, families } = over_time;
    html! {
        section aria-labelledby="over-time" {
            h2 #over-time { "Over time" }
            p.lead {
                "Evidence of drift from " (cases) " cases of " (windows) (if *windows == 1 { " window" } else { " windows" })
                ", as a share of what an alarm takes. Without drift, there are at most " (alarms_per_month)
                " alarms a month on average."
            }
            ul.over-time { @for family in families { (row(family)) } }
        }
    }
}

fn row(family: &FamilyOverTime) -> Markup {
    let share = family.evidence.clamp(0.0, 1.0);
    let class = if family.alarm.is_some() { "meter alarm" } else { "meter" };
    html! {
        li {
            span { (capitalized(&family.family.to_string())) }
            span class=(class) role="img" aria-label={ "Evidence " (percent(share)) } {
                span.fill style={ "width:" (format!("{:.1}%", share * 100.0)) } {}
            }
            span { (state(family)) }
        }
    }
}

/// The evidence of a family in words.
fn state(family: &FamilyOverTime) -> String {
    let now = match &family.alarm {
        Some(alarm) => {
            let cases = if alarm.cases == 1 { "case" } else { "cases" };
            format!("Alarm after {} {cases}, mostly by {}", alarm.cases, name(&alarm.feature))
        }
        None if family.evidence >= 1.0 => "Enough for an alarm if it persists".to_owned(),
        None => percent(family.evidence),
    };
    match family.earlier_alarms {
        0 => now,
        1 => format!("{now}; 1 alarm before"),
        many => format!("{now}; {many} alarms before"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judgement::Family;
    use crate::sequential::Alarm;

    #[test]
    fn the_state_of_a_family_is_told_in_words() {
        let state = |evidence: f64, alarm: Option<u64>, earlier_alarms: usize| {
            let alarm =
                alarm.map(|cases| Alarm { family: Family::Focus, feature: "sharpness".into(), cases });
            state(&FamilyOverTime { family: Family::Focus, evidence, alarm, earlier_alarms })
        };
        assert_eq!(state(0.25, None, 0), "25\u{202f}%");
        assert_eq!(state(1.0, Some(40), 2), "Alarm after 40 cases, mostly by the sharpness; 2 alarms before");
        assert_eq!(state(1.2, None, 1), "Enough for an alarm if it persists; 1 alarm before");
    }
}
