//! Time window of a run: whole days in the time zone of the settings, or times.

use std::str::FromStr;

use bcs_drift::report;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Maximum number of days of a window: a year and a month.
pub const MAX_DAYS: u32 = 397;

/// An invalid window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a day nor a time.
    #[error("'{0}' is neither a day such as 2026-11-22 nor a time such as 2026-11-22T06:00:00Z")]
    Bound(String),
    /// `to` without `from`.
    #[error("'to' requires 'from'; set both, or neither for the latest days")]
    MissingFrom,
    /// The end is not after the start.
    #[error("the window from {from} to {to} is empty; 'from' must be before 'to'")]
    Empty {
        /// Start.
        from: Timestamp,
        /// End, excluded.
        to: Timestamp,
    },
    /// Fewer than one day or more than the maximum.
    #[error("a window must have 1 to {MAX_DAYS} days; choose another one")]
    Length,
    /// More than one of the ways to state a window.
    #[error(
        "a window is stated by 'from' and 'to', 'days', 'hours', 'last' or 'since_last'; set one of these"
    )]
    Ambiguous,
    /// No hours, or no predictions.
    #[error("'{0}' must be at least 1")]
    Nothing(&'static str),
}

/// Start or end of a window, as users write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Bound {
    /// A whole day.
    Day(Date),
    /// A time.
    Time(Timestamp),
}

impl FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const DAY: usize = "2026-11-22".len();
        // jiff would parse the day of a longer text.
        let bound =
            if text.len() == DAY { text.parse().map(Self::Day) } else { text.parse().map(Self::Time) };
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
    /// Returns the start of a window from this bound.
    fn start(self, zone: &TimeZone) -> Result<Timestamp, Error> {
        match self {
            Self::Day(day) => midnight(day, zone),
            Self::Time(time) => Ok(time),
        }
    }

    /// Returns the end of a window up to this bound. A day is included.
    fn end(self, zone: &TimeZone) -> Result<Timestamp, Error> {
        match self {
            Self::Day(day) => midnight(day.tomorrow().map_err(|_| Error::Length)?, zone),
            Self::Time(time) => Ok(time),
        }
    }
}

/// Time window, from `from` (included) to `to` (excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    from: Timestamp,
    to: Timestamp,
    /// First and last day, in the time zone of the window.
    #[serde(skip)]
    days: [Date; 2],
}

impl Window {
    /// Returns the window between two bounds; without `to`, up to the end of today.
    ///
    /// # Errors
    /// [`Error::Empty`] or [`Error::Length`].
    pub fn between(from: Bound, to: Option<Bound>, now: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        let (from, to) = (from.start(zone)?, to.unwrap_or(Bound::Day(day_of(now, zone))).end(zone)?);
        Self::new(from, to, zone)
    }

    /// Returns the window from `from` (included) to `to` (excluded).
    ///
    /// # Errors
    /// [`Error::Empty`] or [`Error::Length`].
    pub fn new(from: Timestamp, to: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        if from >= to {
            return Err(Error::Empty { from, to });
        }
        let window = Self { from, to, days: [day_of(from, zone), day_of(just_before(to), zone)] };
        if window.utc_days().count() > MAX_DAYS as usize { Err(Error::Length) } else { Ok(window) }
    }

    /// Returns the last `days` full days and today. The end is midnight, so that it is the same window all day long.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn latest(days: u32, now: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        if !(1..MAX_DAYS).contains(&days) {
            return Err(Error::Length);
        }
        let first = day_of(now, zone).checked_sub(i64::from(days).days()).map_err(|_| Error::Length)?;
        Self::between(Bound::Day(first), None, now, zone)
    }

    /// Returns the last `hours`.
    ///
    /// # Errors
    /// [`Error::Nothing`] or [`Error::Length`].
    pub fn hours(hours: u32, now: Timestamp, zone: &TimeZone) -> Result<Self, Error> {
        if hours == 0 {
            return Err(Error::Nothing("hours"));
        }
        let from = now.checked_sub(SignedDuration::from_hours(hours.into())).map_err(|_| Error::Length)?;
        Self::new(from, now, zone)
    }

    /// Returns the days (UTC) of the window in order, under which records are stored.
    pub fn utc_days(&self) -> impl Iterator<Item = Date> + use<> {
        let [first, last] = self.utc_ends();
        first.series(1.day()).take_while(move |day| *day <= last)
    }

    /// Returns the start.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// Returns the first day, in the time zone of the window.
    pub fn first_day(&self) -> Date {
        self.days[0]
    }

    /// Returns the last day, in the time zone of the window.
    pub fn last_day(&self) -> Date {
        self.days[1]
    }

    /// First and last day (UTC).
    fn utc_ends(&self) -> [Date; 2] {
        [self.from, just_before(self.to)].map(|time| day_of(time, &TimeZone::UTC))
    }

    /// Whether a record that is stored under `day` and was received at `time` belongs to the window. A bound applies only
    /// on the day it divides: an image received just before midnight and answered after it is stored under the next day,
    /// and would otherwise belong to no window.
    pub fn contains(&self, day: Date, time: Timestamp) -> bool {
        let [first, last] = self.utc_ends();
        (day != first || starts(day, self.from) || time >= self.from)
            && (day != last || ends(day, self.to) || time < self.to)
    }

    /// Returns the window for a report created at `created`: the part that had passed by then.
    pub fn up_to(&self, created: Timestamp) -> report::Window {
        report::Window { from: Some(self.from), to: Some(self.to.min(created.max(self.from))) }
    }
}

