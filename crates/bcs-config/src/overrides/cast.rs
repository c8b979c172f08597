//! Casts of the override grammar: `int()`, `float()`, `str()` and `bool()`.

use super::{
    functions::{Arguments, literals},
    literal::Literal,
    parser::Element,
    sweep::{Number, Range, Sweep},
};
use crate::text;

/// Cast of a single value.
type Cast = fn(&Literal) -> Result<Literal, String>;

/// Casts a value, the items of a list or mapping, or the values of a sweep.
pub(super) fn cast(mut arguments: Arguments, to: Cast) -> Result<Element, String> {
    let [named] = arguments.named(["value"])?;
    let mut positional = arguments.positional;
    let element = match (positional.len(), named) {
        (0, Some(element)) => element,
        (1, None) => positional.remove(0),
        (0, None) => return Err("expects a value".to_owned()),
        (_, Some(_)) => return Err("expects either positional values or 'value'".to_owned()),
        (_, None) => {
            Element::Sweep(Sweep::Choice { values: literals(positional)?, simple: true, shuffle: false })
        }
    };
    Ok(match element {
        Element::Literal(literal) => Element::Literal(deep(literal, to)?),
        Element::Sweep(Sweep::Choice { values, simple, .. }) => {
            Element::Sweep(Sweep::Choice { values: all(values, to)?, simple, shuffle: false })
        }
        Element::Sweep(Sweep::Range(range)) => Element::Sweep(Sweep::Range(Range {
            start: number(range.start, to)?,
            stop: number(range.stop, to)?,
            step: number(range.step, to)?,
            shuffle: false,
        })),
        Element::Sweep(Sweep::Interval { start, end, tags }) => {
            Element::Sweep(Sweep::Interval { start: number(start, to)?, end: number(end, to)?, tags })
        }
        Element::Sweep(Sweep::Glob { .. }) => {
            return Err("cannot cast the options of a config group".to_owned());
        }
    })
}

fn all(values: Vec<Literal>, to: Cast) -> Result<Vec<Literal>, String> {
    values.into_iter().map(|value| deep(value, to)).collect()
}

fn deep(literal: Literal, to: Cast) -> Result<Literal, String> {
    match literal {
        Literal::List(list) => Ok(Literal::List(all(list, to)?)),
        Literal::Map(map) => {
            let pairs = map.into_iter().map(|(key, child)| Ok((key, deep(child, to)?)));
            Ok(Literal::Map(pairs.collect::<Result<_, String>>()?))
        }
        Literal::Quoted { text, .. } => to(&Literal::Str(text)),
        literal => to(&literal),
    }
}

fn number(number: Number, to: Cast) -> Result<Number, String> {
    let literal = match number {
        Number::Int(value) => Literal::Int(value),
        Number::Float(value) => Literal::Float(value),
    };
    match to(&literal)? {
        Literal::Int(value) => Ok(Number::Int(value)),
        Literal::Float(value) => Ok(Number::Float(value)),
        _ => Err("a range or interval can only be cast to int or float".to_owned()),
    }
}

fn refuse(literal: &Literal, target: &str) -> String {
    format!("cannot convert '{}' to {target}", text::display(&literal.value()))
}

pub(super) fn int(literal: &Literal) -> Result<Literal, String> {
    let number = match literal {
        Literal::Int(number) => Some(*number),
        Literal::Bool(flag) => Some(i64::from(*flag)),
        Literal::Float(number) => truncated(*number),
        Literal::Str(text) => text::parse_python_int(text),
        _ => None,
    };
    number.map(Literal::Int).ok_or_else(|| refuse(literal, "an integer"))
}

/// Rounds towards zero.
fn truncated(number: f64) -> Option<i64> {
    let fits = number >= i64::MIN as f64 && number < i64::MAX as f64;
    fits.then_some(number.trunc() as i64)
}

pub(super) fn float(literal: &Literal) -> Result<Literal, String> {
    let number = match literal {
        Literal::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Literal::Str(text) => text::parse_python_float(text),
        Literal::Int(number) => Some(*number as f64),
        Literal::Float(number) => Some(*number),
        _ => None,
    };
    number.map(Literal::Float).ok_or_else(|| refuse(literal, "a float"))
}

pub(super) fn string(literal: &Literal) -> Result<Literal, String> {
    match literal {
        Literal::Null => Err(refuse(literal, "a string")),
        Literal::Bool(flag) => Ok(Literal::Str(flag.to_string())),
        other => Ok(Literal::Str(text::display(&other.value()))),
    }
}

pub(super) fn boolean(literal: &Literal) -> Result<Literal, String> {
    let flag = match literal {
        Literal::Bool(flag) => Some(*flag),
        Literal::Int(number) => Some(*number != 0),
        Literal::Float(number) => Some(*number != 0.0),
        Literal::Str(text) if text.to_lowercase() == "true" => Some(true),
        Literal::Str(text) if text.to_lowercase() == "false" => Some(false),
        Literal::Null => Some(false),
        _ => None,
    };
    flag.map(Literal::Bool).ok_or_else(|| refuse(literal, "a boolean"))
}
