//! Which stretch of time is looked at: whole days (UTC) by default, or moments.

use std::str::FromStr;

use bcs_drift::report;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Days that a window may have at most: a year and a month.
const MOST_DAYS: u32 = 397;

/// Why there is no such window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No day and no moment.
    #[error("'{0}' is neither a day such as 2026-11-22 nor a moment such as 2026-11-22T06:00:00Z")]
    Bound(String),
    /// An end without a beginning.
    #[error("'to' needs a 'from' before it; give both, or neither for the latest days")]
    NoBeginning,
    /// Two ways to say the same.
    #[error("'days' counts back from today and goes with neither 'from' nor 'to'; give one or the other")]
    Both,
    /// It ends before it begins.
    #[error("the window from {from} to {to} is empty; 'from' must come first")]
    Empty {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// Longer than the records of a run should be, or none at all.
    #[error("a window has 1 to {MOST_DAYS} days; narrow it")]
    Length,
}

/// A beginning or an end as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Bound {
    /// A whole day.
    Day(Date),
    /// A moment.
    Moment(Timestamp),
}

impl FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const DAY: usize = "2026-11-22".len();
        // jiff would take the day out of a longer text.
        let bound =
            if text.len() == DAY { text.parse().map(Self::Day) } else { text.parse().map(Self::Moment) };
        bound.map_err(|_| Error::Bound(text.to_owned()))
    }
}

impl TryFrom<String> for Bound {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl Bound {
    fn beginning(self) -> Result<Timestamp, Error> {
        match self {
            Self::Day(day) => midnight(day),
            Self::Moment(moment) => Ok(moment),
        }
    }

    /// A day is included.
    fn end(self) -> Result<Timestamp, Error> {
        match self {
            Self::Day(day) => midnight(day.tomorrow().map_err(|_| Error::Length)?),
            Self::Moment(moment) => Ok(moment),
        }
    }
}

/// From `from` until just before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    from: Timestamp,
    to: Timestamp,
}

impl Window {
    /// The window between two bounds, up to the end of today where there is no second one.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::Length`].
    pub fn between(from: Bound, to: Option<Bound>, now: Timestamp) -> Result<Self, Error> {
        let (from, to) = (from.beginning()?, to.unwrap_or(Bound::Day(day_of(now))).end()?);
        if from >= to {
            return Err(Error::Empty { from, to });
        }
        let window = Self { from, to };
        if window.days().count() > MOST_DAYS as usize { Err(Error::Length) } else { Ok(window) }
    }

    /// The last so many full days, and today. It ends at midnight, so that it is the same window all day long.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn latest(days: u32, now: Timestamp) -> Result<Self, Error> {
        if !(1..MOST_DAYS).contains(&days) {
            return Err(Error::Length);
        }
        let first = day_of(now).checked_sub(i64::from(days).days()).map_err(|_| Error::Length)?;
        Self::between(Bound::Day(first), None, now)
    }

    /// The days (UTC) that it touches, in order.
    pub fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last_day();
        self.first_day().series(1.day()).take_while(move |day| *day <= last)
    }

    /// The day it begins on.
    pub fn first_day(&self) -> Date {
        day_of(self.from)
    }

    /// The day it ends on.
    pub fn last_day(&self) -> Date {
        day_of(self.to.checked_sub(1.nanosecond()).unwrap_or(self.from))
    }

    /// Whether a record that lies under `day` and came in at `time` belongs to the window. A bound counts only on
    /// the day that it cuts: an image that came in just before midnight and was answered after it lies under the
    /// next day, and would otherwise belong to no window at all.
    pub fn takes(&self, day: Date, time: Timestamp) -> bool {
        (day != self.first_day() || starts(day, self.from) || time >= self.from)
            && (day != self.last_day() || ends(day, self.to) || time < self.to)
    }

    /// As a report made at `created` says it: the part of it that had passed by then.
    pub fn seen_at(&self, created: Timestamp) -> report::Window {
        report::Window { from: Some(self.from), to: Some(self.to.min(created.max(self.from))) }
    }
}

fn day_of(time: Timestamp) -> Date {
    time.to_zoned_datetime(TimeZone::UTC).date()
}

fn midnight(day: Date) -> Result<Timestamp, Error> {
    TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).map_err(|_| Error::Length)
}

fn starts(day: Date, time: Timestamp) -> bool {
    midnight(day) == Ok(time)
}

fn ends(day: Date, time: Timestamp) -> bool {
    day.tomorrow().is_ok_and(|next| starts(next, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        time("2026-11-23T14:30:00Z")
    }

    fn between(from: &str, to: &str) -> Result<Window, Error> {
        Window::between(from.parse()?, Some(to.parse()?), now())
    }

    fn days(window: &Window) -> Vec<String> {
        window.days().map(|day| day.to_string()).collect()
    }

    #[test]
    fn the_latest_days_are_full_ones_and_today() {
        let window = Window::latest(1, now()).unwrap();
        assert_eq!((window.from, window.to), (time("2026-11-22T00:00:00Z"), time("2026-11-24T00:00:00Z")));
        assert_eq!(days(&window), ["2026-11-22", "2026-11-23"]);
        assert_eq!(window.seen_at(now()).to, Some(now()));
        assert_eq!(Window::latest(0, now()), Err(Error::Length));
        assert_eq!(Window::latest(u32::MAX, now()), Err(Error::Length));
    }

    #[test]
    fn days_are_included_and_moments_are_not() {
        let window = between("2026-11-01", "2026-11-02").unwrap();
        assert_eq!(window.to, time("2026-11-03T00:00:00Z"));
        let window = between("2026-11-01T06:00:00Z", "2026-11-02T00:00:00Z").unwrap();
        assert_eq!(days(&window), ["2026-11-01"]);
        let open = Window::between("2026-11-20".parse().unwrap(), None, now()).unwrap();
        assert_eq!(days(&open).last().unwrap(), "2026-11-23");
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for bound in ["", "yesterday", "2026-13-01", "2026-11-22T06:00:00", "2026-11-22 "] {
            assert_eq!(bound.parse::<Bound>(), Err(Error::Bound(bound.to_owned())), "{bound}");
        }
        assert!(matches!(between("2026-11-02", "2026-11-01"), Err(Error::Empty { .. })));
        assert_eq!(between("1900-01-01", "2026-11-01"), Err(Error::Length));
        assert_eq!(between("2026-11-01", "9999-12-31"), Err(Error::Length));
    }

    #[test]
    fn a_record_belongs_to_exactly_one_of_two_windows_that_meet() {
        let at_noon = [
            between("2026-11-01", "2026-11-02T12:00:00Z").unwrap(),
            between("2026-11-02T12:00:00Z", "2026-11-03").unwrap(),
        ];
        let at_midnight =
            [between("2026-11-01", "2026-11-01").unwrap(), between("2026-11-02", "2026-11-03").unwrap()];
        let records = [
            ("2026-11-01", "2026-11-01T10:00:00Z"),
            ("2026-11-02", "2026-11-01T23:59:59.9Z"),
            ("2026-11-02", "2026-11-02T12:00:00Z"),
        ];
        for windows in [at_noon, at_midnight] {
            for (day, moment) in records {
                let day: Date = day.parse().unwrap();
                let holders = windows.iter().filter(|window| {
                    window.days().any(|touched| touched == day) && window.takes(day, time(moment))
                });
                assert_eq!(holders.count(), 1, "{day} {moment} {windows:?}");
            }
        }
    }
}
