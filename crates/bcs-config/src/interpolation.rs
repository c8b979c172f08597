//! Interpolations: `${a.b}`, `${.sibling}`, `${oc.env:HOME,/root}`.
//!
//! A string that is one interpolation takes the type of what it refers to; within other text the
//! result is written into the text. A reference to `???` is `???` itself.

mod evaluate;
mod parse;

use std::{collections::BTreeMap, fmt, sync::Arc};

use self::evaluate::Evaluation;
use crate::{error::Result, text, value::Value};

/// A function behind `${name:arguments}`; an error is a sentence for the user.
type Resolver = Arc<dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync>;

/// Resolves interpolations, with the environment that `${oc.env:…}` sees.
///
/// ```
/// use std::collections::BTreeMap;
/// use bcs_config::{Interpolator, yaml};
///
/// let environment = BTreeMap::from([("BUCKET".to_owned(), "tiles".to_owned())]);
/// let mut config = yaml::parse("{root: 'gs://${oc.env:BUCKET}', train: '${root}/train', size: 2, step: '${size}'}", "")?;
/// Interpolator::new(environment).resolve(&mut config)?;
/// assert_eq!(config.to_yaml(), "root: gs://tiles\ntrain: gs://tiles/train\nsize: 2\nstep: 2\n");
/// # Ok::<(), bcs_config::Error>(())
/// ```
#[derive(Clone)]
pub struct Interpolator {
    resolvers: BTreeMap<String, Resolver>,
}

impl fmt::Debug for Interpolator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpolator").field("resolvers", &self.resolvers.keys()).finish()
    }
}

impl Interpolator {
    /// An interpolator that sees this environment.
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self { resolvers: BTreeMap::new() }
            .with_resolver("oc.env", move |arguments| env(&environment, arguments))
    }

    /// An interpolator that sees the environment of this process, as it is now.
    ///
    /// Variables that are not UTF-8 are left out.
    pub fn from_process() -> Self {
        let variables = std::env::vars_os();
        Self::new(
            variables.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect(),
        )
    }

    /// Adds a function, to be written `${name:argument,argument}`.
    #[must_use]
    pub fn with_resolver(
        mut self,
        name: &str,
        resolver: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.resolvers.insert(name.to_owned(), Arc::new(resolver));
        self
    }

    /// Replaces every interpolation in a configuration.
    pub fn resolve(&self, config: &mut Value) -> Result<()> {
        let resolved = Evaluation::new(self, config).all()?;
        *config = resolved;
        Ok(())
    }

    /// Resolves the interpolations in a text that stands at `key`, and gives the result as text.
    pub(crate) fn text(&self, key: &str, text: &str, root: &Value) -> Result<String> {
        Ok(text::display(&Evaluation::new(self, root).string(&vec![key.to_owned()], text)?))
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let resolver = self.resolvers.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.resolvers.keys().map(String::as_str).collect();
            format!("there is no resolver '{name}'; there are {}", known.join(", "))
        })?;
        resolver(arguments)
    }
}

/// `${oc.env:NAME}` or `${oc.env:NAME,default}`; always text, or null if the default is.
fn env(environment: &BTreeMap<String, String>, arguments: &[Value]) -> Result<Value, String> {
    let (name, default) = match arguments {
        [Value::Str(name)] => (name, None),
        [Value::Str(name), default] => (name, Some(default)),
        _ => return Err("oc.env needs a name and at most one default: ${oc.env:NAME,default}".to_owned()),
    };
    match (environment.get(name), default) {
        (Some(value), _) => Ok(Value::from(value.as_str())),
        (None, Some(Value::Null)) => Ok(Value::Null),
        (None, Some(default)) => Ok(Value::Str(text::display(default))),
        (None, None) => Err(format!(
            "the environment has no variable '{name}'; set it, or give a default: ${{oc.env:{name},default}}"
        )),
    }
}
