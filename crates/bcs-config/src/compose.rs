//! Composes a configuration from config files, a schema and overrides, as Hydra does.

mod apply;
mod build;
mod choices;
mod entry;
mod header;
mod node;
mod repository;
mod schema;
mod source;
mod tree;
mod unknown;

use std::path::PathBuf;

use indexmap::IndexMap;

use self::{build::Build, choices::Choices, repository::Repository, source::Source, tree::Walk};
pub use self::{schema::Schema, source::BuiltIn};
use crate::{
    error::Result,
    interpolation::Interpolator,
    overrides::{self, Override},
    value::Value,
};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The schema of the program.
    Schema,
    /// A config file on disk.
    File(PathBuf),
    /// A config file built into the program, by its path in the config tree.
    BuiltIn(&'static str),
    /// A command-line override, as given.
    Override(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Schema => f.write_str("the program's defaults"),
            Self::File(path) => path.display().fmt(f),
            Self::BuiltIn(path) => write!(f, "built-in {path}"),
            Self::Override(text) => write!(f, "override '{text}'"),
        }
    }
}

/// A composed configuration, with the origin of its values.
#[derive(Debug, Clone)]
pub struct Composition {
    /// The configuration; interpolations are unresolved, see [`Interpolator::resolve`].
    pub value: Value,
    /// Option of each config group by override key; `None` for null.
    pub choices: Vec<(String, Option<String>)>,
    /// Origin of each leaf, by dotted path.
    pub sources: IndexMap<String, Origin>,
    /// Overrides, as given.
    pub overrides: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl Composition {
    /// Returns the origin of the value at a dotted path; for a mapping or list, that of its first leaf.
    pub fn source_of(&self, path: &str) -> Option<&Origin> {
        self.sources.get(path).or_else(|| {
            let below = format!("{path}.");
            self.sources.iter().find(|(key, _)| key.starts_with(&below)).map(|(_, origin)| origin)
        })
    }
}

/// Composes configurations from the config files on a search path.
///
/// ```
/// use bcs_config::{Composer, Value};
///
/// let folder = tempfile::tempdir().expect("a folder for the example");
/// std::fs::create_dir(folder.path().join("train"))?;
/// std::fs::write(folder.path().join("config.yaml"), "defaults: [train: short, _self_]\nseed: 1")?;
/// std::fs::write(folder.path().join("train/short.yaml"), "epochs: 2")?;
/// std::fs::write(folder.path().join("train/long.yaml"), "epochs: 200")?;
///
/// let composer = Composer::new([folder.path()]);
/// let composed = composer.compose("config", &["train=long", "seed=7"])?;
/// assert_eq!(composed.value.to_yaml(), "train:\n  epochs: 200\nseed: 7\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Composer {
    /// The search path; the first source that has a file wins.
    sources: Vec<Source>,
    /// The keys that the program knows, with their defaults; config files are merged over them.
    schema: Option<Schema>,
    /// Resolves interpolations in defaults lists; those in values stay unresolved.
    pub interpolator: Interpolator,
}

impl Composer {
    /// Creates a composer for the config files in these folders; the first folder that has a file wins.
    ///
    /// The interpolator reads the environment of this process.
    pub fn new<P: Into<PathBuf>>(folders: impl IntoIterator<Item = P>) -> Self {
        Self {
            sources: folders.into_iter().map(|folder| Source::Folder(folder.into())).collect(),
            schema: None,
            interpolator: Interpolator::from_process(),
        }
    }

    /// Adds config files built into the program; they are searched after all folders.
    ///
    /// Each file is given by its path in the config tree (`train_hyp/default.yaml`) and its text.
    #[must_use]
    pub fn with_built_in(mut self, files: BuiltIn) -> Self {
        self.sources.push(Source::BuiltIn(files));
        self
    }

    /// Sets the schema: the keys that the program knows, with their defaults.
    #[must_use]
    pub fn with_schema(mut self, schema: impl Into<Schema>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// Sets the interpolator for defaults lists.
    #[must_use]
    pub fn with_interpolator(mut self, interpolator: Interpolator) -> Self {
        self.interpolator = interpolator;
        self
    }

    /// Composes a single run from a primary config and command-line overrides.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error), such as for sweeps, unknown keys and missing configs.
    pub fn compose<S: AsRef<str>>(&self, config_name: &str, overrides: &[S]) -> Result<Composition> {
        self.compose_parsed(config_name, &overrides::parse_all(overrides)?)
    }

    /// Composes a single run from parsed overrides, such as those from [`Self::expand`].
    ///
    /// # Errors
    /// As [`Self::compose`].
    pub fn compose_parsed(&self, config_name: &str, overrides: &[Override]) -> Result<Composition> {
        let repository = Repository::new(&self.sources);
        let choices = Choices::new(&repository, overrides)?;
        let mut walk = Walk::new(&repository, choices, &self.interpolator, self.schema.as_ref());
        let steps = walk.run(config_name)?;
        let mut build = Build::new(self.schema.as_ref(), &walk.choices.emptied)?;
        for step in &steps {
            let loaded = repository.load(&step.config)?.expect("the walk has loaded this config");
            build.merge_file(&step.package, &loaded.body, &loaded.origin)?;
        }
        for parsed in &walk.choices.values {
            apply::apply(&mut build, parsed, &repository)?;
        }
        Ok(Composition {
            sources: build.origins(),
            value: build.value,
            choices: walk.choices.known.into_iter().collect(),
            overrides: overrides.iter().map(|parsed| parsed.text.clone()).collect(),
            warnings: walk.warnings,
        })
    }

    /// Returns the runs of a multirun (`-m`): every combination of the sweeps in the overrides.
    ///
    /// # Errors
    /// [`Error::OverrideSyntax`](crate::Error::OverrideSyntax), and [`Error::Override`](crate::Error::Override) for
    /// sweeps without values or with too many runs.
    pub fn expand<S: AsRef<str>>(&self, overrides: &[S]) -> Result<Vec<Vec<Override>>> {
        let repository = Repository::new(&self.sources);
        overrides::expand(&overrides::parse_all(overrides)?, |group| repository.options(group))
    }

    /// Returns the options of a config group, sorted; those of the empty group are the primary configs.
    pub fn options(&self, group: &str) -> Vec<String> {
        Repository::new(&self.sources).options(group)
    }

    /// Returns the config groups that have options, sorted.
    pub fn groups(&self) -> Vec<String> {
        Repository::new(&self.sources).groups()
    }
}
