//! YAML loader: builds a value from parser events, with the line and column of errors.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use super::scalar;
use crate::{
    error::{Error, Result},
    value::{Key, Map, Value},
};

/// Maximum nesting depth; protects the stack.
const MAX_DEPTH: usize = 100;
/// Maximum number of values after expansion of aliases; protects the memory.
const MAX_VALUES: usize = 1_000_000;

/// Loads one document; an empty one is null.
pub(super) fn load(text: &str, origin: &str) -> Result<Value> {
    let mut loader =
        Loader { origin, parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0 };
    loader.document()
}

struct Loader<'a> {
    origin: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Value>,
    values: usize,
}

/// Key of a mapping in YAML.
enum Entry {
    /// `<<`
    Merge,
    /// Any other key.
    Key(Key),
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Value> {
        let mut value = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                _ if value.is_some() => {
                    return Err(self.error(span.start, "a second document starts here; only one is allowed"));
                }
                event => value = Some(self.value(event, span, 0)?),
            }
        }
        Ok(value.unwrap_or_default())
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>> {
        let event = self.parser.next_event().transpose();
        event.map_err(|error| self.error(*error.marker(), error.info()))
    }

    fn expect(&mut self) -> Result<(Event<'a>, Span)> {
        let end = Marker::default();
        self.next()?.ok_or_else(|| self.error(end, "unexpected end of the text in a value"))
    }

    fn error(&self, at: Marker, message: impl Into<String>) -> Error {
        Error::Yaml {
            origin: self.origin.to_owned(),
            line: at.line(),
            column: at.col() + 1,
            message: message.into(),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value> {
        let at = span.start;
        if depth > MAX_DEPTH {
            return Err(self.error(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, at)?;
        let (anchor, value) = match event {
            Event::Alias(id) => (0, self.alias(id, at)?),
            Event::Scalar(text, style, anchor, tag) => {
                let value =
                    resolve(&text, style, tag.as_deref()).map_err(|message| self.error(at, message))?;
                (anchor, value)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", at)?;
                (anchor, self.sequence(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", at)?;
                (anchor, self.mapping(depth)?)
            }
            _ => return Err(self.error(at, "expected a value")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn count(&mut self, values: usize, at: Marker) -> Result<()> {
        self.values = self.values.saturating_add(values);
        if self.values > MAX_VALUES {
            return Err(self.error(at, format!("more than {MAX_VALUES} values")));
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: Marker) -> Result<Value> {
        let value = self.anchors.get(&id).cloned();
        let value = value.ok_or_else(|| self.error(at, "the alias is inside the value that it refers to"))?;
        self.count(size(&value), at)?;
        Ok(value)
    }

    fn check_tag(&self, tag: Option<&Tag>, core: &str, at: Marker) -> Result<()> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == core) => {
                Err(self.error(at, format!("unsupported tag '{tag}'; remove it")))
            }
            _ => Ok(()),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Value> {
        let mut list = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(list)),
                (event, span) => list.push(self.value(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value> {
        let mut seen = HashSet::new();
        let mut own = Vec::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.expect()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.key(event, span, depth)?;
            let (event, value_span) = self.expect()?;
            let value = self.value(event, value_span, depth + 1)?;
            match key {
                Entry::Merge => self.merge_into(&mut merged, value, value_span.start)?,
                Entry::Key(key) => {
                    // As OmegaConf, which compares the text of strings alone.
                    if key.as_str().is_some_and(|name| !seen.insert(name.to_owned())) {
                        let message = format!("duplicate key '{key}'; keep one of them");
                        return Err(self.error(span.start, message));
                    }
                    own.push((key, value));
                }
            }
        }
        merged.extend(own);
        Ok(Value::Map(merged))
    }

    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Entry> {
        if let Event::Scalar(text, ScalarStyle::Plain, _, None) = &event
            && text == "<<"
        {
            return Ok(Entry::Merge);
        }
        match self.value(event, span, depth + 1)? {
            Value::Str(name) => Ok(Entry::Key(Key::Str(name))),
            Value::Int(number) => Ok(Entry::Key(Key::Int(number))),
            Value::Float(number) => Ok(Entry::Key(Key::Float(number))),
            Value::Bool(flag) => Ok(Entry::Key(Key::Bool(flag))),
            other => {
                let message = format!("a key must be a string, a number or a boolean, not {}", other.kind());
                Err(self.error(span.start, message))
            }
        }
    }

    /// Merges `<<: *a` or `<<: [*a, *b]`: the first mapping wins, and the mapping's own keys win over all.
    fn merge_into(&self, merged: &mut Map, value: Value, at: Marker) -> Result<()> {
        let refuse = || self.error(at, "'<<' needs a mapping or a list of mappings");
        match value {
            Value::Map(map) => merged.extend(map),
            Value::List(list) => {
                for value in list.into_iter().rev() {
                    let Value::Map(map) = value else { return Err(refuse()) };
                    merged.extend(map);
                }
            }
            _ => return Err(refuse()),
        }
        Ok(())
    }
}

fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { scalar::resolve(text) } else { Ok(Value::from(text)) };
    };
    let known = if tag.is_yaml_core_schema() { tag.suffix.as_str() } else { "" };
    match (known, scalar::resolve(text)?) {
        ("str", _) => Ok(Value::from(text)),
        ("float", Value::Int(number)) => Ok(Value::Float(number as f64)),
        ("float", value @ Value::Float(_))
        | ("int", value @ Value::Int(_))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Ok(value),
        ("float" | "int" | "bool" | "null", _) => Err(format!("'{text}' is not a {known}, as its tag says")),
        _ => Err(format!("unsupported tag '{tag}'; remove it")),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(size).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}
