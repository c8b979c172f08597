//! YAML emitter, which writes what `OmegaConf.to_yaml` writes.
//!
//! Follows the emitter of PyYAML with `default_flow_style=False`, `allow_unicode=True` and lines of 80 characters.

mod analysis;
mod resolver;
mod write;

use self::{analysis::Analysis, write::Writer};
use crate::{
    text,
    value::{Key, Map, Value},
};

/// Spaces per level.
const INDENT: usize = 2;

/// Length of a key and its tag from which PyYAML writes it with the indicator `?`.
const MAX_SIMPLE_KEY: usize = 128;

/// Formats a value as block-style YAML.
pub(crate) fn emit(value: &Value) -> String {
    let mut emitter = Emitter { writer: Writer::new(), indent: None };
    emitter.node(value, false);
    emitter.writer.indent(0);
    emitter.writer.out
}

/// A scalar as it is written.
struct Scalar {
    text: String,
    is_string: bool,
    /// Length of the tag that PyYAML counts as part of a key.
    tag_len: usize,
}

impl Scalar {
    fn new(text: impl Into<String>, tag_len: usize) -> Self {
        Self { text: text.into(), is_string: false, tag_len }
    }

    fn of_key(key: &Key) -> Self {
        match key {
            Key::Bool(value) => Self::new(value.to_string(), "!!bool".len()),
            Key::Int(value) => Self::new(value.to_string(), "!!int".len()),
            Key::Float(value) => Self::new(float(*value), "!!float".len()),
            Key::Str(text) => Self::string(text),
        }
    }

    fn string(text: &str) -> Self {
        Self { is_string: true, ..Self::new(text, "!!str".len()) }
    }

    /// Whether it can be followed by a colon.
    fn is_simple_key(&self) -> bool {
        let analysis = Analysis::new(&self.text);
        self.text.chars().count() + self.tag_len < MAX_SIMPLE_KEY && !analysis.empty && !analysis.multiline
    }
}

struct Emitter {
    writer: Writer,
    /// Indent of the current collection; `None` at the root.
    indent: Option<usize>,
}

impl Emitter {
    /// Writes a value; `in_mapping` is for the values of mappings.
    fn node(&mut self, value: &Value, in_mapping: bool) {
        match value {
            Value::Map(map) if !map.is_empty() => self.mapping(map),
            Value::List(list) if !list.is_empty() => self.sequence(list, in_mapping),
            Value::Map(_) => self.empty("{", "}"),
            Value::List(_) => self.empty("[", "]"),
            Value::Null => self.scalar(&Scalar::new("null", 0), false),
            Value::Bool(value) => self.scalar(&Scalar::new(value.to_string(), 0), false),
            Value::Int(value) => self.scalar(&Scalar::new(value.to_string(), 0), false),
            Value::Float(value) => self.scalar(&Scalar::new(float(*value), 0), false),
            Value::Str(text) => self.scalar(&Scalar::string(text), false),
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.writer.indicator(open, true, true, false);
        self.writer.indicator(close, false, false, false);
    }

    /// Runs `inner` one level deeper.
    fn deeper(&mut self, levels: usize, inner: impl FnOnce(&mut Self, usize)) {
        let before = self.indent;
        let indent = before.map_or(0, |indent| indent + levels * INDENT);
        self.indent = Some(indent);
        inner(self, indent);
        self.indent = before;
    }

    fn mapping(&mut self, map: &Map) {
        self.deeper(1, |emitter, indent| {
            for (key, value) in map {
                emitter.writer.indent(indent);
                let key = Scalar::of_key(key);
                if key.is_simple_key() {
                    emitter.scalar(&key, true);
                    emitter.writer.indicator(":", false, false, false);
                } else {
                    emitter.writer.indicator("?", true, false, true);
                    emitter.scalar(&key, false);
                    emitter.writer.indent(indent);
                    emitter.writer.indicator(":", true, false, true);
                }
                emitter.node(value, true);
            }
        });
    }

    fn sequence(&mut self, list: &[Value], in_mapping: bool) {
        // Lists are indented no deeper than their key.
        let levels = usize::from(!in_mapping || self.writer.indention);
        self.deeper(levels, |emitter, indent| {
            for value in list {
                emitter.writer.indent(indent);
                emitter.writer.indicator("-", true, false, true);
                emitter.node(value, false);
            }
        });
    }

    fn scalar(&mut self, scalar: &Scalar, simple_key: bool) {
        let indent = self.indent.map_or(INDENT, |indent| indent + INDENT);
        let split = (!simple_key).then_some(indent);
        let text = &scalar.text;
        let analysis = Analysis::new(text);
        let plain = !scalar.is_string || resolver::is_plain_string(text);
        let empty_key = simple_key && (analysis.empty || analysis.multiline);
        if plain && analysis.block_plain && !empty_key {
            self.writer.plain(text, split);
        } else if analysis.single_quoted && !(simple_key && analysis.multiline) {
            self.writer.single_quoted(text, split, indent);
        } else {
            self.writer.double_quoted(text, split);
        }
    }
}

/// Formats a float; as in PyYAML, a mantissa without a point gets `.0`, which YAML 1.1 requires.
pub(super) fn float(value: f64) -> String {
    match text::float(value).as_str() {
        "nan" => ".nan".to_owned(),
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        text if !text.contains('.') => text.replacen('e', ".0e", 1),
        text => text.to_owned(),
    }
}
