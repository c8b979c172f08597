//! `bcs-trainer [train]`: composes the configuration and trains, once or for every combination of a sweep.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bcs_config::{Override, overrides};
use fs_err as fs;

use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations, typed};
use crate::error::usage;
use crate::training;

/// Trains.
pub(super) fn run(arguments: &TrainArguments) -> Result<()> {
    let configurations = Configurations::find(&arguments.config)?;
    let composer = &configurations.composer;
    let compose = |overrides: &[Override]| -> Result<Composed> {
        typed(composer.compose_parsed(&arguments.config.config_name, overrides).map_err(usage)?)
    };
    let texts = &arguments.config.overrides;
    if arguments.multirun {
        let sweep = composer.expand(texts).map_err(usage)?;
        // All are composed before the first is run: a mistake in the last shows now.
        let jobs = sweep.iter().map(|overrides| compose(overrides)).collect::<Result<Vec<_>>>()?;
        let folder = dated("multirun");
        for (index, job) in jobs.iter().enumerate() {
            println!("Run {} of {}: {}\n", index + 1, jobs.len(), job.overrides.join(" "));
            train(job, &folder.join(index.to_string()))?;
        }
        return Ok(());
    }
    let composed = compose(&overrides::parse_all(texts).map_err(usage)?)?;
    if arguments.cfg == Some(Cfg::Job) {
        print!("{}", composed.yaml);
        return Ok(());
    }
    train(&composed, &dated("outputs"))
}

fn train(composed: &Composed, output: &Path) -> Result<()> {
    fs::create_dir_all(output.join(".hydra"))?;
    fs::write(output.join(".hydra/config.yaml"), &composed.yaml)?;
    let overrides: String = composed.overrides.iter().map(|text| format!("- {text}\n")).collect();
    fs::write(
        output.join(".hydra/overrides.yaml"),
        if overrides.is_empty() { "[]\n".to_owned() } else { overrides },
    )?;
    training::run(composed, output).map(|_package| ())
}

/// `outputs/2026-01-02/03-04-05`, in local time, as Hydra names it.
fn dated(root: &str) -> PathBuf {
    let now = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system());
    PathBuf::from(root).join(now.strftime("%Y-%m-%d/%H-%M-%S").to_string())
}
