//! Several values for one key, and the runs they make together.

use indexmap::IndexMap;

use super::{Assigned, Override};
use crate::{
    error::{Error, Result},
    value::Value,
};

/// More runs than anybody starts; guards the memory against a slip in a range.
const MAX_RUNS: usize = 100_000;

/// Several values for one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// `a,b` or `choice(a,b)`
    Choice(Vec<Value>),
    /// `range(start,stop,step)`
    Range(Range),
    /// `glob(include,exclude)`: the options of a group whose names match.
    Glob {
        /// Patterns of which one must match.
        include: Vec<String>,
        /// Patterns of which none may match.
        exclude: Vec<String>,
    },
}

/// A number that keeps the type it was written in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A real number.
    Float(f64),
}

impl Number {
    /// The number as a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// Equally spaced numbers from `start` up to, but without, `stop`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The first number.
    pub start: Number,
    /// The number not reached any more.
    pub stop: Number,
    /// From one number to the next; may be negative, but not zero.
    pub step: Number,
}

impl Range {
    /// The numbers.
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

/// `start + index * step` in decimal arithmetic, as Hydra does it, so that three steps of 0.1 give 0.3.
///
/// Nothing for numbers too large to be held with 28 decimals.
fn decimal_sum(start: f64, step: f64, index: i64) -> Option<f64> {
    const DECIMALS: usize = 28;
    let fixed = |value: f64| format!("{value:.DECIMALS$}").replace('.', "").parse::<i128>().ok();
    let sum = fixed(step)?.checked_mul(i128::from(index))?.checked_add(fixed(start)?)?;
    format!("{sum}e-{DECIMALS}").parse().ok()
}

/// All runs that a list of overrides asks for: every combination of the values of its sweeps.
///
/// `options` gives the options of a config group, for `glob()`. The last sweep changes fastest.
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
    // As in Hydra a later override takes the place of an earlier one with the same sign and key.
    let mut axes: IndexMap<String, Vec<Override>> = IndexMap::new();
    for parsed in overrides {
        let name = format!("{}{}", parsed.action.prefix(), parsed.key_with_package());
        axes.insert(name, alternatives(parsed, &options)?);
    }
    let runs = axes.values().try_fold(1_usize, |runs, axis| runs.checked_mul(axis.len()));
    if runs.is_none_or(|runs| runs > MAX_RUNS) {
        let text = axes.keys().cloned().collect::<Vec<_>>().join(" ");
        return Err(Error::Override { text, message: format!("sweeps over more than {MAX_RUNS} runs") });
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
        Sweep::Glob { include, exclude } => {
            let matches = |globs: &[String], name: &str| globs.iter().any(|glob| glob_matches(glob, name));
            let chosen = |name: &String| matches(include, name) && !matches(exclude, name);
            options(&parsed.key).into_iter().filter(chosen).map(Value::Str).collect()
        }
    };
    if values.is_empty() {
        let message = "the sweep has no values; widen its range or pattern".to_owned();
        return Err(Error::Override { text: parsed.text.clone(), message });
    }
    Ok(values.into_iter().map(|value| parsed.with_value(value)).collect())
}

/// Whether a name matches a pattern of `*` (anything) and `?` (one character).
fn glob_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last star stood, and how much of the name it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, swallowed)) = star {
            star = Some((at, swallowed + 1));
            p = at + 1;
            n = swallowed + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
