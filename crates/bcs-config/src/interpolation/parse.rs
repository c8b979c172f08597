//! Parser for strings with interpolations, after OmegaConf's grammar.

use crate::{
    overrides,
    value::{Key, Map, Value},
};

/// Maximum nesting depth; protects the stack.
const MAX_DEPTH: usize = 32;

/// Piece of a string.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Interpolation(Interpolation),
}

/// Interpolation, `${…}`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Interpolation {
    /// `${a.b}`; the pieces form the path, including leading dots.
    Node(Vec<Piece>),
    /// `${name:arguments}`
    Resolver { name: Vec<Piece>, arguments: Vec<Argument> },
}

/// Argument of a resolver.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Argument {
    /// Bare string, number, boolean or null.
    Plain(Value),
    /// String with interpolations.
    Text(Vec<Piece>),
    List(Vec<Argument>),
    Map(Vec<(Key, Argument)>),
}

/// Whether a string has interpolations.
pub(super) fn is_interpolated(text: &str) -> bool {
    text.contains("${")
}

/// Splits a string into text and interpolations.
pub(super) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    Parser { rest: text, depth: 0 }.text(None)
}

/// Parses a single value, as the resolver `oc.decode` does.
pub(super) fn single(text: &str) -> Result<Argument, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    parser.spaces();
    let argument = parser.argument()?;
    parser.spaces();
    if parser.rest.is_empty() { Ok(argument) } else { Err(parser.unexpected("the end of the value")) }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn accept(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take_while(&mut self, allowed: impl Fn(char) -> bool) -> &'a str {
        let len = self.rest.find(|c| !allowed(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.peek() {
            Some(c) => format!("expected {expected}, found '{c}'"),
            None => format!("expected {expected}, found the end of the string"),
        }
    }

    /// Parses up to the end, or through the closing quote.
    ///
    /// Backslashes are escapes only before an interpolation or the quote.
    fn text(&mut self, quote: Option<char>) -> Result<Vec<Piece>, String> {
        let mut pieces = Pieces::default();
        loop {
            let backslashes = self.take_while(|c| c == '\\').len();
            let opens = self.rest.starts_with("${");
            let closes = quote.is_some() && self.peek() == quote;
            let special = opens || closes;
            pieces
                .text
                .extend(std::iter::repeat_n('\\', if special { backslashes / 2 } else { backslashes }));
            match self.peek() {
                None if quote.is_some() => return Err(self.unexpected("the closing quote")),
                None => return Ok(pieces.finish()),
                Some(_) if opens && !backslashes.is_multiple_of(2) => {
                    self.accept("${");
                    pieces.text.push_str("${");
                }
                Some(_) if opens => pieces.push(self.interpolation()?),
                Some(c) => {
                    self.rest = &self.rest[c.len_utf8()..];
                    if closes && backslashes.is_multiple_of(2) {
                        return Ok(pieces.finish());
                    }
                    pieces.text.push(c);
                }
            }
        }
    }

    fn interpolation(&mut self) -> Result<Interpolation, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.accept("${");
        self.spaces();
        let mut path = Pieces::default();
        path.text.push_str(self.take_while(|c| c == '.'));
        self.key(&mut path)?;
        while matches!(self.peek(), Some('.' | '[')) {
            if self.accept(".") {
                path.text.push('.');
            }
            self.key(&mut path)?;
        }
        self.spaces();
        let path = path.finish();
        self.depth -= 1;
        if self.accept("}") {
            return Ok(Interpolation::Node(path));
        }
        if !self.accept(":") {
            return Err(self.unexpected("'}' or ':'"));
        }
        self.depth += 1;
        let arguments = self.arguments()?;
        self.depth -= 1;
        Ok(Interpolation::Resolver { name: path, arguments })
    }

    /// Parses a key of a path: `a`, `${b}`, `[a]` or `[${b}]`.
    fn key(&mut self, path: &mut Pieces) -> Result<(), String> {
        let bracket = self.accept("[");
        if bracket {
            path.text.push('[');
        }
        if self.rest.starts_with("${") {
            path.push(self.interpolation()?);
        } else {
            let key = self.take_while(|c| !"\\{}()[]:. \t'\"".contains(c));
            if key.is_empty() {
                return Err(self.unexpected("a key"));
            }
            path.text.push_str(key);
        }
        if bracket {
            if !self.accept("]") {
                return Err(self.unexpected("']'"));
            }
            path.text.push(']');
        }
        Ok(())
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, String> {
        self.spaces();
        if self.accept("}") {
            return Ok(Vec::new());
        }
        self.sequence("}", |parser| {
            // An omitted argument is an empty string.
            let empty = matches!(parser.peek(), Some(',' | '}'));
            if empty { Ok(Argument::Plain(Value::from(""))) } else { parser.argument() }
        })
    }

    fn sequence<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        loop {
            self.spaces();
            items.push(item(self)?);
            self.spaces();
            if self.accept(close) {
                return Ok(items);
            }
            if !self.accept(",") {
                return Err(self.unexpected(&format!("',' or '{close}'")));
            }
        }
    }

    fn argument(&mut self) -> Result<Argument, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let argument = match self.peek() {
            Some(quote @ ('"' | '\'')) => {
                self.rest = &self.rest[1..];
                self.text(Some(quote)).map(Argument::Text)
            }
            Some('[') => {
                self.accept("[");
                self.spaces();
                let empty = self.accept("]");
                Ok(Argument::List(if empty { Vec::new() } else { self.sequence("]", Self::argument)? }))
            }
            Some('{') => {
                self.accept("{");
                self.spaces();
                let empty = self.accept("}");
                Ok(Argument::Map(if empty { Vec::new() } else { self.sequence("}", Self::pair)? }))
            }
            _ => self.bare(),
        };
        self.depth -= 1;
        argument
    }

    fn pair(&mut self) -> Result<(Key, Argument), String> {
        let key = self.take_while(|c| !":,{}[]'\"".contains(c)).trim();
        if key.is_empty() || !self.accept(":") {
            return Err(self.unexpected("a key and ':'"));
        }
        self.spaces();
        let key = match overrides::bare(key) {
            Value::Bool(value) => Key::Bool(value),
            Value::Int(value) => Key::Int(value),
            Value::Float(value) => Key::Float(value),
            _ => Key::from(key),
        };
        Ok((key, self.argument()?))
    }

    /// Parses a bare argument up to a separator; a backslash escapes the next character.
    fn bare(&mut self) -> Result<Argument, String> {
        let mut pieces = Pieces::default();
        // End of the last escaped character; text up to it is not trimmed and is no number.
        let mut kept = 0;
        loop {
            pieces.text.push_str(self.take_while(|c| !"\\$,{}[]()'\"".contains(c)));
            if self.rest.starts_with("${") {
                pieces.push(self.interpolation()?);
                kept = 0;
            } else if self.accept("$") {
                pieces.text.push('$');
            } else if self.accept("\\") {
                let escaped = self.peek().filter(|c| "\\()[]{}:=, \t".contains(*c));
                self.rest = &self.rest[escaped.map_or(0, char::len_utf8)..];
                pieces.text.push(escaped.unwrap_or('\\'));
                kept = if escaped.is_some() { pieces.text.len() } else { kept };
            } else {
                break;
            }
        }
        let end = pieces.text.trim_end_matches([' ', '\t']).len();
        pieces.text.truncate(end.max(kept));
        match pieces.finish().as_slice() {
            [] => Err(self.unexpected("an argument")),
            [Piece::Text(text)] if kept == 0 => Ok(Argument::Plain(overrides::bare(text))),
            pieces => Ok(Argument::Text(pieces.to_vec())),
        }
    }
}

/// Collects pieces, with the text since the last interpolation.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn push(&mut self, interpolation: Interpolation) {
        self.flush();
        self.done.push(Piece::Interpolation(interpolation));
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.flush();
        self.done
    }
}

impl Argument {
    /// Evaluates the argument; `join` evaluates pieces.
    pub(super) fn evaluate<E>(
        &self,
        join: &mut impl FnMut(&[Piece]) -> Result<Value, E>,
    ) -> Result<Value, E> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(pieces) => join(pieces)?,
            Self::List(items) => {
                Value::List(items.iter().map(|item| item.evaluate(join)).collect::<Result<_, _>>()?)
            }
            Self::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, item)| Ok((key.clone(), item.evaluate(join)?)));
                Value::Map(pairs.collect::<Result<Map, _>>()?)
            }
        })
    }
}
