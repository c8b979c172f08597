//! `bcs-trainer [train]`: trains a model, or one for each run of a sweep.

use std::path::Path;

use bcs_config::Value;
use bcs_contracts::package::{Architecture, InputSpec};
use bcs_model::nets::Network;
use fs_err as fs;
use jiff::ZonedDateTime;
use tch::Device;

use super::augment;
use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations};
use crate::error::Result;
use crate::folders::create_dated;
use crate::output::layers::layers;
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
    match arguments.cfg {
        Some(Cfg::Job) => {
            let documents: Vec<&str> = runs.iter().map(|run| run.yaml.as_str()).collect();
            print!("{}", documents.join("---\n"));
            Ok(())
        }
        Some(Cfg::Model) => runs.iter().enumerate().try_for_each(|(index, run)| {
            if arguments.multirun {
                println!("{}\n", title(&runs, index));
            }
            print_layers(run)
        }),
        Some(Cfg::Augment) => runs.iter().try_for_each(augment::run),
        None if arguments.multirun => sweep(&runs),
        None => single(&runs[0]),
    }
}

/// Prints the layers of the network, for an image as large as the default tile.
fn print_layers(composed: &Composed) -> Result<()> {
    let Architecture { name, arguments } = &composed.architecture;
    let network = Network::new(name, arguments, Device::Cpu)?;
    let size = network.accepted_size(InputSpec::default().tile.map(i64::from));
    println!("{name}, image of {} × {} pixels\n\n{}\n", size[1], size[0], layers(&network.summary(size)?));
    Ok(())
}

fn title(runs: &[Composed], index: usize) -> String {
    format!("Run {} of {}: {}", index + 1, runs.len(), runs[index].overrides.join(" "))
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
        println!("{}\n", title(runs, index));
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
