//! Evaluation of interpolations in a configuration.

mod resolvers;

pub(super) use resolvers::RESOLVERS;

use super::{
    Interpolator,
    parse::{self, Interpolation, Piece},
};
use crate::{
    error::{Error, Result},
    suggest, text,
    value::{Key, MISSING, Value},
};

/// Maximum depth of nesting and references; protects the stack.
const MAX_DEPTH: usize = 200;
/// Maximum number of values and bytes of text; protects the memory.
const MAX_SIZE: usize = 64 << 20;

/// Why an interpolation has no value.
enum Failure {
    /// It refers to `???`.
    Missing,
    /// It refers to a key that does not exist, with a message.
    NotFound(String),
    /// An error with the innermost key.
    Located(Box<Error>),
    /// A message, still without a key.
    Message(String),
}

type Outcome<T> = std::result::Result<T, Failure>;

/// Keys from the root to a value; indexes of lists are integers.
type Path = Vec<Key>;

/// Target of a path.
enum Target {
    /// A node of the configuration.
    Node(Path),
    /// The result of a resolver.
    Computed(Value),
}

/// Evaluation of one configuration.
pub(super) struct Evaluation<'a> {
    interpolator: &'a Interpolator,
    root: &'a Value,
    /// Strings being evaluated, outermost first; detects cycles.
    evaluated: Vec<Path>,
    /// Strings being followed to another value, outermost first; detects cycles.
    followed: Vec<Path>,
    depth: usize,
    size: usize,
    /// Warnings for the user.
    warnings: Vec<String>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(interpolator: &'a Interpolator, root: &'a Value) -> Self {
        Self {
            interpolator,
            root,
            evaluated: Vec::new(),
            followed: Vec::new(),
            depth: 0,
            size: 0,
            warnings: Vec::new(),
        }
    }

    /// Evaluates the whole configuration; also returns warnings for the user.
    pub(super) fn all(mut self) -> Result<(Value, Vec<String>)> {
        let value = finish(self.value(&Path::new(), self.root), &[], "")?;
        Ok((value, self.warnings))
    }

    /// Evaluates the value at a dotted path; `None` if there is none.
    pub(super) fn select_path(mut self, path: &str) -> Result<Option<Value>> {
        let outcome = self.target_of(&Path::new(), path).and_then(|target| {
            let located = self.locate(&target)?;
            self.read(located)
        });
        match outcome {
            Err(Failure::NotFound(_) | Failure::Missing) => Ok(None),
            outcome => finish(outcome, &[], path).map(Some),
        }
    }

    /// Evaluates a string as if it were at `path`.
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
                let items = items.map(|(index, child)| self.child(path, &Key::Int(index as i64), child));
                Value::List(items.collect::<Outcome<_>>()?)
            }
            Value::Str(text) if parse::is_interpolated(text) => self.evaluate(path, text)?,
            other => other.clone(),
        };
        self.depth -= 1;
        Ok(value)
    }

    fn child(&mut self, path: &Path, key: &Key, child: &Value) -> Outcome<Value> {
        let depth = self.depth;
        match self.value(&extended(path, key), child) {
            Err(Failure::Missing) => {
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
            return Err(Failure::Message(format!("more than {MAX_DEPTH} nested references")));
        }
        if self.size > MAX_SIZE {
            return Err(Failure::Message("the resolved configuration is too large".to_owned()));
        }
        Ok(())
    }

    fn evaluate(&mut self, path: &Path, text: &str) -> Outcome<Value> {
        let value = self.guarded(
            path,
            |this| &mut this.evaluated,
            |this| {
                let pieces = parse::parse(text).map_err(Failure::Message)?;
                this.join(path, &pieces)
            },
        );
        value.map_err(|failure| located(failure, path, text))
    }

    /// Runs `inner` for the string at `path`; an error if that is in progress already.
    fn guarded<T>(
        &mut self,
        path: &Path,
        stack: fn(&mut Self) -> &mut Vec<Path>,
        inner: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        let in_progress = stack(self);
        if let Some(start) = in_progress.iter().position(|other| other == path) {
            let cycle = in_progress[start..].iter().chain([path]).map(|path| dotted(path));
            let cycle = cycle.collect::<Vec<_>>().join(" -> ");
            return Err(Failure::Message(format!("circular reference: {cycle}")));
        }
        in_progress.push(path.clone());
        self.enter(1)?;
        let outcome = inner(self);
        stack(self).pop();
        self.depth -= 1;
        outcome
    }

    /// Evaluates pieces: a single interpolation keeps its type, several pieces become a string.
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
                return Err(Failure::Message("the resolved text is too large".to_owned()));
            }
        }
        Ok(Value::Str(joined))
    }

    fn interpolation(&mut self, path: &Path, interpolation: &Interpolation) -> Outcome<Value> {
        match interpolation {
            Interpolation::Node(pieces) => {
                let target = self.target(path, pieces)?;
                match self.locate(&target)? {
                    Target::Computed(value) => Ok(value),
                    Target::Node(path) => {
                        let raw = self.raw(&path);
                        if raw.is_missing() { Err(Failure::Missing) } else { self.value(&path, raw) }
                    }
                }
            }
            Interpolation::Resolver { name, arguments } => {
                let name = text::display(&self.join(path, name)?);
                let mut join = |pieces: &[Piece]| self.join(path, pieces);
                let arguments = arguments.iter().map(|argument| argument.evaluate(&mut join));
                let arguments = arguments.collect::<Outcome<Vec<_>>>()?;
                self.resolver(path, &name, &arguments)
            }
        }
    }

    /// Returns the absolute path of a reference at `path`.
    fn target(&mut self, path: &Path, pieces: &[Piece]) -> Outcome<Path> {
        let written = text::display(&self.join(path, pieces)?);
        self.target_of(path, &written)
    }

    /// Returns the absolute path that a reference `a.b` or `.b` at `path` has.
    fn target_of(&self, path: &Path, written: &str) -> Outcome<Path> {
        let body = written.trim_start_matches('.');
        let dots = written.len() - body.len();
        let mut target = match dots {
            0 => Path::new(),
            // One dot is the container of the value; each further dot is one level up.
            dots if dots <= path.len() => path[..path.len() - dots].to_vec(),
            _ => return Err(Failure::Message(format!("'{written}' is above the root of the configuration"))),
        };
        target.extend(split(body).map(Key::Str));
        Ok(target)
    }

    /// Finds the target of an absolute path, following interpolations on the way.
    fn locate(&mut self, target: &[Key]) -> Outcome<Target> {
        let mut place = Target::Node(Path::new());
        for (index, key) in target.iter().enumerate() {
            if let Target::Node(path) = &place {
                place = self.follow(path.clone())?;
            }
            let container = match &place {
                Target::Node(path) => self.raw(path),
                Target::Computed(value) => value,
            };
            if container.is_missing() {
                return Err(Failure::Missing);
            }
            let found = container.get(key).map(|_| key.clone()).or_else(|| container.key(key.as_str()?));
            let Some(key) = found else {
                return Err(Failure::NotFound(not_found(target, index, container)));
            };
            place = match place {
                Target::Computed(value) => Target::Computed(value.get(&key).cloned().unwrap_or_default()),
                Target::Node(path) => Target::Node(extended(&path, &key)),
            };
        }
        Ok(place)
    }

    /// Returns the target of a value that is an interpolation, otherwise the value itself.
    fn follow(&mut self, path: Path) -> Outcome<Target> {
        let Value::Str(text) = self.raw(&path) else { return Ok(Target::Node(path)) };
        if !parse::is_interpolated(text) {
            return Ok(Target::Node(path));
        }
        let pieces = parse::parse(text).map_err(|message| located(Failure::Message(message), &path, text))?;
        let [Piece::Interpolation(Interpolation::Node(node))] = pieces.as_slice() else {
            return self.evaluate(&path, text).map(Target::Computed);
        };
        let outcome = self.guarded(
            &path,
            |this| &mut this.followed,
            |this| {
                let target = this.target(&path, node)?;
                match this.locate(&target)? {
                    Target::Node(path) => this.follow(path),
                    made => Ok(made),
                }
            },
        );
        outcome.map_err(|failure| located(failure, &path, text))
    }

    fn raw(&self, path: &Path) -> &'a Value {
        let found = path.iter().try_fold(self.root, |value, key| value.get(key));
        found.expect("paths come from walking the configuration")
    }
}

