//! Functions of the override grammar: sweeps, sorting and tags. Casts are in [`super::cast`].

use super::{
    cast,
    literal::Literal,
    parser::Element,
    sweep::{Number, Range, Sweep},
};

const NAMES: [&str; 11] =
    ["bool", "choice", "float", "glob", "int", "interval", "range", "shuffle", "sort", "str", "tag"];

/// Arguments of a call; positional ones precede named ones.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Element>,
    named: Vec<(String, Element)>,
}

impl Arguments {
    pub(super) fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.named.is_empty()
    }

    /// Adds an argument; quotes around the whole argument are dropped, as Hydra does.
    pub(super) fn push(&mut self, name: Option<&str>, element: Element) -> Result<(), String> {
        let element = match element {
            Element::Literal(Literal::Quoted { text, .. }) => Element::Literal(Literal::Str(text)),
            other => other,
        };
        match name {
            Some(name) if self.named.iter().any(|(known, _)| known == name) => {
                // Python's dictionary of named arguments keeps the last one.
                self.named.retain(|(known, _)| known != name);
                self.named.push((name.to_owned(), element));
            }
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

    /// Takes the named arguments of a function whose positional ones are free in number.
    pub(super) fn named<const N: usize>(&mut self, names: [&str; N]) -> Result<[Option<Element>; N], String> {
        let named = Self { positional: Vec::new(), named: std::mem::take(&mut self.named) };
        named.bind(names)
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
        "sort" => sort(arguments),
        "shuffle" => shuffle(arguments),
        "int" => cast::cast(arguments, cast::int),
        "float" => cast::cast(arguments, cast::float),
        "str" => cast::cast(arguments, cast::string),
        "bool" => cast::cast(arguments, cast::boolean),
        _ => return Err(format!("unknown function '{name}'; known functions: {}", NAMES.join(", "))),
    };
    result.map_err(|message| format!("{name}(): {message}"))
}

/// Returns arguments that are no sweeps.
pub(super) fn literals(elements: Vec<Element>) -> Result<Vec<Literal>, String> {
    let literal = |element| match element {
        Element::Literal(literal) => Ok(literal),
        Element::Sweep(_) => Err("a sweep cannot be nested in another".to_owned()),
    };
    elements.into_iter().map(literal).collect()
}

fn choice(mut arguments: Arguments) -> Result<Element, String> {
    let [] = arguments.named([])?;
    let values = match arguments.positional.as_slice() {
        [] => return Err("expects one or more values".to_owned()),
        [Element::Sweep(Sweep::Choice { values, simple: true, .. })] => values.clone(),
        _ => literals(arguments.positional)?,
    };
    if values.contains(&Literal::Null) {
        return Err("null cannot be a choice; write key=null,… for a sweep with null".to_owned());
    }
    Ok(Element::Sweep(Sweep::Choice { values, simple: false, shuffle: false }))
}

fn range(arguments: Arguments) -> Result<Element, String> {
    let [start, stop, step] = arguments.bind(["start", "stop", "step"])?;
    let first = number(start.ok_or("expects at least the end of the range")?)?;
    let (start, stop) = match stop {
        Some(Element::Literal(Literal::Null)) | None => (Number::Int(0), first),
        Some(stop) => (first, number(stop)?),
    };
    let step = step.map_or(Ok(Number::Int(1)), number)?;
    Ok(Element::Sweep(Sweep::Range(Range { start, stop, step, shuffle: false })))
}

fn interval(arguments: Arguments) -> Result<Element, String> {
    let [start, end] = arguments.bind(["start", "end"])?;
    let (Some(start), Some(end)) = (start, end) else { return Err("expects a start and an end".to_owned()) };
    let (start, end) = (number(start)?.as_f64(), number(end)?.as_f64());
    Ok(Element::Sweep(Sweep::Interval {
        start: Number::Float(start),
        end: Number::Float(end),
        tags: Vec::new(),
    }))
}

fn number(element: Element) -> Result<Number, String> {
    match element {
        Element::Literal(Literal::Int(value)) => Ok(Number::Int(value)),
        Element::Literal(Literal::Bool(value)) => Ok(Number::Int(value.into())),
        Element::Literal(Literal::Float(value)) => Ok(Number::Float(value)),
        Element::Literal(other) => Err(format!("expects numbers, got {}", other.kind())),
        Element::Sweep(_) => Err("expects numbers, got a sweep".to_owned()),
    }
}

fn glob(arguments: Arguments) -> Result<Element, String> {
    let [include, exclude] = arguments.bind(["include", "exclude"])?;
    let include = patterns(include.ok_or("expects a pattern")?)?;
    let exclude = match exclude {
        None | Some(Element::Literal(Literal::Null)) => Vec::new(),
        Some(exclude) => patterns(exclude)?,
    };
    Ok(Element::Sweep(Sweep::Glob { include, exclude }))
}

fn patterns(element: Element) -> Result<Vec<String>, String> {
    let pattern = |literal| match literal {
        Literal::Str(pattern) | Literal::Quoted { text: pattern, .. } => Ok(pattern),
        other => Err(format!("expects patterns, got {}", other.kind())),
    };
    match element {
        Element::Literal(Literal::List(list)) => list.into_iter().map(pattern).collect(),
        Element::Literal(literal) => Ok(vec![pattern(literal)?]),
        Element::Sweep(_) => Err("expects patterns, got a sweep".to_owned()),
    }
}

/// Tags an interval. The tags of other sweeps are dropped, since nothing here uses them.
fn tag(mut arguments: Arguments) -> Result<Element, String> {
    let [sweep] = arguments.named(["sweep"])?;
    if arguments.positional.is_empty() {
        return Err("expects a sweep as the last argument".to_owned());
    }
    let mut arguments: Vec<Element> = arguments.positional.into_iter().chain(sweep).collect();
    match arguments.pop() {
        Some(Element::Sweep(Sweep::Glob { .. })) | Some(Element::Literal(_)) | None => {
            Err("expects a sweep as the last argument".to_owned())
        }
        Some(Element::Sweep(mut sweep)) => {
            let text = |tag| match tag {
                Element::Literal(Literal::Str(text)) => Ok(text),
                _ => Err("expects strings as tags".to_owned()),
            };
            let given = arguments.into_iter().map(text).collect::<Result<_, _>>()?;
            if let Sweep::Interval { tags, .. } = &mut sweep {
                *tags = given;
            }
            Ok(Element::Sweep(sweep))
        }
    }
}

/// Takes the argument `list` or `sweep` of `sort` and `shuffle`.
fn list_or_sweep(list: Option<Element>, sweep: Option<Element>) -> Result<Option<Element>, String> {
    match (list, sweep) {
        (Some(list @ Element::Literal(Literal::List(_))), _) => Ok(Some(list)),
        (
            None | Some(Element::Literal(Literal::Null)),
            Some(sweep @ Element::Sweep(Sweep::Choice { .. } | Sweep::Range(_))),
        ) => Ok(Some(sweep)),
        (None | Some(Element::Literal(Literal::Null)), None | Some(Element::Literal(Literal::Null))) => {
            Ok(None)
        }
        _ => Err("expects a list as 'list', and a choice or range as 'sweep'".to_owned()),
    }
}

fn sort(mut arguments: Arguments) -> Result<Element, String> {
    let [sweep, list, reverse] = arguments.named(["sweep", "list", "reverse"])?;
    let reverse = match reverse {
        None => false,
        Some(Element::Literal(Literal::Bool(reverse))) => reverse,
        Some(_) => return Err("expects a boolean as 'reverse'".to_owned()),
    };
    let positional = check_elements(arguments.positional)?;
    if let Some(given) = list_or_sweep(list, sweep)? {
        return sort_one(given, reverse);
    }
    let mut positional = positional;
    if positional.len() == 1 {
        return sort_one(positional.remove(0), reverse);
    }
    let mut values = literals(positional)?;
    if values.is_empty() || values.iter().any(|value| matches!(value, Literal::List(_) | Literal::Map(_))) {
        return Err("expects numbers or strings, a list or a sweep".to_owned());
    }
    sort_literals(&mut values, reverse)?;
    Ok(Element::Sweep(Sweep::Choice { values, simple: true, shuffle: false }))
}

/// Refuses arguments of types that `sort` and `shuffle` do not take.
fn check_elements(elements: Vec<Element>) -> Result<Vec<Element>, String> {
    let allowed = |element: &Element| {
        !matches!(
            element,
            Element::Literal(Literal::Null) | Element::Sweep(Sweep::Glob { .. } | Sweep::Interval { .. })
        )
    };
    if elements.iter().all(allowed) {
        Ok(elements)
    } else {
        Err("expects values, a list or a sweep".to_owned())
    }
}

fn sort_one(element: Element, reverse: bool) -> Result<Element, String> {
    Ok(match element {
        Element::Literal(Literal::List(mut values)) => {
            sort_literals(&mut values, reverse)?;
            Element::Literal(Literal::List(values))
        }
        Element::Sweep(Sweep::Choice { mut values, simple, shuffle }) => {
            sort_literals(&mut values, reverse)?;
            Element::Sweep(Sweep::Choice { values, simple, shuffle })
        }
        Element::Sweep(Sweep::Range(range)) => Element::Sweep(Sweep::Range(range.sorted(reverse))),
        other => other,
    })
}

/// Sorts as Python's `sorted`; an error for values that Python cannot compare.
fn sort_literals(values: &mut [Literal], reverse: bool) -> Result<(), String> {
    let mut comparable = true;
    values.sort_by(|a, b| {
        let order = compare(a, b);
        comparable &= order.is_some();
        let order = order.unwrap_or(std::cmp::Ordering::Equal);
        if reverse { order.reverse() } else { order }
    });
    if comparable {
        Ok(())
    } else {
        Err("the values cannot be compared; use numbers alone or strings alone".to_owned())
    }
}

fn compare(a: &Literal, b: &Literal) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Literal::Str(a), Literal::Str(b)) => Some(a.cmp(b)),
        (Literal::List(a), Literal::List(b)) => {
            let different = a.iter().zip(b).find(|(a, b)| a != b);
            different.map_or(Some(a.len().cmp(&b.len())), |(a, b)| compare(a, b))
        }
        _ => {
            let (a, b) =
                (number(Element::Literal(a.clone())).ok()?, number(Element::Literal(b.clone())).ok()?);
            match (a, b) {
                (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
                (a, b) => Some(a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(std::cmp::Ordering::Equal)),
            }
        }
    }
}

fn shuffle(mut arguments: Arguments) -> Result<Element, String> {
    let [sweep, list] = arguments.named(["sweep", "list"])?;
    let mut positional = check_elements(arguments.positional)?;
    let given = list_or_sweep(list, sweep)?;
    if given.is_none() && positional.len() != 1 {
        let values = literals(positional)?;
        return Ok(Element::Sweep(Sweep::Choice { values, simple: true, shuffle: true }));
    }
    Ok(match given.unwrap_or_else(|| positional.remove(0)) {
        Element::Literal(Literal::List(mut values)) => {
            super::sweep::shuffled(&mut values);
            Element::Literal(Literal::List(values))
        }
        Element::Literal(literal) => Element::Literal(Literal::List(vec![literal])),
        Element::Sweep(Sweep::Choice { values, simple, .. }) => {
            Element::Sweep(Sweep::Choice { values, simple, shuffle: true })
        }
        Element::Sweep(Sweep::Range(range)) => Element::Sweep(Sweep::Range(Range { shuffle: true, ..range })),
        other => other,
    })
}
