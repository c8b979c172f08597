//! Recursive-descent parser for the right-hand side of an override.

use indexmap::IndexMap;

use super::{
    Assigned, Sweep, functions,
    lexer::{self, Kind, Token},
    literal::Literal,
};
use crate::{
    error::{Error, Result},
    value::{Key, Value},
};

/// Maximum nesting depth; protects the stack.
const MAX_DEPTH: usize = 64;

/// Value, or result of a sweep function.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Element {
    Literal(Literal),
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
            return Ok(Assigned::Value(Literal::Str(String::new())));
        }
        let first = self.element()?;
        if self.peek() != Some(Kind::Comma) {
            self.finish()?;
            return Ok(match first {
                Element::Literal(literal) => Assigned::Value(literal),
                Element::Sweep(sweep) => Assigned::Sweep(sweep),
            });
        }
        let mut choices = vec![self.plain(first)?];
        while self.accept(Kind::Comma) {
            let element = self.element()?;
            choices.push(self.plain(element)?);
        }
        self.finish()?;
        Ok(Assigned::Sweep(Sweep::Choice { values: choices, simple: true, shuffle: false }))
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
    fn plain(&self, element: Element) -> Parsed<Literal> {
        match element {
            Element::Literal(literal) => Ok(literal),
            Element::Sweep(_) => Err((self.position(), "a sweep cannot be part of another value".to_owned())),
        }
    }

    fn element(&mut self) -> Parsed<Element> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((self.position(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let element = match self.peek() {
            Some(Kind::BracketOpen) => self.list().map(Element::Literal),
            Some(Kind::BraceOpen) => self.map().map(Element::Literal),
            Some(Kind::Word) if self.calls() => self.call(),
            Some(Kind::Quoted) => {
                let token = self.tokens[self.at];
                self.at += 1;
                let quote = token.text.chars().next().unwrap_or('\'');
                Ok(Element::Literal(Literal::Quoted { text: unquote(token.text), quote }))
            }
            _ => self.primitive(true).map(Element::Literal),
        };
        self.depth -= 1;
        element
    }

    fn calls(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind == Kind::ParenOpen)
    }

    fn list(&mut self) -> Parsed<Literal> {
        self.expect(Kind::BracketOpen, "'['")?;
        let mut list = Vec::new();
        if self.accept(Kind::BracketClose) {
            return Ok(Literal::List(list));
        }
        loop {
            let element = self.element()?;
            list.push(self.plain(element)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::BracketClose, "',' or ']'")?;
        Ok(Literal::List(list))
    }

    fn map(&mut self) -> Parsed<Literal> {
        self.expect(Kind::BraceOpen, "'{'")?;
        let mut map = IndexMap::new();
        if self.accept(Kind::BraceClose) {
            return Ok(Literal::Map(map));
        }
        loop {
            let start = self.position();
            let key = map_key(self.primitive(false)?);
            let key = key.ok_or_else(|| (start, "null cannot be a key; quote it".to_owned()))?;
            self.expect(Kind::Colon, "':' after the key")?;
            let element = self.element()?;
            map.insert(key, self.plain(element)?);
            if !self.accept(Kind::Comma) {
                break;
            }
        }
        self.expect(Kind::BraceClose, "',' or '}'")?;
        Ok(Literal::Map(map))
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
    fn primitive(&mut self, is_value: bool) -> Parsed<Literal> {
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
            tokens => Ok(Literal::Str(tokens.iter().map(unescape).collect())),
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

fn single(token: &Token<'_>) -> Parsed<Literal> {
    let plain = token.text.replace('_', "");
    Ok(match token.kind {
        Kind::Null => Literal::Null,
        Kind::Bool => Literal::Bool(token.text.eq_ignore_ascii_case("true")),
        Kind::Int => Literal::Int(plain.parse().map_err(|_| {
            (token.start, format!("{} does not fit into a signed 64-bit integer", token.text))
        })?),
        Kind::Float => Literal::Float(
            plain.parse().map_err(|_| (token.start, format!("{} is not a number", token.text)))?,
        ),
        _ => Literal::Str(unescape(token)),
    })
}

/// Converts bare text to a number, boolean or null, otherwise to a string.
pub(crate) fn bare(text: &str) -> Value {
    match lexer::tokens(text, 0).as_deref() {
        Ok([token]) => single(token).map_or_else(|_| Value::from(text), |literal| literal.value()),
        _ => Value::from(text),
    }
}

fn map_key(literal: Literal) -> Option<Key> {
    match literal {
        Literal::Bool(value) => Some(Key::Bool(value)),
        Literal::Int(value) => Some(Key::Int(value)),
        Literal::Float(value) => Some(Key::Float(value)),
        Literal::Str(text) | Literal::Quoted { text, .. } => Some(Key::Str(text)),
        Literal::Null | Literal::List(_) | Literal::Map(_) => None,
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
