//! Follows interpolations through a configuration.

use super::{
    Interpolator,
    parse::{self, Interpolation, Piece},
};
use crate::{
    error::{Error, Result},
    suggest, text,
    value::{MISSING, Value},
};

/// Longer chains than anybody writes; guards the stack.
const MAX_DEPTH: usize = 200;
/// More values and bytes of text than any configuration has; guards the memory.
const MAX_SIZE: usize = 64 << 20;

/// Why an interpolation has no value.
enum Stop {
    /// It leads to `???`.
    Missing,
    /// It is wrong; the innermost place has been named.
    Failed(Box<Error>),
    /// It is wrong; the place is still to be named.
    Because(String),
}

type Outcome<T> = std::result::Result<T, Stop>;

/// The keys from the root to a value.
type Path = Vec<String>;

/// What a path leads to.
enum Place {
    /// A value of the configuration.
    At(Path),
    /// A value that a resolver made.
    Made(Value),
}

/// One resolution of a configuration.
pub(super) struct Evaluation<'a> {
    interpolator: &'a Interpolator,
    root: &'a Value,
    /// The strings being evaluated, outermost first.
    active: Vec<Path>,
    /// The strings being followed on the way to another value, outermost first.
    followed: Vec<Path>,
    depth: usize,
    size: usize,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(interpolator: &'a Interpolator, root: &'a Value) -> Self {
        Self { interpolator, root, active: Vec::new(), followed: Vec::new(), depth: 0, size: 0 }
    }

    /// The whole configuration.
    pub(super) fn all(mut self) -> Result<Value> {
        finish(self.value(&Path::new(), self.root), &[], "")
    }

    /// One text, as if it stood at `path`.
    pub(super) fn string(mut self, path: &Path, text: &str) -> Result<Value> {
        finish(self.evaluate(path, text), path, text)
    }

    fn value(&mut self, path: &Path, raw: &Value) -> Outcome<Value> {
        self.enter(1)?;
        let value = match raw {
            Value::Map(map) => {
                let pairs = map.iter().map(|(key, child)| Ok((key.clone(), self.child(path, key, child)?)));
                Value::Map(pairs.collect::<Outcome<_>>()?)
            }
            Value::List(list) => {
                let items = list.iter().enumerate();
                let items = items.map(|(index, child)| self.child(path, &index.to_string(), child));
                Value::List(items.collect::<Outcome<_>>()?)
            }
            Value::Str(text) if parse::is_interpolated(text) => self.evaluate(path, text)?,
            other => other.clone(),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn child(&mut self, path: &Path, key: &str, child: &Value) -> Outcome<Value> {
        let depth = self.depth;
        match self.value(&extended(path, key), child) {
            Err(Stop::Missing) => {
                self.depth = depth;
                Ok(Value::from(MISSING))
            }
            outcome => outcome,
        }
    }

    fn enter(&mut self, size: usize) -> Outcome<()> {
        self.depth += 1;
        self.size = self.size.saturating_add(size);
        if self.depth > MAX_DEPTH {
            return Err(Stop::Because(format!("the chain is longer than {MAX_DEPTH} steps")));
        }
        if self.size > MAX_SIZE {
            return Err(Stop::Because(
                "the interpolations multiply into too large a configuration".to_owned(),
            ));
        }
        Ok(())
    }

    fn evaluate(&mut self, path: &Path, text: &str) -> Outcome<Value> {
        let value = self.guarded(
            path,
            |this| &mut this.active,
            |this| {
                let pieces = parse::parse(text).map_err(Stop::Because)?;
                this.join(path, &pieces)
            },
        );
        value.map_err(|stop| named(stop, path, text))
    }

    /// Works on a string, unless that is going on already.
    fn guarded<T>(
        &mut self,
        path: &Path,
        stack: fn(&mut Self) -> &mut Vec<Path>,
        inner: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        let active = stack(self);
        if let Some(start) = active.iter().position(|active| active == path) {
            let chain = active[start..].iter().chain([path]).map(|path| path.join("."));
            let chain = chain.collect::<Vec<_>>().join(" -> ");
            return Err(Stop::Because(format!("it leads back to itself: {chain}")));
        }
        active.push(path.clone());
        self.enter(1)?;
        let outcome = inner(self);
        stack(self).pop();
        self.depth -= 1;
        outcome
    }

    /// One interpolation keeps its type; several pieces become text.
    fn join(&mut self, path: &Path, pieces: &[Piece]) -> Outcome<Value> {
        if let [Piece::Interpolation(interpolation)] = pieces {
            return self.interpolation(path, interpolation);
        }
        let mut joined = String::new();
        for piece in pieces {
            let part = match piece {
                Piece::Text(text) => text.clone(),
                Piece::Interpolation(interpolation) => {
                    text::display(&self.interpolation(path, interpolation)?)
                }
            };
            self.size = self.size.saturating_add(part.len());
            joined.push_str(&part);
            if self.size > MAX_SIZE {
                return Err(Stop::Because("the text grows too large".to_owned()));
            }
        }
        Ok(Value::Str(joined))
    }

    fn interpolation(&mut self, path: &Path, interpolation: &Interpolation) -> Outcome<Value> {
        match interpolation {
            Interpolation::Node(pieces) => {
                let target = self.target(path, pieces)?;
                match self.locate(&target)? {
                    Place::Made(value) => Ok(value),
                    Place::At(path) => {
                        let raw = self.raw(&path);
                        if raw.is_missing() { Err(Stop::Missing) } else { self.value(&path, raw) }
                    }
                }
            }
            Interpolation::Resolver { name, arguments } => {
                let name = text::display(&self.join(path, name)?);
                let mut join = |pieces: &[Piece]| self.join(path, pieces);
                let arguments = arguments.iter().map(|argument| argument.evaluate(&mut join));
                let arguments = arguments.collect::<Outcome<Vec<_>>>()?;
                self.interpolator.call(&name, &arguments).map_err(Stop::Because)
            }
        }
    }

    /// The absolute path that a reference at `path` means.
    fn target(&mut self, path: &Path, pieces: &[Piece]) -> Outcome<Path> {
        let written = text::display(&self.join(path, pieces)?);
        let body = written.trim_start_matches('.');
        let dots = written.len() - body.len();
        let mut target = match dots {
            0 => Path::new(),
            // One dot is the container of the value, each further one the next container up.
            dots if dots <= path.len() => path[..path.len() - dots].to_vec(),
            _ => return Err(Stop::Because(format!("'{written}' leads out of the configuration"))),
        };
        target.extend(split(body));
        Ok(target)
    }

    /// Walks down a path, following interpolations on the way.
    fn locate(&mut self, target: &[String]) -> Outcome<Place> {
        let mut place = Place::At(Path::new());
        for (index, key) in target.iter().enumerate() {
            if let Place::At(path) = &place {
                place = self.follow(path.clone())?;
            }
            let container = match &place {
                Place::At(path) => self.raw(path),
                Place::Made(value) => value,
            };
            if container.is_missing() {
                return Err(Stop::Missing);
            }
            let Some(child) = container.child(key) else {
                return Err(Stop::Because(not_found(target, index, container)));
            };
            place = match place {
                Place::Made(_) => Place::Made(child.clone()),
                Place::At(path) => Place::At(extended(&path, key)),
            };
        }
        Ok(place)
    }

    /// Where a value leads if it is an interpolation itself.
    fn follow(&mut self, path: Path) -> Outcome<Place> {
        let Value::Str(text) = self.raw(&path) else { return Ok(Place::At(path)) };
        if !parse::is_interpolated(text) {
            return Ok(Place::At(path));
        }
        let pieces = parse::parse(text).map_err(|why| named(Stop::Because(why), &path, text))?;
        let [Piece::Interpolation(Interpolation::Node(node))] = pieces.as_slice() else {
            return self.evaluate(&path, text).map(Place::Made);
        };
        let outcome = self.guarded(
            &path,
            |this| &mut this.followed,
            |this| {
                let target = this.target(&path, node)?;
                match this.locate(&target)? {
                    Place::At(path) => this.follow(path),
                    made => Ok(made),
                }
            },
        );
        outcome.map_err(|stop| named(stop, &path, text))
    }

    fn raw(&self, path: &Path) -> &'a Value {
        let found = path.iter().try_fold(self.root, |value, key| value.child(key));
        found.expect("paths are made by walking the configuration")
    }
}

