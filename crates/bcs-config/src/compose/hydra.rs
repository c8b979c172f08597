//! The node `hydra` of a configuration, which describes the job: its folders, overrides and search path.

mod types;

use std::path::Path;

use super::source::{BuiltIn, Source};
use crate::{
    error::{Error, Result},
    overrides::Override,
    value::{Key, Map, Value},
};

/// Version of Hydra whose behaviour and configuration this crate has.
pub(super) const VERSION: &str = "1.3.8";

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$((concat!("hydra/", $path), include_str!(concat!("hydra/conf/hydra/", $path)))),*]
    };
}

/// Hydra's own config files.
pub(super) const FILES: BuiltIn = files![
    "config.yaml",
    "env/default.yaml",
    "help/default.yaml",
    "hydra_help/default.yaml",
    "hydra_logging/default.yaml",
    "hydra_logging/disabled.yaml",
    "hydra_logging/hydra_debug.yaml",
    "hydra_logging/none.yaml",
    "job_logging/default.yaml",
    "job_logging/disabled.yaml",
    "job_logging/none.yaml",
    "job_logging/stdout.yaml",
    "launcher/basic.yaml",
    "output/default.yaml",
    "sweeper/basic.yaml",
];

/// What the node says about a composition.
pub(super) struct Facts<'a> {
    pub(super) job_name: &'a str,
    pub(super) config_name: &'a str,
    pub(super) overrides: &'a [Override],
    pub(super) choices: &'a [(String, Option<String>)],
    pub(super) sources: &'a [Source],
}

/// Checks the types of the node and fills in the facts.
pub(super) fn complete(node: &mut Value, facts: &Facts<'_>) -> Result<()> {
    types::convert(node)?;
    let (hydra, task): (Vec<&Override>, Vec<&Override>) = facts
        .overrides
        .iter()
        .partition(|one| one.key.starts_with("hydra.") || one.key.starts_with("hydra/"));
    append(node, "overrides.hydra", &hydra);
    append(node, "overrides.task", &task);
    if let Some(choices) = node.child_mut("runtime").and_then(|runtime| runtime.child_mut("choices")) {
        for (group, option) in facts.choices {
            choices.set_key(group.as_str().into(), option.as_deref().map_or(Value::Null, Value::from));
        }
    }
    copy_environment(node)?;
    if node.get_path("job.name").is_some_and(Value::is_missing) {
        node.set("job.name", facts.job_name.into())?;
    }
    let dirname = override_dirname(node, &task);
    let cwd = std::env::current_dir().unwrap_or_default();
    for (path, value) in [
        ("runtime.version", VERSION.into()),
        ("runtime.version_base", "1.3".into()),
        ("runtime.cwd", cwd.display().to_string().into()),
        ("runtime.config_sources", Value::List(facts.sources.iter().map(Source::describe).collect())),
        ("job.override_dirname", dirname.into()),
        ("job.config_name", facts.config_name.into()),
    ] {
        node.set(path, value)?;
    }
    Ok(())
}

fn append(node: &mut Value, path: &str, overrides: &[&Override]) {
    let list = path.split('.').try_fold(node, Value::child_mut);
    if let Some(Value::List(list)) = list {
        list.extend(overrides.iter().map(|one| Value::from(one.text.as_str())));
    }
}

/// Copies the variables in `job.env_copy` to `job.env_set`.
fn copy_environment(node: &mut Value) -> Result<()> {
    let names = node.get_path("job.env_copy").and_then(Value::as_list).unwrap_or_default().to_vec();
    for name in names.iter().filter_map(Value::as_str) {
        let value = std::env::var(name).map_err(|_| Error::Type {
            key: "hydra.job.env_copy".to_owned(),
            message: format!("the environment variable '{name}' is not set"),
        })?;
        if let Some(set) = node.child_mut("job").and_then(|job| job.child_mut("env_set")) {
            set.set_key(name.into(), value.into());
        }
    }
    Ok(())
}

/// Joins the overrides of the job to a text for the names of folders.
fn override_dirname(node: &Value, task: &[&Override]) -> String {
    let setting = |name: &str| node.get_path(&format!("job.config.override_dirname.{name}"));
    let text = |name: &str| setting(name).and_then(Value::as_str).unwrap_or_default();
    let excluded = setting("exclude_keys").and_then(Value::as_list).unwrap_or_default();
    let is_excluded = |one: &&&Override| excluded.iter().any(|key| key.as_str() == Some(&one.key));
    let mut lines: Vec<&str> =
        task.iter().filter(|one| !is_excluded(one)).map(|one| one.text.as_str()).collect();
    lines.sort_unstable();
    lines.join(text("item_sep")).replace('=', text("kv_sep"))
}

/// Returns the sources that `hydra.searchpath` adds, from the command line or the primary config, with warnings about
/// those that do not exist.
pub(super) fn search_path(
    overrides: &[Override],
    primary: Option<&Value>,
) -> Result<(Vec<Source>, Vec<String>)> {
    let given = overrides.iter().find(|one| one.key_with_package() == "hydra.searchpath");
    let (value, provider) = match given.and_then(Override::value) {
        Some(value) => (Some(value), "hydra.searchpath in command-line"),
        None => {
            (primary.and_then(|body| body.get_path("hydra.searchpath")).cloned(), "hydra.searchpath in main")
        }
    };
    let list = match value {
        None | Some(Value::Null) => return Ok((Vec::new(), Vec::new())),
        Some(value) => value.decode::<Vec<String>>().map_err(|_| Error::Type {
            key: "hydra.searchpath".to_owned(),
            message: format!("must be a list of strings, got {}", value.kind()),
        })?,
    };
    let mut warnings = Vec::new();
    let sources = list.iter().filter_map(|text| {
        let path = text.strip_prefix("file://").unwrap_or(text);
        if path.contains("://") || !Path::new(path).is_dir() {
            warnings.push(format!("hydra.searchpath: there is no folder {text}"));
            return None;
        }
        Some(Source::folder(provider, path))
    });
    let sources = sources.collect();
    Ok((sources, warnings))
}

impl Value {
    /// Sets an entry of a mapping; nothing for other types.
    fn set_key(&mut self, key: Key, value: Self) {
        if let Self::Map(map) = self {
            map.insert(key, value);
        }
    }
}

/// Returns a configuration with its node `hydra`, which comes first.
pub(super) fn whole(job: &Value, hydra: &Value) -> Value {
    let mut whole = Map::new();
    whole.insert("hydra".into(), hydra.clone());
    if let Value::Map(job) = job {
        whole.extend(job.clone());
    }
    Value::Map(whole)
}