fn extended(path: &Path, key: &Key) -> Path {
    path.iter().cloned().chain([key.clone()]).collect()
}

/// Formats a path as text.
fn dotted(path: &[Key]) -> String {
    path.iter().map(Key::text).collect::<Vec<_>>().join(".")
}

/// Splits `a.b[0]` into keys.
fn split(path: &str) -> impl Iterator<Item = String> {
    path.split(['.', '['])
        .map(|key| key.strip_suffix(']').unwrap_or(key))
        .filter(|key| !key.is_empty())
        .map(str::to_owned)
}

fn not_found(target: &[Key], index: usize, container: &Value) -> String {
    let key = dotted(&target[..=index]);
    if !container.is_container() {
        return format!(
            "'{}' is {} and has no key '{}'",
            dotted(&target[..index]),
            container.kind(),
            target[index]
        );
    }
    let siblings = container.as_map().into_iter().flat_map(|map| map.keys().filter_map(Key::as_str));
    format!("key '{key}' does not exist.{}", suggest::hint(suggest::nearest(&target[index].text(), siblings)))
}

/// Adds the key to a failure that has none yet.
fn located(failure: Failure, path: &[Key], text: &str) -> Failure {
    match failure {
        Failure::Message(message) | Failure::NotFound(message) => {
            Failure::Located(Box::new(Error::Interpolation {
                key: dotted(path),
                text: text.to_owned(),
                message,
            }))
        }
        other => other,
    }
}

fn finish(outcome: Outcome<Value>, path: &[Key], text: &str) -> Result<Value> {
    match outcome.map_err(|failure| located(failure, path, text)) {
        Ok(value) => Ok(value),
        Err(Failure::Located(error)) => Err(*error),
        Err(_) => Ok(Value::from(MISSING)),
    }
}
