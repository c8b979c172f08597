//! Values that a key may have in a sweep.

use bcs_config::overrides::{self, Assigned, Number, Override, Sweep};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// Values that a key may have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Domain {
    /// A list, as overrides of a single value.
    Values(Vec<Override>),
    /// An interval.
    Interval(Interval),
}

/// The numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Whether the logarithm is uniformly distributed, rather than the number.
    pub log: bool,
    /// Whether only whole numbers are drawn, both bounds included.
    pub whole: bool,
}

impl Domain {
    /// Returns the values of an override; `None` if it has a single one. `options` returns the options of a config group.
    ///
    /// # Errors
    /// [`Error::Config`] for a sweep without values; [`Error::Usage`] for an interval that is empty or cannot be drawn from.
    pub(super) fn of(parsed: &Override, options: impl Fn(&str) -> Vec<String>) -> Result<Option<Self>> {
        let Assigned::Sweep(sweep) = &parsed.assigned else { return Ok(None) };
        if let Sweep::Interval { start, end, tags } = sweep {
            return Interval::new([*start, *end], tags, &parsed.text)
                .map(|interval| Some(Self::Interval(interval)));
        }
        let runs = overrides::expand(std::slice::from_ref(parsed), options)?;
        Ok(Some(Self::Values(runs.into_iter().flatten().collect())))
    }

    /// Returns the first value, or the middle of an interval, as an override of the key of `parsed`.
    ///
    /// # Errors
    /// [`Error::Config`] if the override cannot be parsed.
    pub(super) fn example(&self, parsed: &Override) -> Result<Override> {
        match self {
            Self::Values(values) => Ok(values[0].clone()),
            Self::Interval(interval) => interval.value(parsed, interval.at(0.5)),
        }
    }

    /// Draws a value, as an override of the key of `parsed`.
    ///
    /// # Errors
    /// [`Error::Config`] if the override cannot be parsed.
    pub(super) fn draw(&self, parsed: &Override, random: &mut ChaCha8Rng) -> Result<Override> {
        match self {
            Self::Values(values) => Ok(values[random.random_range(0..values.len())].clone()),
            Self::Interval(interval) => interval.value(parsed, interval.at(random.random())),
        }
    }
}

impl Interval {
    /// Creates the interval of an override.
    fn new([low, high]: [Number; 2], tags: &[String], text: &str) -> Result<Self> {
        let whole = matches!((low, high), (Number::Int(_), Number::Int(_)));
        let (low, high) = (low.as_f64(), high.as_f64());
        let log = tags.iter().any(|tag| tag == "log");
        let refuse = |reason: &str| Err(Error::Usage(format!("{text}: {reason}")));
        match () {
            () if !low.is_finite() || !high.is_finite() => refuse("an interval needs finite bounds"),
            () if low >= high => refuse("the start of an interval must be below its end"),
            () if log && low <= 0.0 => refuse("the start of an interval with the tag log must be above 0"),
            () => Ok(Self { low, high, log, whole }),
        }
    }

    /// Returns an override of the key of `parsed` with this number.
    fn value(&self, parsed: &Override, number: f64) -> Result<Override> {
        let (prefix, key) = (parsed.action.prefix(), parsed.key_with_package());
        let number = if self.whole { format!("{number}") } else { format!("{number:?}") };
        Ok(overrides::parse(&format!("{prefix}{key}={number}"))?)
    }

    /// Returns the number at a fraction of the interval.
    fn at(&self, fraction: f64) -> f64 {
        // A whole number stands for the interval of length 1 around it.
        let margin = if self.whole { 0.5 } else { 0.0 };
        let (low, high) = (self.low - margin, self.high + margin);
        let value = match self.log {
            true => (low.ln() + fraction * (high.ln() - low.ln())).exp(),
            false => low + fraction * (high - low),
        };
        let rounded = if self.whole { value.round() } else { six_digits(value) };
        rounded.clamp(self.low, self.high)
    }
}

/// Rounds to six significant digits, so that overrides and tables can be read.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Result<Option<Domain>> {
        Domain::of(&overrides::parse(text).unwrap(), |_| Vec::new())
    }

    #[test]
    fn intervals_have_scale_and_type() {
        let interval = |text: &str| match domain(text).unwrap() {
            Some(Domain::Interval(interval)) => interval,
            other => panic!("{text}: {other:?}"),
        };
        let expected = Interval { low: 1.0, high: 8.0, log: false, whole: false };
        assert_eq!(interval("a=interval(1,8)"), expected);
        assert_eq!(interval("a=int(interval(1,8))"), Interval { whole: true, ..expected });
        assert_eq!(interval("a=tag(log, interval(1,8))"), Interval { log: true, ..expected });
        assert_eq!(
            interval("a=tag(log, int(interval(1,8)))"),
            Interval { log: true, whole: true, ..expected }
        );
    }

    #[test]
    fn intervals_that_cannot_be_drawn_from_are_refused() {
        for (text, reason) in [
            ("a=interval(2,1)", "below its end"),
            ("a=interval(0,inf)", "finite"),
            ("a=tag(log, interval(0,1))", "above 0"),
        ] {
            let error = domain(text).unwrap_err().to_string();
            assert!(error.starts_with(text) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn single_values_are_no_domain() {
        assert_eq!(domain("a=[1,2]").unwrap(), None);
        let Some(Domain::Values(values)) = domain("a=range(0,3)").unwrap() else { panic!("no values") };
        assert_eq!(values.iter().map(|value| &*value.text).collect::<Vec<_>>(), ["a=0", "a=1", "a=2"]);
    }
}
