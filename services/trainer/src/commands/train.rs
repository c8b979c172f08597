//! `bcs-trainer [train]`: trains a model, or one for each run of a sweep.

use std::path::Path;

use bcs_contracts::package::{Architecture, InputSpec};
use bcs_model::nets::Network;
use jiff::ZonedDateTime;
use tch::Device;

use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations};
use crate::error::Result;
use crate::folders::create_dated;
use crate::output::layers::layers;
use crate::sweep::Sweep;
use crate::training::Run;

/// Trains.
pub(super) fn run(arguments: &TrainArguments) -> Result<()> {
    let configurations = Configurations::new(&arguments.config)?;
    let overrides = &arguments.config.overrides;
    if arguments.multirun {
        let sweep = Sweep::compose(&configurations, overrides)?;
        return match arguments.cfg {
            Some(cfg) => print_all(cfg, &sweep.runs().collect::<Vec<_>>()),
            None => sweep.execute(),
        };
    }
    let composed = configurations.compose(overrides)?;
    match arguments.cfg {
        Some(cfg) => print_all(cfg, &[&composed]),
        None => single(&composed),
    }
}

/// Prints the configurations of runs, or the layers of their networks.
fn print_all(cfg: Cfg, runs: &[&Composed]) -> Result<()> {
    match cfg {
        Cfg::Job => {
            let documents: Vec<&str> = runs.iter().map(|run| run.yaml.as_str()).collect();
            print!("{}", documents.join("---\n"));
            Ok(())
        }
        Cfg::Model => runs.iter().enumerate().try_for_each(|(index, run)| {
            if runs.len() > 1 {
                println!("Run {} of {}: {}\n", index + 1, runs.len(), run.overrides.join(" "));
            }
            print_layers(run)
        }),
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

fn single(composed: &Composed) -> Result<()> {
    let run = Run::prepare(composed)?;
    let output = create_dated(Path::new("outputs"), &ZonedDateTime::now())?;
    composed.save(&output)?;
    run.execute(&output).map(|_package| ())
}
