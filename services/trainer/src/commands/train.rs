//! `bcs-trainer [train]`: trains a model, or one for each run of a sweep.

use bcs_contracts::package::{Architecture, InputSpec};
use bcs_model::nets::Network;
use tch::Device;

use super::{augment, show};
use crate::cli::{Cfg, TrainArguments};
use crate::config::{Composed, Configurations};
use crate::distributed::World;
use crate::distributed::environment::WORLD_SIZE;
use crate::error::{Error, Result};
use crate::output;
use crate::output::layers::layers;
use crate::output::run_log::RunLog;
use crate::sweep::Sweep;
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
    if arguments.multirun && arguments.cfg.is_none() {
        refuse_several_processes()?;
    }
    if arguments.multirun {
        let sweep = Sweep::compose(&configurations, overrides)?;
        return match arguments.cfg {
            Some(cfg) => sweep.runs().enumerate().try_for_each(|(index, run)| {
                println!("Run {} of {}: {}\n", index + 1, sweep.len(), run.overrides.join(" "));
                picture(cfg, run)
            }),
            None => sweep.execute(),
        };
    }
    let composed = configurations.compose(overrides)?;
    match arguments.cfg {
        None => single(&composed),
        Some(cfg) => picture(cfg, &composed),
    }
}

/// Shows the network, or what the augmentation does.
fn picture(cfg: Cfg, composed: &Composed) -> Result<()> {
    if cfg == Cfg::Augment { augment::run(composed) } else { print_layers(composed) }
}

/// Prints the layers of the network, for an image as large as the default tile.
fn print_layers(composed: &Composed) -> Result<()> {
    let Architecture { name, arguments } = &composed.architecture;
    let network = Network::new(name, arguments, Device::Cpu)?;
    let size = network.accepted_size(InputSpec::default().tile.map(i64::from));
    println!("{name}, image of {} × {} pixels\n\n{}\n", size[1], size[0], layers(&network.summary(size)?));
    Ok(())
}

/// A sweep starts processes of its own.
fn refuse_several_processes() -> Result<()> {
    match std::env::var(WORLD_SIZE) {
        Ok(size) if size != "1" => Err(Error::Usage(format!(
            "a sweep runs in one process, but {WORLD_SIZE} is {size}; start it without torchrun and bcs-trainer launch"
        ))),
        _ => Ok(()),
    }
}

fn single(composed: &Composed) -> Result<()> {
    let world = World::join(&composed.config.train_hyp.distributed)?;
    trained(composed, world.clone()).map_err(|error| {
        // Before this process waits for the others to end.
        output::error(&error);
        world.leave(&error);
        Error::Printed { code: error.exit_code() }
    })
}

fn trained(composed: &Composed, world: World) -> Result<()> {
    let run = Run::prepare(composed, world)?;
    if !run.is_first() {
        return run.assist();
    }
    let output = composed.job.create_run_folder()?;
    composed.save(&output)?;
    let _log = RunLog::start(&output)?;
    run.execute(&output).map(|_package| ())
}
