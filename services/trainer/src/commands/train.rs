//! `bcs-trainer [train]`: trains a model, or one for each run of a sweep.

use std::path::Path;

use bcs_contracts::package::{Architecture, InputSpec};
use bcs_model::nets::Network;
use fs_err as fs;
use tch::Device;

use super::show;
use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations};
use crate::error::Result;
use crate::output::layers::layers;
use crate::training::Run;

/// Trains.
pub(super) fn run(arguments: &TrainArguments) -> Result<()> {
    let configurations = Configurations::new(&arguments.config)?;
    if let Some(info) = arguments.info {
        return show::information(info, &configurations, arguments);
    }
    if let Some(cfg @ (Cfg::Job | Cfg::Hydra | Cfg::All)) = arguments.cfg {
        return show::configurations(cfg, &configurations, arguments);
    }
    let overrides = &arguments.config.overrides;
    // All runs of a sweep are composed before the first one starts, so that an error in the last one is reported now.
    let runs = match arguments.multirun {
        true => configurations.compose_sweep(overrides)?,
        false => vec![configurations.compose(overrides)?],
    };
    match arguments.cfg {
        Some(_) => runs.iter().enumerate().try_for_each(|(index, run)| {
            if arguments.multirun {
                println!("{}\n", title(&runs, index));
            }
            print_layers(run)
        }),
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
    let output = composed.job.create_run_folder()?;
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
            None => folder.insert(composed.job.create_sweep_folder()?),
        };
        let output = folder.join(composed.job.sweep_subfolder()?);
        fs::create_dir_all(&output)?;
        execute(run, composed, &output)?;
    }
    Ok(())
}

fn execute(run: Run<'_>, composed: &Composed, output: &Path) -> Result<()> {
    composed.save(output)?;
    run.execute(output).map(|_package| ())
}
