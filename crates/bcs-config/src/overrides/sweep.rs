//! Sweeps: several values per key, and their combinations.

use std::hash::{BuildHasher, RandomState};

use indexmap::IndexMap;

use super::{Assigned, Literal, Override, decimal};
use crate::error::{Error, Result};

/// Maximum number of runs; protects the memory from a typing error in a range.
const MAX_RUNS: usize = 100_000;

/// Several values for a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// `a,b` or `choice(a,b)`
    Choice {
        /// The values.
        values: Vec<Literal>,
        /// Whether it is written without `choice`.
        simple: bool,
        /// Whether the order is random.
        shuffle: bool,
    },
    /// `range(start,stop,step)`
    Range(Range),
    /// `glob(include,exclude)`: the options of a config group that match.
    Glob {
        /// Patterns, of which one must match.
        include: Vec<String>,
        /// Patterns, of which none may match.
        exclude: Vec<String>,
    },
    /// `interval(start,end)`, which only optimizing sweepers can sample.
    Interval {
        /// Start, included.
        start: Number,
        /// End, excluded.
        end: Number,
        /// Tags, as `log` in `tag(log,interval(1e-4,1))`.
        tags: Vec<String>,
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

    fn minus(self) -> Self {
        match self {
            Self::Int(value) => Self::Int(value.saturating_neg()),
            Self::Float(value) => Self::Float(-value),
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(a.saturating_add(b)),
            (a, b) => Self::Float(a.as_f64() + b.as_f64()),
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
    /// Difference of successive numbers.
    pub step: Number,
    /// Whether the order is random.
    pub shuffle: bool,
}

impl Range {
    /// Returns the range in ascending, or with `reverse` in descending order.
    pub(super) fn sorted(self, reverse: bool) -> Self {
        let (start, stop) = (self.start.as_f64(), self.stop.as_f64());
        let turned = if reverse { start < stop } else { start > stop };
        if !turned {
            return self;
        }
        let size = if self.step.as_f64() < 0.0 { self.step.minus() } else { self.step };
        let shift = if reverse { size.minus() } else { size };
        Self {
            start: self.stop.plus(shift),
            stop: self.start.plus(shift),
            step: self.step.minus(),
            shuffle: self.shuffle,
        }
    }

    /// Returns the numbers; all integers if `start`, `stop` and `step` are.
    pub fn values(&self) -> Box<dyn Iterator<Item = Literal>> {
        if let (Number::Int(start), Number::Int(stop), Number::Int(step)) = (self.start, self.stop, self.step)
        {
            let value =
                move |index: i64| step.checked_mul(index).and_then(|offset| start.checked_add(offset));
            let inside = move |value: &i64| if step > 0 { *value < stop } else { *value > stop };
            return Box::new((0..).map_while(value).take_while(inside).map(Literal::Int));
        }
        let (start, stop, step) = (self.start.as_f64(), self.stop.as_f64(), self.step.as_f64());
        Box::new(decimal::range(start, stop, step).map(Literal::Float))
    }
}

/// Returns the runs of a list of overrides: every combination of the values of its sweeps.
///
/// As in Hydra, a run gets its overrides in normal form: `a= 1` becomes `a=1`.
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
    let refuse = |message: &str| Error::Override { text: parsed.text.clone(), message: message.to_owned() };
    let sweep = match &parsed.assigned {
        Assigned::Sweep(sweep) => sweep,
        Assigned::Nothing => return Ok(vec![parsed.with_value(&Literal::Null)?]),
        Assigned::Value(value) => return Ok(vec![parsed.with_value(value)?]),
    };
    let mut values: Vec<Literal> = match sweep {
        Sweep::Choice { values, .. } => values.clone(),
        Sweep::Range(range) => {
            let numbers = [range.start, range.stop, range.step];
            if numbers.iter().any(|number| !number.as_f64().is_finite()) || range.step.as_f64() == 0.0 {
                return Err(refuse("a range needs finite numbers and a step other than 0"));
            }
            range.values().take(MAX_RUNS + 1).collect()
        }
        Sweep::Interval { .. } => {
            return Err(refuse(
                "an interval has no list of values; use range(start,stop,step) or a comma list",
            ));
        }
        Sweep::Glob { include, exclude } => {
            let matches = |globs: &[String], name: &str| globs.iter().any(|glob| glob_matches(glob, name));
            let chosen = |name: &String| matches(include, name) && !matches(exclude, name);
            options(&parsed.key).into_iter().filter(chosen).map(Literal::Str).collect()
        }
    };
    if let Sweep::Choice { shuffle: true, .. } | Sweep::Range(Range { shuffle: true, .. }) = sweep {
        shuffled(&mut values);
    }
    if values.is_empty() {
        return Err(refuse("the sweep has no values; change its range or pattern"));
    }
    values.iter().map(|value| parsed.with_value(value)).collect()
}

/// Brings values into a random order (Fisher–Yates).
pub(super) fn shuffled<T>(values: &mut [T]) {
    let state = RandomState::new();
    for end in (1..values.len()).rev() {
        let random = state.hash_one(end) as usize % (end + 1);
        values.swap(end, random);
    }
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
