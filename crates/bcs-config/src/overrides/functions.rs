//! Functions of the override grammar: casts and sweeps.

use super::{
    parser::Element,
    sweep::{Number, Range, Sweep},
};
use crate::{text, value::Value};

const NAMES: [&str; 9] = ["bool", "choice", "float", "glob", "int", "interval", "range", "str", "tag"];

/// Arguments of a call; positional ones precede named ones.
#[derive(Default)]
pub(super) struct Arguments {
    positional: Vec<Element>,
    named: Vec<(String, Element)>,
}

impl Arguments {
    pub(super) fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.named.is_empty()
    }

    pub(super) fn push(&mut self, name: Option<&str>, element: Element) -> Result<(), String> {
        match name {
            Some(name) => self.named.push((name.to_owned(), element)),
            None if self.named.is_empty() => self.positional.push(element),
            None => return Err("a positional argument follows a named one".to_owned()),
        }
        Ok(())
    }

    /// Assigns the arguments to parameters.
    fn bind<const N: usize>(self, names: [&str; N]) -> Result<[Option<Element>; N], String> {
        let mut bound = [const { None }; N];
        if self.positional.len() > N {
            return Err(format!("takes at most {N} arguments: {}", names.join(", ")));
        }
        for (slot, element) in bound.iter_mut().zip(self.positional) {
            *slot = Some(element);
        }
        for (name, element) in self.named {
            let slot = names.iter().position(|known| *known == name);
            let slot = slot.ok_or_else(|| format!("has no argument '{name}', only {}", names.join(", ")))?;
            if bound[slot].replace(element).is_some() {
                return Err(format!("the argument '{name}' is given twice"));
            }
        }
        Ok(bound)
    }
}

/// Calls a function by name.
pub(super) fn call(name: &str, arguments: Arguments) -> Result<Element, String> {
    let result = match name {
        "choice" => choice(arguments),
        "range" => range(arguments),
        "interval" => interval(arguments),
        "glob" => glob(arguments),
        "tag" => tag(arguments),
        "int" => cast(arguments, int),
        "float" => cast(arguments, float),
        "str" => cast(arguments, string),
        "bool" => cast(arguments, boolean),
        _ => return Err(format!("unknown function '{name}'; known functions: {}", NAMES.join(", "))),
    };
    result.map_err(|message| format!("{name}(): {message}"))
}

fn values(elements: Vec<Element>) -> Result<Vec<Value>, String> {
    let value = |element| match element {
        Element::Value(value) => Ok(value),
        Element::Sweep(_) => Err("a sweep cannot be nested in another".to_owned()),
    };
    elements.into_iter().map(value).collect()
}

fn choice(arguments: Arguments) -> Result<Element, String> {
    if arguments.positional.is_empty() || !arguments.named.is_empty() {
        return Err("expects one or more values".to_owned());
    }
    Ok(Element::Sweep(Sweep::Choice(values(arguments.positional)?)))
}

fn range(arguments: Arguments) -> Result<Element, String> {
    let [start, stop, step] = arguments.bind(["start", "stop", "step"])?;
    let first = number(start.ok_or("expects at least the end of the range")?)?;
    let (start, stop) = match stop {
        Some(stop) => (first, number(stop)?),
        None => (Number::Int(0), first),
    };
    let step = step.map_or(Ok(Number::Int(1)), number)?;
    checked_range(start, stop, step)
}

fn checked_range(start: Number, stop: Number, step: Number) -> Result<Element, String> {
    let finite = [start, stop, step].iter().all(|number| number.as_f64().is_finite());
    if !finite || step.as_f64() == 0.0 {
        return Err("expects finite numbers and a step other than 0".to_owned());
    }
    Ok(Element::Sweep(Sweep::Range(Range { start, stop, step })))
}

fn interval(arguments: Arguments) -> Result<Element, String> {
    let [start, end] = arguments.bind(["start", "end"])?;
    let (Some(start), Some(end)) = (start, end) else { return Err("expects a start and an end".to_owned()) };
    let [start, end] = [number(start)?, number(end)?].map(|number| Number::Float(number.as_f64()));
    Ok(Element::Sweep(Sweep::Interval { start, end, tags: Vec::new() }))
}

fn number(element: Element) -> Result<Number, String> {
    match element {
        Element::Value(Value::Int(value)) => Ok(Number::Int(value)),
        Element::Value(Value::Float(value)) => Ok(Number::Float(value)),
        Element::Value(other) => Err(format!("expects numbers, got {}", other.kind())),
        Element::Sweep(_) => Err("expects numbers, got a sweep".to_owned()),
    }
}

fn glob(arguments: Arguments) -> Result<Element, String> {
    let [include, exclude] = arguments.bind(["include", "exclude"])?;
    let include = patterns(include.ok_or("expects a pattern")?)?;
    let exclude = exclude.map_or(Ok(Vec::new()), patterns)?;
    Ok(Element::Sweep(Sweep::Glob { include, exclude }))
}

