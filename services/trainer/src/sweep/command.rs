//! A sweep from the command line to its results.

use std::path::Path;

use bcs_config::{Override, overrides};
use fs_err as fs;

use super::capacity::Capacity;
use super::domain::Domain;
use super::folder::{self, Folder};
use super::gpus::Gpus;
use super::plan::{Planned, plan};
use super::record::{Record, Trial, TrialState};
use super::runner::Runner;
use super::settings::Settings;
use super::{report, results};
use crate::config::{Composed, Configurations, saved};
use crate::error::{Error, Result};

/// Group of the settings.
pub(crate) const GROUP: &str = "sweep";

/// A sweep as the command line describes it.
pub(crate) struct Sweep {
    settings: Settings,
    /// Keys of the group `sweep` that the command line gives.
    keys: Vec<String>,
    /// Other overrides.
    overrides: Vec<String>,
    /// Overrides of each run, and what they compose to.
    runs: Vec<(Planned, Composed)>,
}

impl Sweep {
    /// Composes all runs of a sweep, so that an error in the last one is reported before the first one starts.
    ///
    /// # Errors
    /// [`Error::Config`] and [`Error::Usage`], with the key and the file it came from.
    pub(crate) fn compose(configurations: &Configurations, texts: &[String]) -> Result<Self> {
        let options = |group: &str| configurations.options(group);
        let parsed = overrides::parse_all(texts)?;
        let settings = settings(configurations, &parsed)?;
        let (own, others): (Vec<&Override>, Vec<&Override>) = parsed.iter().partition(|one| is_own(one));
        let overrides: Vec<String> = others.iter().map(|parsed| parsed.text.clone()).collect();
        let runs = plan(&overrides, &settings, options)?
            .into_iter()
            .enumerate()
            .map(|(number, planned)| {
                let composed = configurations.compose_parsed(planned.overrides.clone())?;
                let composed = Composed { job: composed.job.in_sweep(number), ..composed };
                Ok((planned, composed))
            })
            .collect::<Result<_>>()?;
        let keys = own.iter().map(|parsed| parsed.key.clone()).collect();
        Ok(Self { settings, keys, overrides, runs })
    }

    /// Returns the runs.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &Composed> {
        self.runs.iter().map(|(_, composed)| composed)
    }

    /// Returns the number of runs.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Runs the sweep, or goes on with the one that `sweep.resume` names.
    ///
    /// # Errors
    /// [`Error::SweepInterrupted`]; [`Error::Trials`] if a trial has failed; [`Error::Usage`]; [`Error::Io`].
    pub(crate) fn execute(self) -> Result<()> {
        let (folder, mut record) = match self.find()? {
            Some((folder, record)) => {
                let settings = record.settings.clone().resumed(&self.settings, &self.keys)?;
                (folder, Record { settings, ..record })
            }
            None => self.create()?,
        };
        record.write(&folder.path)?;
        let outcome = run(&folder, &mut record);
        results::write(&record, &folder.path)?;
        report::write(&record, &folder.path)?;
        print(&record, &folder.path);
        outcome?;
        match record.count(TrialState::Failed) {
            0 => Ok(()),
            failed => Err(Error::Trials { failed, all: record.trials.len(), folder: folder.path }),
        }
    }

    /// Finds the sweep that goes on.
    fn find(&self) -> Result<Option<(Folder, Record)>> {
        match (&self.settings.resume, self.runs().next()) {
            (Some(resume), Some(run)) => folder::find(resume, &run.job.sweep_folder()?, &self.overrides),
            _ => Ok(None),
        }
    }

    /// Creates the folders of a new sweep and of its trials, with their configurations.
    fn create(self) -> Result<(Folder, Record)> {
        if let Some(resume) = self.runs().find_map(|run| run.config.train_hyp.resume.as_ref()) {
            return Err(Error::Usage(format!(
                "train_hyp.resume is {resume}, but the trials of a sweep are new runs; a sweep goes on with \
                 sweep.resume=auto"
            )));
        }
        if self.settings.resume.is_some() {
            println!("resume      there is no unfinished sweep; this is a new one");
        }
        let path = match self.runs().next() {
            Some(first) => first.job.create_sweep_folder()?,
            None => return Err(Error::Usage("the sweep has no trials".to_owned())),
        };
        let folder = Folder::new(&path)?;
        let mut trials = Vec::new();
        for (number, (planned, composed)) in self.runs.iter().enumerate() {
            if composed.job.output_subfolder() != Some(saved::FOLDER) {
                return Err(Error::Usage(format!(
                    "hydra.output_subdir must be {} in a sweep, whose trials read their configuration there",
                    saved::FOLDER
                )));
            }
            let output = composed.job.sweep_subfolder()?;
            fs::create_dir_all(folder.path.join(&output))?;
            composed.save(&folder.path.join(&output))?;
            trials.push(Trial::new(number, output, planned, composed.config.train_hyp.max_epochs));
        }
        let settings = Settings { resume: None, ..self.settings };
        Ok((folder, Record::new(self.overrides, settings, trials)))
    }
}

