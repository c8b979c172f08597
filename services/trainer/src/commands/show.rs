//! Prints configurations and where they come from, as Hydra's `--cfg` and `--info` do.

use bcs_config::{Composition, Value};

use crate::cli::{Cfg, Info, TrainArguments};
use crate::config::{Configurations, Job};
use crate::error::{Error, Result};
use crate::output::warn;
use crate::sweep;

/// Prints the configuration of each run; those of a sweep are YAML documents.
pub(super) fn configurations(
    cfg: Cfg,
    configurations: &Configurations,
    arguments: &TrainArguments,
) -> Result<()> {
    let overrides = &arguments.config.overrides;
    let described = match arguments.multirun {
        true => sweep::runs(configurations, overrides)?
            .iter()
            .enumerate()
            .map(|(number, run)| {
                let (composition, job) = configurations.describe_parsed(run)?;
                Ok((composition, job.in_sweep(number)))
            })
            .collect::<Result<_>>()?,
        false => vec![configurations.describe(overrides)?],
    };
    let mut documents = Vec::new();
    for (composition, job) in &described {
        warn_of(composition);
        documents.push(document(cfg, composition, job, arguments)?);
    }
    print!("{}", documents.join("---\n"));
    Ok(())
}

/// Prints the warnings of a composition.
fn warn_of(composition: &Composition) {
    composition.warnings.iter().for_each(|warning| warn(warning));
}

fn document(cfg: Cfg, composition: &Composition, job: &Job, arguments: &TrainArguments) -> Result<String> {
    let whole = match cfg {
        Cfg::Job | Cfg::Model | Cfg::Augment => composition.value.clone(),
        Cfg::Hydra => composition.hydra_without_help(),
        Cfg::All => composition.whole(),
    };
    let package = arguments.package.as_deref().filter(|package| *package != "_global_");
    let Some(package) = package else { return printed(whole, job, arguments.resolve) };
    let part = match whole.get_path(package) {
        Some(part) if part.is_container() => Some(part.clone()),
        _ => job.interpolator().select(&whole, package)?,
    };
    match part {
        Some(part) if part.is_container() => {
            let text = part_text(&whole, package, part, job, arguments.resolve)?;
            Ok(format!("# @package {package}\n{text}"))
        }
        Some(scalar) if !scalar.is_null() => Ok(format!("{}\n", scalar.display())),
        _ => Err(Error::Usage(format!("package '{package}' not found in config"))),
    }
}

/// Formats a part of a configuration, whose interpolations refer to the whole.
fn part_text(whole: &Value, package: &str, part: Value, job: &Job, resolve: bool) -> Result<String> {
    if !resolve {
        return Ok(part.to_yaml());
    }
    let resolved = job.interpolator().select(whole, package)?;
    Ok(resolved.unwrap_or(part).to_yaml())
}

fn printed(mut value: Value, job: &Job, resolve: bool) -> Result<String> {
    if resolve {
        job.interpolator().resolve(&mut value)?;
    }
    Ok(value.to_yaml())
}

/// Prints where a configuration comes from.
pub(super) fn information(
    info: Info,
    configurations: &Configurations,
    arguments: &TrainArguments,
) -> Result<()> {
    let (composition, _) = configurations.describe(&arguments.config.overrides)?;
    warn_of(&composition);
    let (search_path, defaults) = (composition.search_path(), &composition.defaults);
    let config = || {
        format!(
            "{search_path}{}{}Config\n******\n{}\n",
            defaults.tree(),
            defaults.list(),
            composition.value.to_yaml()
        )
    };
    let text = match info {
        Info::All => format!("{PLUGINS}{}", config()),
        Info::Config => config(),
        Info::Defaults => defaults.list(),
        Info::DefaultsTree => defaults.tree(),
        Info::Plugins => PLUGINS.to_owned(),
        Info::Searchpath => search_path,
    };
    print!("{text}");
    Ok(())
}

const PLUGINS: &str = "Installed Hydra Plugins\n***********************\nnone; sweeps and their launcher are part of the program\n";