fn patterns(element: Element) -> Result<Vec<String>, String> {
    let pattern = |value| match value {
        Value::Str(pattern) => Ok(pattern),
        other => Err(format!("expects patterns, got {}", other.kind())),
    };
    match element {
        Element::Value(Value::List(list)) => list.into_iter().map(pattern).collect(),
        Element::Value(value) => Ok(vec![pattern(value)?]),
        Element::Sweep(_) => Err("expects patterns, got a sweep".to_owned()),
    }
}

/// Tags an interval. The tags of other sweeps are dropped, since nothing here uses them.
fn tag(arguments: Arguments) -> Result<Element, String> {
    let named = arguments.named.into_iter().map(|(_, element)| element);
    let mut arguments: Vec<Element> = arguments.positional.into_iter().chain(named).collect();
    match arguments.pop() {
        Some(Element::Sweep(Sweep::Interval { start, end, .. })) => {
            let text = |element| match element {
                Element::Value(Value::Str(text)) => Ok(text),
                _ => Err("expects strings as tags".to_owned()),
            };
            let tags = arguments.into_iter().map(text).collect::<Result<_, _>>()?;
            Ok(Element::Sweep(Sweep::Interval { start, end, tags }))
        }
        Some(sweep @ Element::Sweep(_)) => Ok(sweep),
        _ => Err("expects a sweep as the last argument".to_owned()),
    }
}

/// Casts a value, the items of a list or mapping, or the values of a sweep.
fn cast(arguments: Arguments, to: fn(&Value) -> Result<Value, String>) -> Result<Element, String> {
    if arguments.positional.len() > 1 && arguments.named.is_empty() {
        let values = values(arguments.positional)?;
        return Ok(Element::Sweep(Sweep::Choice(cast_all(values, to)?)));
    }
    let [element] = arguments.bind(["value"])?;
    Ok(match element.ok_or("expects a value")? {
        Element::Value(value) => Element::Value(cast_deep(value, to)?),
        Element::Sweep(Sweep::Choice(values)) => Element::Sweep(Sweep::Choice(cast_all(values, to)?)),
        Element::Sweep(Sweep::Range(range)) => checked_range(
            cast_number(range.start, to)?,
            cast_number(range.stop, to)?,
            cast_number(range.step, to)?,
        )?,
        Element::Sweep(Sweep::Interval { start, end, tags }) => {
            let (start, end) = (cast_number(start, to)?, cast_number(end, to)?);
            Element::Sweep(Sweep::Interval { start, end, tags })
        }
        Element::Sweep(Sweep::Glob { .. }) => {
            return Err("cannot cast the options of a config group".to_owned());
        }
    })
}

fn cast_all(values: Vec<Value>, to: fn(&Value) -> Result<Value, String>) -> Result<Vec<Value>, String> {
    values.into_iter().map(|value| cast_deep(value, to)).collect()
}

fn cast_deep(value: Value, to: fn(&Value) -> Result<Value, String>) -> Result<Value, String> {
    match value {
        Value::List(list) => Ok(Value::List(cast_all(list, to)?)),
        Value::Map(map) => {
            let pairs = map.into_iter().map(|(key, child)| Ok((key, cast_deep(child, to)?)));
            Ok(Value::Map(pairs.collect::<Result<_, String>>()?))
        }
        value => to(&value),
    }
}

fn cast_number(number: Number, to: fn(&Value) -> Result<Value, String>) -> Result<Number, String> {
    let value = match number {
        Number::Int(value) => Value::Int(value),
        Number::Float(value) => Value::Float(value),
    };
    match to(&value)? {
        Value::Int(value) => Ok(Number::Int(value)),
        Value::Float(value) => Ok(Number::Float(value)),
        _ => Err("a range can only be cast to int or float".to_owned()),
    }
}

fn refuse(value: &Value, target: &str) -> String {
    format!("cannot convert '{}' to {target}", text::display(value))
}

fn int(value: &Value) -> Result<Value, String> {
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Float(number) => truncated(*number),
        Value::Str(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    };
    number.map(Value::Int).ok_or_else(|| refuse(value, "an integer"))
}

/// Rounds towards zero.
fn truncated(number: f64) -> Option<i64> {
    let fits = number >= i64::MIN as f64 && number < i64::MAX as f64;
    fits.then_some(number.trunc() as i64)
}

fn float(value: &Value) -> Result<Value, String> {
    let number = match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Str(text) => text.trim().replace('_', "").parse().ok(),
        other => other.as_f64(),
    };
    number.map(Value::Float).ok_or_else(|| refuse(value, "a float"))
}

fn string(value: &Value) -> Result<Value, String> {
    match value {
        Value::Null => Err(refuse(value, "a string")),
        Value::Bool(flag) => Ok(Value::Str(flag.to_string())),
        other => Ok(Value::Str(text::display(other))),
    }
}

fn boolean(value: &Value) -> Result<Value, String> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Int(number) => Some(*number != 0),
        Value::Float(number) => Some(*number != 0.0),
        Value::Str(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Str(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    flag.map(Value::Bool).ok_or_else(|| refuse(value, "a boolean"))
}
