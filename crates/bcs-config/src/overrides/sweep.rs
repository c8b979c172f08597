//! Sweeps: several values per key, and their combinations.

use indexmap::IndexMap;

use super::{Assigned, Override};
use crate::{
    error::{Error, Result},
    value::Value,
};

/// Maximum number of runs; protects the memory from a typing error in a range.
const MAX_RUNS: usize = 100_000;

/// Several values for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// `a,b` or `choice(a,b)`
    Choice(Vec<Value>),
    /// `range(start,stop,step)`
    Range(Range),
    /// `interval(start,end)`, which has no list of values.
    Interval {
        /// Lower bound.
        start: Number,
        /// Upper bound.
        end: Number,
        /// Tags of `tag()`, such as `log`.
        tags: Vec<String>,
    },
    /// `glob(include,exclude)`: the options of a config group that match.
    Glob {
        /// Patterns, of which one must match.
        include: Vec<String>,
        /// Patterns, of which none may match.
        exclude: Vec<String>,
    },
}

/// Integer or float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
}

impl Number {
    /// Returns the number as a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// Arithmetic progression from `start` (included) to `stop` (excluded).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// First number.
    pub start: Number,
    /// End, excluded.
    pub stop: Number,
    /// Difference of successive numbers; not zero.
    pub step: Number,
}

impl Range {
    /// Returns the numbers; all integers if `start`, `stop` and `step` are.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        let ints = match (self.start, self.stop, self.step) {
            (Number::Int(start), Number::Int(stop), Number::Int(step)) => Some((start, stop, step)),
            _ => None,
        };
        let range = *self;
        let mut index = 0_i64;
        std::iter::from_fn(move || {
            let value = match ints {
                Some((start, stop, step)) => {
                    let value = step.checked_mul(index).and_then(|offset| start.checked_add(offset))?;
                    (step.signum() * value.cmp(&stop) as i64 == -1).then_some(Value::Int(value))
                }
                None => range.float(index).map(Value::Float),
            };
            index += 1;
            value
        })
    }

    fn float(&self, index: i64) -> Option<f64> {
        let (start, stop, step) = (self.start.as_f64(), self.stop.as_f64(), self.step.as_f64());
        let value = decimal_sum(start, step, index).unwrap_or_else(|| step.mul_add(index as f64, start));
        let goes_on = if step > 0.0 { value < stop } else { step < 0.0 && value > stop };
        goes_on.then_some(value)
    }
}

/// Returns `start + index * step` in decimal arithmetic, as Hydra computes it: three steps of 0.1 are 0.3.
///
/// `None` for numbers that do not fit into an `i128` with 28 decimals.
fn decimal_sum(start: f64, step: f64, index: i64) -> Option<f64> {
    const DECIMALS: usize = 28;
    let fixed = |value: f64| format!("{value:.DECIMALS$}").replace('.', "").parse::<i128>().ok();
    let sum = fixed(step)?.checked_mul(i128::from(index))?.checked_add(fixed(start)?)?;
    format!("{sum}e-{DECIMALS}").parse().ok()
}

/// Returns the runs of a list of overrides: every combination of the values of its sweeps.
///
/// `options` returns the options of a config group, for `glob()`. The last sweep varies fastest.
///
/// ```
/// use bcs_config::overrides;
///
/// let parsed = overrides::parse_all(&["seed=1", "lr=0.1,0.2", "epochs=range(1,3)"])?;
/// let runs = overrides::expand(&parsed, |_| Vec::new())?;
/// let texts: Vec<_> = runs[1].iter().map(|run| run.text.as_str()).collect();
/// assert_eq!(runs.len(), 4);
/// assert_eq!(texts, ["seed=1", "lr=0.1", "epochs=2"]);
/// # Ok::<(), bcs_config::Error>(())
/// ```
pub fn expand(overrides: &[Override], options: impl Fn(&str) -> Vec<String>) -> Result<Vec<Vec<Override>>> {
    // As in Hydra, a later override replaces an earlier one with the same prefix and key.
    let mut axes: IndexMap<String, Vec<Override>> = IndexMap::new();
    for parsed in overrides {
        let name = format!("{}{}", parsed.action.prefix(), parsed.key_with_package());
        axes.insert(name, alternatives(parsed, &options)?);
    }
    let runs = axes.values().try_fold(1_usize, |runs, axis| runs.checked_mul(axis.len()));
    if runs.is_none_or(|runs| runs > MAX_RUNS) {
        let text = axes.keys().cloned().collect::<Vec<_>>().join(" ");
        return Err(Error::Override { text, message: format!("the sweep has more than {MAX_RUNS} runs") });
    }
    let mut product: Vec<Vec<Override>> = vec![Vec::new()];
    for axis in axes.values() {
        product = product
            .iter()
            .flat_map(|run| axis.iter().map(|one| [run.as_slice(), std::slice::from_ref(one)].concat()))
            .collect();
    }
    Ok(product)
}

fn alternatives(parsed: &Override, options: impl Fn(&str) -> Vec<String>) -> Result<Vec<Override>> {
    let Assigned::Sweep(sweep) = &parsed.assigned else { return Ok(vec![parsed.clone()]) };
    let values: Vec<Value> = match sweep {
        Sweep::Choice(values) => values.clone(),
        Sweep::Range(range) => range.values().take(MAX_RUNS + 1).collect(),
        Sweep::Interval { .. } => {
            let message = "an interval has no list of values; it needs a sweep with random draws".to_owned();
            return Err(Error::Override { text: parsed.text.clone(), message });
        }
        Sweep::Glob { include, exclude } => {
            let matches = |globs: &[String], name: &str| globs.iter().any(|glob| glob_matches(glob, name));
            let chosen = |name: &String| matches(include, name) && !matches(exclude, name);
            options(&parsed.key).into_iter().filter(chosen).map(Value::Str).collect()
        }
    };
    if values.is_empty() {
        let message = "the sweep has no values; change its range or pattern".to_owned();
        return Err(Error::Override { text: parsed.text.clone(), message });
    }
    Ok(values.into_iter().map(|value| parsed.with_value(value)).collect())
}

/// Whether a name matches a pattern with `*` (any characters) and `?` (one character).
fn glob_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Position of the last star, and the end of its match so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, end)) = star {
            star = Some((at, end + 1));
            p = at + 1;
            n = end + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
