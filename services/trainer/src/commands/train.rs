//! `bcs-trainer [train]`: trains a model, or one for each run of a sweep.

use std::path::Path;

use bcs_config::Value;
use fs_err as fs;
use jiff::ZonedDateTime;

use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations};
use crate::error::Result;
use crate::folders::create_dated;
use crate::training::Run;

/// Trains.
pub(super) fn run(arguments: &TrainArguments) -> Result<()> {
    let configurations = Configurations::new(&arguments.config)?;
    let overrides = &arguments.config.overrides;
    // All runs of a sweep are composed before the first one starts, so that an error in the last one is reported now.
    let runs = match arguments.multirun {
        true => configurations.compose_sweep(overrides)?,
        false => vec![configurations.compose(overrides)?],
    };
    if arguments.cfg == Some(Cfg::Job) {
        let documents: Vec<&str> = runs.iter().map(|run| run.yaml.as_str()).collect();
        print!("{}", documents.join("---\n"));
        return Ok(());
    }
    if arguments.multirun { sweep(&runs) } else { single(&runs[0]) }
}

fn single(composed: &Composed) -> Result<()> {
    let run = Run::prepare(composed)?;
    let output = create_dated(Path::new("outputs"), &ZonedDateTime::now())?;
    execute(run, composed, &output)
}

/// Trains all runs, in `multirun/DATE/TIME/0`, `1`, …
fn sweep(runs: &[Composed]) -> Result<()> {
    let mut folder = None;
    for (index, composed) in runs.iter().enumerate() {
        println!("Run {} of {}: {}\n", index + 1, runs.len(), composed.overrides.join(" "));
        let run = Run::prepare(composed)?;
        let folder = match &folder {
            Some(folder) => folder,
            None => folder.insert(create_dated(Path::new("multirun"), &ZonedDateTime::now())?),
        };
        let output = folder.join(index.to_string());
        fs::create_dir(&output)?;
        execute(run, composed, &output)?;
    }
    Ok(())
}

fn execute(run: Run<'_>, composed: &Composed, output: &Path) -> Result<()> {
    let hydra = output.join(".hydra");
    fs::create_dir(&hydra)?;
    fs::write(hydra.join("config.yaml"), &composed.yaml)?;
    let overrides: Vec<Value> = composed.overrides.iter().map(|text| Value::from(text.as_str())).collect();
    fs::write(hydra.join("overrides.yaml"), Value::from(overrides).to_yaml())?;
    run.execute(output).map(|_package| ())
}
