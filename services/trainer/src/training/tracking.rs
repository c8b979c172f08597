//! What is tracked of a run, and where; see [`bcs_tracking`].

mod description;
mod identity;
mod sinks;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_config::Value;
use bcs_model::nets::Network;
use bcs_tracking::console::Console;
use bcs_tracking::system::Sampler;
use bcs_tracking::wandb::{Mode, Settings};
use bcs_tracking::{Epoch, Histogram, Jsonl, Locations, Outcome, Picture, Record, Secrets, Step, Tracker};
use tch::{Device, Kind};

use self::description::description;
use self::identity::Identity;
use self::sinks::available;
use super::run::Run;
use super::state::State;
use super::validate::Scores;
use crate::config::TrainHyp;
use crate::error::{Error, Result};
use crate::output::warn;
use crate::remote::events::Events;

/// Time between two samples of the load of the machine.
const LOAD_INTERVAL: Duration = Duration::from_secs(10);

/// Tracks a run.
pub(super) struct Tracking {
    tracker: Tracker,
    load: Option<Sampler>,
    console: Option<Console>,
    wandb: Option<PathBuf>,
    /// Uploads event files to a bucket.
    events: Option<Events>,
    /// Number of steps between two that are tracked.
    every: usize,
    /// Time of the epoch in which the network waited for data.
    waited: Duration,
    epoch_start: Instant,
    tiles_before: usize,
}

/// Checks the variables of Weights & Biases.
///
/// # Errors
/// [`Error::Usage`].
pub(super) fn check(hyp: &TrainHyp) -> Result<()> {
    if hyp.wandb_enabled { settings().map(|_| ()) } else { Ok(()) }
}

