//! Composes a configuration from config files, a schema and overrides, as Hydra does.

mod apply;
mod build;
mod choices;
mod entry;
mod header;
mod hydra;
mod info;
mod node;
mod repository;
mod schema;
mod source;
mod tree;
mod unknown;

use std::path::PathBuf;

use indexmap::IndexMap;

use self::{build::Build, choices::Choices, repository::Repository, source::Source, tree::Walk};
pub use self::{info::Defaults, schema::Schema, source::BuiltIn};
use crate::{
    error::{Error, Result},
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
    /// The node `hydra`, which describes the job: its folders, overrides, choices and search path.
    pub hydra: Value,
    /// Where the configuration comes from.
    pub defaults: Defaults,
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
    /// Returns the configuration with its node `hydra`, as Hydra composes it.
    pub fn whole(&self) -> Value {
        hydra::whole(&self.value, &self.hydra)
    }

    /// Returns the node `hydra` without its help texts, in a configuration of its own, as `--cfg hydra` of Hydra prints it.
    pub fn hydra_without_help(&self) -> Value {
        let mut node = self.hydra.clone();
        for help in ["help", "hydra_help"] {
            node.remove(help);
        }
        hydra::whole(&Value::empty_map(), &node)
    }

    /// Returns the search path as a table, as `--info searchpath` of Hydra prints it.
    pub fn search_path(&self) -> String {
        info::search_path(&self.hydra)
    }

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
    /// Name of the job, `hydra.job.name`.
    job_name: String,
}

impl Composer {
    /// Creates a composer for the config files in these folders; the first folder that has a file wins.
    ///
    /// The interpolator reads the environment of this process.
    pub fn new<P: Into<PathBuf>>(folders: impl IntoIterator<Item = P>) -> Self {
        let hydra = Source::built_in("hydra", "hydra.conf", hydra::FILES);
        let main = folders.into_iter().map(|folder| Source::folder("main", folder));
        Self {
            sources: std::iter::once(hydra).chain(main).collect(),
            schema: None,
            interpolator: Interpolator::from_process(),
            job_name: "app".to_owned(),
        }
    }

    /// Adds a folder with config files that `--config-dir` names; it is searched after those before it.
    #[must_use]
    pub fn with_config_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::folder("command-line", folder));
        self
    }

    /// Sets the name of the job, `hydra.job.name`.
    #[must_use]
    pub fn with_job_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.job_name);
        self
    }

    /// Adds config files built into the program; they are searched after all folders.
    ///
    /// `name` names them in `hydra.runtime.config_sources`. Each file is given by its path in the config tree
    /// (`train_hyp/default.yaml`) and its text.
    #[must_use]
    pub fn with_built_in(mut self, name: &'static str, files: BuiltIn) -> Self {
        self.sources.push(Source::built_in("main", name, files));
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
        choices::refuse_sweeps(overrides)?;
        let (sources, mut warnings) = self.search_path(config_name, overrides)?;
        let repository = Repository::new(&sources);
        let choices = Choices::new(&repository, overrides)?;
        let mut walk = Walk::new(&repository, choices, &self.interpolator, self.schema.as_ref());
        let (steps, tree) = walk.run(config_name)?;
        let mut build = Build::new(self.schema.as_ref(), &walk.choices.emptied)?;
        for step in &steps {
            let loaded = repository.load(&step.config)?.expect("the walk has loaded this config");
            build.merge_file(&step.package, &loaded.body, &loaded.origin)?;
        }
        for parsed in &walk.choices.values {
            apply::apply(&mut build, parsed, &repository)?;
        }
        let mut origins = build.origins();
        origins.retain(|path, _| !path.starts_with("hydra."));
        let mut value = build.value;
        let mut hydra = value.remove("hydra").unwrap_or_default();
        let choices: Vec<(String, Option<String>)> = walk.choices.known.into_iter().collect();
        let facts = hydra::Facts {
            job_name: &self.job_name,
            config_name,
            overrides,
            choices: &choices,
            sources: &sources,
        };
        hydra::complete(&mut hydra, &facts)?;
        warnings.extend(walk.warnings);
        Ok(Composition {
            value,
            hydra,
            defaults: Defaults::new(&steps, tree),
            choices,
            sources: origins,
            overrides: overrides.iter().map(|parsed| parsed.text.clone()).collect(),
            warnings,
        })
    }

    /// Returns the search path with the entries of `hydra.searchpath` and Hydra's own schema, and warnings.
    fn search_path(&self, config_name: &str, overrides: &[Override]) -> Result<(Vec<Source>, Vec<String>)> {
        let primary = Repository::new(&self.sources).load(config_name)?;
        let (added, warnings) = hydra::search_path(overrides, primary.as_ref().map(|config| &config.body))?;
        let schema = Source::built_in("schema", "", &[]);
        Ok((self.sources.iter().cloned().chain(added).chain([schema]).collect(), warnings))
    }

    /// Returns the runs of a multirun (`-m`): every combination of the sweeps in the overrides.
    ///
    /// # Errors
    /// [`Error::OverrideSyntax`](crate::Error::OverrideSyntax), and [`Error::Override`](crate::Error::Override) for
    /// sweeps without values or with too many runs.
    pub fn expand<S: AsRef<str>>(&self, config_name: &str, overrides: &[S]) -> Result<Vec<Vec<Override>>> {
        let parsed = overrides::parse_all(overrides)?;
        let is_hydra = |one: &&Override| one.key.starts_with("hydra.") || one.key.starts_with("hydra/");
        if let Some(sweep) = parsed.iter().filter(is_hydra).find(|one| one.value().is_none()) {
            let message = "values of hydra cannot be swept; give one value".to_owned();
            return Err(Error::Override { text: sweep.text.clone(), message });
        }
        let (sources, _warnings) = self.search_path(config_name, &parsed)?;
        let repository = Repository::new(&sources);
        overrides::expand(&parsed, |group| repository.options(group))
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
