//! Interpolations: `${a.b}`, `${.sibling}`, `${oc.env:HOME,/root}`.
//!
//! A string that is a single interpolation takes the type of its result; otherwise the results are
//! inserted into the string. A reference to `???` is `???`.

mod evaluate;
mod parse;

use std::{collections::BTreeMap, fmt, sync::Arc};

use self::evaluate::Evaluation;
use crate::{error::Result, text, value::Value};

/// Custom resolver, called by `${name:arguments}`; an error is a message for the user.
type Resolver = Arc<dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync>;

/// Resolves interpolations, with a given environment for `${oc.env:…}`.
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
    /// Creates an interpolator with these environment variables.
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self { resolvers: BTreeMap::new() }
            .with_resolver("oc.env", move |arguments| env(&environment, arguments))
    }

    /// Creates an interpolator with the current environment variables of this process.
    ///
    /// Variables that are not valid UTF-8 are omitted.
    pub fn from_process() -> Self {
        let variables = std::env::vars_os();
        Self::new(
            variables.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect(),
        )
    }

    /// Registers a resolver, called as `${name:argument,argument}`.
    #[must_use]
    pub fn with_resolver(
        mut self,
        name: &str,
        resolver: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.resolvers.insert(name.to_owned(), Arc::new(resolver));
        self
    }

    /// Registers Hydra's resolver `${hydra:run.dir}`, which looks into the node `hydra` of a whole configuration.
    #[must_use]
    pub fn with_hydra(self, whole: Value) -> Self {
        let inner = self.clone();
        self.with_resolver("hydra", move |arguments| {
            let [Value::Str(path)] = arguments else {
                return Err("hydra expects a path: ${hydra:run.dir}".to_owned());
            };
            let value = inner.select(&whole, &format!("hydra.{path}")).map_err(|error| error.to_string())?;
            Ok(value.unwrap_or_default())
        })
    }

    /// Returns the value at a dotted path with its interpolations resolved; `None` if it does not exist or is `???`.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn select(&self, config: &Value, path: &str) -> Result<Option<Value>> {
        Evaluation::new(self, config).select_path(path)
    }

    /// Replaces every interpolation in a configuration by its result.
    ///
    /// # Errors
    /// [`Error::Interpolation`](crate::Error::Interpolation) with the key; the configuration is then unchanged.
    pub fn resolve(&self, config: &mut Value) -> Result<()> {
        self.resolve_with_warnings(config).map(|_warnings| ())
    }

    /// As [`Self::resolve`]; also returns warnings for the user, such as those of `${oc.deprecated:…}`.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_with_warnings(&self, config: &mut Value) -> Result<Vec<String>> {
        let (resolved, warnings) = Evaluation::new(self, config).all()?;
        *config = resolved;
        Ok(warnings)
    }

    /// Resolves the interpolations in a string at `key`; the result is converted to a string.
    pub(crate) fn text(&self, key: &str, text: &str, root: &Value) -> Result<String> {
        Ok(text::display(&Evaluation::new(self, root).string(&vec![key.into()], text)?))
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let resolver = self.resolvers.get(name).ok_or_else(|| {
            let known: Vec<&str> =
                self.resolvers.keys().map(String::as_str).chain(evaluate::RESOLVERS).collect();
            format!("unknown resolver '{name}'; known resolvers: {}", known.join(", "))
        })?;
        resolver(arguments)
    }
}

/// Resolver `${oc.env:NAME}` or `${oc.env:NAME,default}`; the result is a string, or null if the default is.
fn env(environment: &BTreeMap<String, String>, arguments: &[Value]) -> Result<Value, String> {
    let (name, default) = match arguments {
        [Value::Str(name)] => (name, None),
        [Value::Str(name), default] => (name, Some(default)),
        _ => return Err("oc.env expects a name and at most one default: ${oc.env:NAME,default}".to_owned()),
    };
    match (environment.get(name), default) {
        (Some(value), _) => Ok(Value::from(value.as_str())),
        (None, Some(Value::Null)) => Ok(Value::Null),
        (None, Some(default)) => Ok(Value::Str(text::display(default))),
        (None, None) => Err(format!(
            "the environment variable '{name}' is not set; set it or give a default: ${{oc.env:{name},default}}"
        )),
    }
}