fn settings() -> Result<Settings> {
    Settings::from_env(variable).map_err(Error::Usage)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Tracking {
    /// Starts to track a run. `folder` is its folder in the model repository, `output` the folder of its files.
    ///
    /// # Errors
    /// [`Error::Io`] if the metrics cannot be written there; [`Error::Storage`] if the bucket of the event files cannot be used.
    /// Other sinks that cannot be written are left out with a warning.
    pub(super) fn start(run: &Run<'_>, folder: &Path, output: &Path) -> Result<Self> {
        let hyp = &run.composed.config.train_hyp;
        let settings = if hyp.wandb_enabled { Some(settings()?) } else { None };
        let settings = settings.filter(|settings| settings.mode != Mode::Disabled);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let secrets = Secrets::from_process();
        let description = description(run, &name, &secrets);
        let before = Identity::read(folder);
        let wandb_folder = settings.as_ref().and_then(|settings| settings.folder.as_deref());
        let locations = Locations::new(output, &name, wandb_folder, before.tensorboard.as_deref(), variable);

        let opened = sinks::open(hyp.tensorboard, settings.as_ref(), &locations, &description, before);
        if let Err(error) = opened.identity.write(folder) {
            warn(&format!("if the run goes on, it is tracked as another one: {error}"));
        }

        let events = match &locations.tensorboard_bucket {
            Some(target) => Some(Events::upload(locations.tensorboard.clone(), Path::new(target))?),
            None => None,
        };
        let (metrics, first_step) = match &run.checkpoint {
            Some(checkpoint) => (checkpoint.metrics.clone(), checkpoint.state.step),
            None => (String::new(), 0),
        };
        let jsonl = Jsonl::create(&locations.jsonl, metrics)?;
        let mut tracker = Tracker::start(jsonl, opened.sinks, first_step as u64, Arc::new(warn))?;
        tracker.record(first_step as u64, Record::Text("config".to_owned(), markdown(description.config)));
        let handle = tracker.handle();
        let load = Sampler::start(LOAD_INTERVAL, move |load| handle.record(Record::System(load)))?;
        let console = match &opened.wandb {
            Some(_) => {
                let handle = tracker.handle();
                let copy = move |text: &str| handle.record(Record::Console(secrets.mask_text(text)));
                available(Console::capture(copy).map_err(Into::into))
            }
            None => None,
        };
        Ok(Self {
            tracker,
            load: Some(load),
            console,
            wandb: opened.wandb,
            events,
            every: hyp.log_every_n_steps,
            waited: Duration::ZERO,
            epoch_start: Instant::now(),
            tiles_before: 0,
        })
    }

    /// Lines of the epochs.
    pub(super) fn metrics(&self) -> &str {
        self.tracker.metrics()
    }

    /// Begins to measure an epoch.
    pub(super) fn begin_epoch(&mut self, state: &State) {
        (self.waited, self.epoch_start, self.tiles_before) = (Duration::ZERO, Instant::now(), state.tiles);
    }

    /// Waits for data.
    pub(super) fn wait<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.waited += start.elapsed();
        result
    }

    /// Tracks an optimization step, if it is one of those that are tracked.
    pub(super) fn step(&mut self, step: usize, figures: Step) {
        if step.is_multiple_of(self.every) {
            self.tracker.record(step as u64, Record::Step(figures));
        }
    }

    /// Returns the figures of the training part of an epoch, which has just ended: tiles per second, and the share of the
    /// time in which the network waited for data.
    pub(super) fn speed(&self, state: &State) -> [f64; 2] {
        let seconds = self.epoch_start.elapsed().as_secs_f64();
        [(state.tiles - self.tiles_before) as f64 / seconds, self.waited.as_secs_f64() / seconds]
    }

    /// Prints a line about an epoch, and tracks it.
    pub(super) fn epoch(
        &mut self,
        state: &State,
        learning_rate: f64,
        [images_per_second, data_wait_share]: [f64; 2],
        scores: &Scores,
        improved: bool,
    ) {
        let (epoch, loss) = (state.epoch, state.loss());
        println!(
            "epoch {epoch:02}  loss {loss:.4}  val_metric {:.4}{}  {images_per_second:.1} img/s",
            scores.val_metric,
            if improved { " best" } else { "     " },
        );
        let epoch = Epoch {
            epoch,
            loss,
            learning_rate,
            val_metric: scores.val_metric,
            classes: scores.classes.clone(),
            images_per_second,
            data_wait_share,
        };
        self.tracker.record(state.step as u64, Record::Epoch(Box::new(epoch)));
    }

    /// Tracks the distributions of the parameters of a network.
    ///
    /// # Errors
    /// [`Error::Model`] if libtorch fails.
    pub(super) fn parameters(&mut self, step: usize, network: &Network) -> Result<()> {
        let mut histograms = Vec::new();
        for (name, tensor) in network.state() {
            if tensor.kind() == Kind::Float {
                let values = Vec::<f32>::try_from(tensor.f_flatten(0, -1)?.f_to_device(Device::Cpu)?)?;
                histograms.extend(Histogram::of(&values).map(|histogram| (name, histogram)));
            }
        }
        self.tracker.record(step as u64, Record::Histograms(histograms));
        Ok(())
    }

    /// Tracks validation tiles beside their ground truth and prediction.
    pub(super) fn pictures(&mut self, step: usize, pictures: Vec<Picture>) {
        self.tracker.record(step as u64, Record::Pictures(pictures));
    }

    /// Ends the run in all sinks.
    pub(super) fn finish<T>(self, result: &Result<T>) {
        let outcome = match result {
            Ok(_) => Outcome::Finished,
            Err(Error::Interrupted { .. }) => Outcome::Interrupted,
            Err(error) => Outcome::Failed(Secrets::from_process().mask_text(&error.to_string())),
        };
        let Self { tracker, load, console, wandb, events, .. } = self;
        if let Some(folder) = &wandb {
            println!("wandb       wandb sync {}", folder.display());
        }
        drop((load, console));
        tracker.finish(outcome);
        // Uploads the complete files.
        drop(events);
    }
}

/// Formats a configuration as Markdown.
fn markdown(config: serde_json::Map<String, serde_json::Value>) -> String {
    let yaml = Value::from_json(config.into()).map(|config| config.to_yaml()).unwrap_or_default();
    format!("```yaml\n{yaml}```")
}