/// Returns the overrides of each run of a sweep, without the checks of [`Sweep::compose`].
///
/// # Errors
/// [`Error::Config`]; [`Error::Usage`].
pub(crate) fn runs(configurations: &Configurations, texts: &[String]) -> Result<Vec<Vec<Override>>> {
    let parsed = overrides::parse_all(texts)?;
    let Ok(settings) = settings(configurations, &parsed) else { return configurations.expand(texts) };
    let trials = plan(texts, &settings, |group| configurations.options(group))?;
    Ok(trials.into_iter().map(|trial| trial.overrides).collect())
}

/// Composes the settings of a sweep.
fn settings(configurations: &Configurations, parsed: &[Override]) -> Result<Settings> {
    let one = examples(parsed, |group| configurations.options(group))?;
    let settings = configurations.compose_parsed(one)?.config.sweep.ok_or_else(|| {
        Error::Usage("the configuration has no group sweep; choose sweep=grid or sweep=random".to_owned())
    })?;
    settings.check()?;
    Ok(settings)
}

/// Runs the trials that are left.
fn run(folder: &Folder, record: &mut Record) -> Result<()> {
    let left = record.trials.iter().filter(|trial| !trial.state.is_final()).count();
    // Devices are seldom swept, so that the first trial stands for all.
    let device = match record.trials.first() {
        Some(trial) => Composed::read(&folder.trial(trial))?.config.train_hyp.device,
        None => return Ok(()),
    };
    let gpus = Gpus::of(&device);
    let capacity = Capacity::new(&record.settings, left, gpus.count);
    announce(record, &folder.path, left, capacity);
    Runner::new(folder, record, capacity, gpus.names)?.run()
}

fn announce(record: &Record, folder: &Path, left: usize, capacity: Capacity) {
    let Settings { objective, direction, .. } = &record.settings;
    let all = record.trials.len();
    let memory = match capacity.memory_mb {
        Some(megabytes) => format!(", within {megabytes} MB of memory"),
        None => String::new(),
    };
    println!("sweep       {}, {} to {objective}", folder.display(), direction.word());
    println!("trials      {all}, {left} of them to run, up to {} at a time{memory}\n", capacity.jobs);
}

/// Prints the results.
fn print(record: &Record, folder: &Path) {
    println!("\n{}\n", results::table(record));
    if let Some(best) = results::ranked(record).first() {
        println!("best        trial {}  {}", best.number, best.describe());
        if let Some(package) = &best.package {
            println!("package     {}", package.display());
        }
    }
    println!("report      {}", folder.join(report::FILE).display());
}

/// Whether an override is one of the sweep's settings.
fn is_own(parsed: &Override) -> bool {
    parsed.key.split('.').next() == Some(GROUP)
}

/// Returns the overrides with one of their values.
///
/// # Errors
/// [`Error::Usage`] for a sweep over its own settings.
fn examples(parsed: &[Override], options: impl Fn(&str) -> Vec<String>) -> Result<Vec<Override>> {
    let example = |one: &Override| match Domain::of(one, &options)? {
        Some(_) if is_own(one) || one.key.starts_with("hydra.") || one.key.starts_with("hydra/") => {
            Err(Error::Usage(format!("{}: the settings of a sweep have a single value", one.text)))
        }
        Some(domain) => domain.example(one),
        None => Ok(one.clone()),
    };
    parsed.iter().map(example).collect()
}