fn extended(path: &Path, key: &str) -> Path {
    path.iter().cloned().chain([key.to_owned()]).collect()
}

/// `a.b[0]` as keys.
fn split(path: &str) -> impl Iterator<Item = String> {
    path.split(['.', '['])
        .map(|key| key.strip_suffix(']').unwrap_or(key))
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
}

fn not_found(target: &[String], index: usize, container: &Value) -> String {
    let key = target[..=index].join(".");
    if !container.is_container() {
        return format!("'{}' is {}, so there is no '{key}'", target[..index].join("."), container.kind());
    }
    let siblings = container.as_map().into_iter().flat_map(|map| map.keys().map(String::as_str));
    format!("key '{key}' not found.{}", suggest::hint(suggest::nearest(&target[index], siblings)))
}

/// Puts the name of the place to a reason that has none yet.
fn named(stop: Stop, path: &[String], text: &str) -> Stop {
    match stop {
        Stop::Because(message) => Stop::Failed(Box::new(Error::Interpolation {
            key: path.join("."),
            text: text.to_owned(),
            message,
        })),
        stop => stop,
    }
}

fn finish(outcome: Outcome<Value>, path: &[String], text: &str) -> Result<Value> {
    match outcome.map_err(|stop| named(stop, path, text)) {
        Ok(value) => Ok(value),
        Err(Stop::Failed(error)) => Err(*error),
        Err(_) => Ok(Value::from(MISSING)),
    }
}