/// Returns the last moment before `time`.
fn just_before(time: Timestamp) -> Timestamp {
    time.checked_sub(1.nanosecond()).unwrap_or(time)
}

fn day_of(time: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(time).date()
}

/// Returns the start of a day. Where clocks are put forward at midnight, it is later.
fn midnight(day: Date, zone: &TimeZone) -> Result<Timestamp, Error> {
    zone.to_timestamp(day.to_datetime(Time::midnight())).map_err(|_| Error::Length)
}

/// Whether `time` is the start of `day` (UTC).
fn starts(day: Date, time: Timestamp) -> bool {
    midnight(day, &TimeZone::UTC) == Ok(time)
}

/// Whether `time` is the end of `day` (UTC).
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
        Window::between(from.parse()?, Some(to.parse()?), now(), &TimeZone::UTC)
    }

    fn days(window: &Window) -> Vec<String> {
        window.utc_days().map(|day| day.to_string()).collect()
    }

    #[test]
    fn the_latest_days_are_full_days_and_today() {
        let window = Window::latest(1, now(), &TimeZone::UTC).unwrap();
        assert_eq!((window.from, window.to), (time("2026-11-22T00:00:00Z"), time("2026-11-24T00:00:00Z")));
        assert_eq!(days(&window), ["2026-11-22", "2026-11-23"]);
        assert_eq!(window.up_to(now()).to, Some(now()));
        assert_eq!(Window::latest(0, now(), &TimeZone::UTC), Err(Error::Length));
        assert_eq!(Window::latest(u32::MAX, now(), &TimeZone::UTC), Err(Error::Length));
    }

    #[test]
    fn end_days_are_included_and_end_times_are_not() {
        let window = between("2026-11-01", "2026-11-02").unwrap();
        assert_eq!(window.to, time("2026-11-03T00:00:00Z"));
        let window = between("2026-11-01T06:00:00Z", "2026-11-02T00:00:00Z").unwrap();
        assert_eq!(days(&window), ["2026-11-01"]);
        let open = Window::between("2026-11-20".parse().unwrap(), None, now(), &TimeZone::UTC).unwrap();
        assert_eq!(days(&open).last().unwrap(), "2026-11-23");
    }

    #[test]
    fn days_are_those_of_the_time_zone() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let window = Window::latest(1, time("2026-11-23T23:30:00Z"), &zone).unwrap();
        assert_eq!((window.from, window.to), (time("2026-11-22T23:00:00Z"), time("2026-11-24T23:00:00Z")));
        assert_eq!(
            (window.first_day().to_string(), window.last_day().to_string()),
            ("2026-11-23".into(), "2026-11-24".into())
        );
        assert_eq!(days(&window), ["2026-11-22", "2026-11-23", "2026-11-24"]);
        let day = "2026-11-22".parse().unwrap();
        assert!(window.contains(day, time("2026-11-22T23:00:00Z")));
        assert!(!window.contains(day, time("2026-11-22T22:59:59Z")));
        // A day of 23 hours.
        let bound = || "2026-03-29".parse().unwrap();
        let short = Window::between(bound(), Some(bound()), now(), &zone).unwrap();
        assert_eq!(short.to.duration_since(short.from).as_hours(), 23);
    }

    #[test]
    fn hours_end_now() {
        let window = Window::hours(6, now(), &TimeZone::UTC).unwrap();
        assert_eq!((window.from, window.to), (time("2026-11-23T08:30:00Z"), now()));
        assert_eq!(Window::hours(0, now(), &TimeZone::UTC), Err(Error::Nothing("hours")));
        assert_eq!(Window::hours(u32::MAX, now(), &TimeZone::UTC), Err(Error::Length));
    }

    #[test]
    fn invalid_windows_are_errors() {
        for bound in ["", "yesterday", "2026-13-01", "2026-11-22T06:00:00", "2026-11-22 "] {
            assert_eq!(bound.parse::<Bound>(), Err(Error::Bound(bound.to_owned())), "{bound}");
        }
        assert!(matches!(between("2026-11-02", "2026-11-01"), Err(Error::Empty { .. })));
        assert_eq!(between("1900-01-01", "2026-11-01"), Err(Error::Length));
        assert_eq!(between("2026-11-01", "9999-12-31"), Err(Error::Length));
    }

    #[test]
    fn a_record_belongs_to_exactly_one_of_two_adjacent_windows() {
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
            for (day, received) in records {
                let day: Date = day.parse().unwrap();
                let containing = windows.iter().filter(|window| {
                    window.utc_days().any(|known| known == day) && window.contains(day, time(received))
                });
                assert_eq!(containing.count(), 1, "{day} {received} {windows:?}");
            }
        }
    }
}
