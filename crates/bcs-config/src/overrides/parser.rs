//! Recursive-descent parser for the right-hand side of an override.

use super::{
    Assigned, Sweep, functions,
    lexer::{self, Kind, Token},
};
use crate::{
    error::{Error, Result},
    text,
    value::{Map, Value},
};

/// Maximum nesting depth; protects the stack.
const MAX_DEPTH: usize = 64;

/// Value, or result of a sweep function.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    Value(Value),
    Sweep(Sweep),
}

/// Parses the value that starts at byte `start` of the override.
pub(super) fn parse(text: &str, start: usize) -> Result<Assigned> {
    let result = lexer::tokens(text, start).and_then(|tokens| {
        let mut parser = Parser { tokens: &tokens, at: 0, end: text.len(), depth: 0 };
        parser.value()
    });
    result.map_err(|(at, message)| {
        let position = text[..at].chars().count();
        Error::OverrideSyntax { text: text.to_owned(), position, message }
    })
}

/// Result; an error has the byte position and the message.
type Parsed<T> = Result<T, (usize, String)>;

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// Length of the text in bytes, the position of errors at the end.
    end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Parsed<Assigned> {
        if self.tokens.is_empty() {
            return Ok(Assigned::Value(Value::from("")));
        }
        let first = self.element()?;
        if self.peek() != Some(Kind::Comma) {
            self.finish()?;
            return Ok(match first {
                Element::Value(value) => Assigned::Value(value),
                Element::Sweep(sweep) => Assigned::Sweep(sweep),
            });
        }
        let mut choices = vec![self.plain(first)?];
        while self.accept(Kind::Comma) {
            let element = self.element()?;
            choices.push(self.plain(element)?);
        }
        self.finish()?;
        Ok(Assigned::Sweep(Sweep::Choice(choices)))
    }

    fn peek(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |token| token.start)
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, kind: Kind, expected: &str) -> Parsed<()> {
        if self.accept(kind) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn finish(&self) -> Parsed<()> {
        if self.at == self.tokens.len() { Ok(()) } else { Err(self.unexpected("the end of the value")) }
    }

    fn unexpected(&self, expected: &str) -> (usize, String) {
        let message = match self.tokens.get(self.at) {
            Some(token) => format!("expected {expected}, found '{}'; in a string, quote it", token.text),
            None => format!("expected {expected}"),
        };
        (self.position(), message)
    }

    /// Refuses a sweep within another value.
    fn plain(&self, element: Element) -> Parsed<Value> {
        match element {
            Element::Value(value) => Ok(value),
            Element::Sweep(_) => Err((self.position(), "a sweep cannot be part of another value".to_owned())),
        }
    }

    fn element(&mut self) -> Parsed<Element> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((self.position(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let element = match self.peek() {
            Some(Kind::BracketOpen) => self.list().map(Element::Value),
            Some(Kind::BraceOpen) => self.map().map(Element::Value),
            Some(Kind::Word) if self.calls() => self.call(),
            Some(Kind::Quoted) => {
                let token = self.tokens[self.at];
                self.at += 1;
                Ok(Element::Value(Value::Str(unquote(token.text))))
            }
            _ => self.primitive(true).map(Element::Value),
        };
        self.depth -= 1;
        element
    }

    fn calls(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind == Kind::ParenOpen)
    }

    fn list(&mut self) -> Parsed<Value> {
        self.expect(Kind::BracketOpen, "'['")?;
        let mut list = Vec::new();
        if self.accept(Kind::BracketClose) {
            return Ok(Value::List(list));
        }
        loop {
            let element = self.element()?;
            list.push(self.plain(element)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::BracketClose, "',' or ']'")?;
        Ok(Value::List(list))
    }

    fn map(&mut self) -> Parsed<Value> {
        self.expect(Kind::BraceOpen, "'{'")?;
        let mut map = Map::new();
        if self.accept(Kind::BraceClose) {
            return Ok(Value::Map(map));
        }
        loop {
            let key = map_key(&self.primitive(false)?);
            self.expect(Kind::Colon, "':' after the key")?;
            let element = self.element()?;
            map.insert(key, self.plain(element)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::BraceClose, "',' or '}'")?;
        Ok(Value::Map(map))
    }

    fn call(&mut self) -> Parsed<Element> {
        let start = self.position();
        let name = self.tokens[self.at].text;
        self.at += 2;
        let mut arguments = functions::Arguments::default();
        while !self.accept(Kind::ParenClose) {
            if !arguments.is_empty() {
                self.expect(Kind::Comma, "',' or ')'")?;
            }
            let argument_name = self.argument_name();
            let element = self.element()?;
            arguments.push(argument_name, element).map_err(|message| (start, message))?;
        }
        functions::call(name, arguments).map_err(|message| (start, message))
    }

    fn argument_name(&mut self) -> Option<&'a str> {
        let [name, equal, ..] = &self.tokens[self.at..] else { return None };
        let named = name.kind == Kind::Word && equal.kind == Kind::Equal;
        self.at += if named { 2 } else { 0 };
        named.then_some(name.text)
    }

    /// Parses a bare string, or a single number, boolean or null.
    fn primitive(&mut self, is_value: bool) -> Parsed<Value> {
        let start = self.at;
        while self.peek().is_some_and(|kind| is_bare(kind, is_value)) {
            self.at += 1;
        }
        let mut run = &self.tokens[start..self.at];
        if run.is_empty() {
            return Err(self.unexpected(if is_value { "a value" } else { "a key" }));
        }
        if let [Token { kind: Kind::Space, .. }, rest @ ..] = run {
            run = rest;
        }
        if let [rest @ .., Token { kind: Kind::Space, .. }] = run {
            run = rest;
        }
        match run {
            [] => Err((self.tokens[start].start, "a string of spaces must be quoted".to_owned())),
            [token] => single(token),
            tokens => Ok(Value::Str(tokens.iter().map(unescape).collect())),
        }
    }
}

fn is_bare(kind: Kind, is_value: bool) -> bool {
    use Kind::{Bool, Colon, Escape, Float, Int, Interpolation, Null, Space, Symbol, Word};
    match kind {
        Word | Null | Int | Float | Bool | Symbol | Escape | Space => true,
        // A colon ends a key, and keys cannot have interpolations.
        Colon | Interpolation => is_value,
        _ => false,
    }
}

fn single(token: &Token<'_>) -> Parsed<Value> {
    let plain = token.text.replace('_', "");
    Ok(match token.kind {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(token.text.eq_ignore_ascii_case("true")),
        Kind::Int => Value::Int(plain.parse().map_err(|_| {
            (token.start, format!("{} does not fit into a signed 64-bit integer", token.text))
        })?),
        Kind::Float => {
            Value::Float(plain.parse().map_err(|_| (token.start, format!("{} is not a number", token.text)))?)
        }
        _ => Value::Str(unescape(token)),
    })
}

/// Converts bare text to a number, boolean or null, otherwise to a string.
pub(crate) fn bare(text: &str) -> Value {
    match lexer::tokens(text, 0).as_deref() {
        Ok([token]) => single(token).unwrap_or_else(|_| Value::from(text)),
        _ => Value::from(text),
    }
}

fn map_key(key: &Value) -> String {
    match key {
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".to_owned(),
        other => text::display(other),
    }
}

/// Removes the backslashes of escaped characters.
fn unescape(token: &Token<'_>) -> String {
    if token.kind == Kind::Escape {
        return token.text.chars().skip(1).step_by(2).collect();
    }
    token.text.to_owned()
}

/// Removes the quotes; backslashes are escapes only before a quote or the end.
fn unquote(text: &str) -> String {
    let quote = &text[..1];
    let body = &text[1..text.len() - 1];
    let mut out = String::new();
    let mut pieces = body.split(quote).peekable();
    while let Some(piece) = pieces.next() {
        let kept = piece.trim_end_matches('\\');
        out.push_str(kept);
        let backslashes = piece.len() - kept.len();
        out.extend(std::iter::repeat_n('\\', backslashes / 2));
        if pieces.peek().is_some() {
            out.push_str(quote);
        }
    }
    out
}
