//! Offline runs of Weights & Biases, in the format of the official client 0.31: `wandb sync` uploads them.

mod datastore;
mod files;
mod media;
mod messages;
mod reader;
mod row;
mod settings;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use jiff::ZonedDateTime;
use serde_json::{Map, Value, json};

use self::datastore::Datastore;
use self::files::{Environment, Files};
use self::messages::{
    ConfigItem, ConfigRecord, FilesItem, FilesRecord, HeaderRecord, Kind, OutputRawRecord, RunExitRecord,
    RunRecord, StatsItem, StatsRecord, TelemetryFeature, TelemetryRecord, VersionInfo, timestamp,
};
use self::row::Row;
pub use self::settings::{Mode, Settings, new_id};
use crate::entry::{Entry, Record, Run};
use crate::error::Result;
use crate::sink::{Outcome, Sink};

/// Version of the official client whose format is written.
const CLIENT: &str = "0.31.0";

/// Oldest client that can read the format, in the numbering of the client itself.
const MIN_CONSUMER: &str = "0.70.0";

/// Key of the pictures of validation tiles.
const PICTURES: &str = "validation";

/// An offline run. The rows of its history have increasing steps, so that figures of one step are collected in one row.
pub struct Wandb {
    folder: PathBuf,
    store: Datastore,
    files: Files,
    start: SystemTime,
    row: Row,
    summary: Map<String, Value>,
    /// Last step of the earlier folders.
    last_step: Option<u64>,
}

impl Wandb {
    /// Creates the folder of a run, `PARENT/wandb/offline-run-TIME-ID`. A run that goes on has several folders with the same
    /// id; `before` are the earlier ones. Their steps are not written again: steps after the checkpoint are repeated with the
    /// same figures.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub fn create(
        parent: &Path,
        settings: &Settings,
        id: &str,
        run: &Run,
        before: &[PathBuf],
    ) -> Result<Self> {
        let folder = parent
            .join("wandb")
            .join(format!("offline-run-{}-{id}", ZonedDateTime::now().strftime("%Y%m%d_%H%M%S")));
        fs::create_dir_all(&folder)?;
        let start = SystemTime::now();
        let mut sink = Self {
            store: Datastore::create(&folder.join(format!("run-{id}.wandb")), id)?,
            files: Files::create(&folder.join("files"))?,
            folder,
            start,
            row: Row::default(),
            summary: Map::new(),
            last_step: before.iter().filter_map(|folder| reader::last_step(folder)).max(),
        };
        sink.begin(settings, id, run)?;
        sink.flush()?;
        Ok(sink)
    }

    /// Folder of the run, which `wandb sync` takes.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn begin(&mut self, settings: &Settings, id: &str, run: &Run) -> Result<()> {
        let version_info = VersionInfo { producer: CLIENT.to_owned(), min_consumer: MIN_CONSUMER.to_owned() };
        self.store.write(Kind::Header(HeaderRecord { version_info: Some(version_info) }))?;
        let config = config(run);
        self.files.write_config(&config)?;
        let item =
            |(key, value): (&String, &Value)| ConfigItem { key: key.clone(), value_json: value.to_string() };
        let telemetry = TelemetryRecord {
            feature: Some(TelemetryFeature { offline: true }),
            cli_version: CLIENT.to_owned(),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        };
        let host = sysinfo::System::host_name().unwrap_or_default();
        let is_continued = run.first_step > 0;
        self.store.write(Kind::Run(RunRecord {
            run_id: id.to_owned(),
            entity: settings.entity.clone().unwrap_or_default(),
            project: settings.project.clone(),
            config: Some(ConfigRecord { update: config.iter().map(item).collect() }),
            run_group: settings.group.clone().unwrap_or_default(),
            job_type: settings.job_type.clone().unwrap_or_default(),
            display_name: settings.name.clone().unwrap_or_else(|| run.name.clone()),
            notes: settings.notes.clone().unwrap_or_default(),
            tags: settings.tags.clone(),
            host: host.clone(),
            starting_step: run.first_step as i64,
            start_time: Some(timestamp(self.start)),
            resumed: is_continued,
            telemetry: Some(telemetry.clone()),
            resume: is_continued,
        }))?;
        let environment = Environment {
            os: sysinfo::System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            started_at: timestamp(self.start),
            args: run.arguments.clone(),
            program: "bcs-trainer".to_owned(),
            host,
            cpu_count: std::thread::available_parallelism().map_or(0, |count| count.get() as u32),
            git_commit: run.revision.clone(),
            writer_id: id.to_owned(),
        };
        self.files.write_metadata(&environment)?;
        self.store.write(Kind::Environment(environment.into_message()))?;
        self.store.write(Kind::Telemetry(telemetry))
    }

    fn scalars(&mut self, entry: &Entry, scalars: Vec<(String, f64)>) -> Result<()> {
        let values = scalars.into_iter().map(|(key, value)| (key, number(value)));
        self.log(entry, values.collect())
    }

    /// Adds values to the row of a step; the row of the step before is then complete.
    fn log(&mut self, entry: &Entry, values: Vec<(String, Value)>) -> Result<()> {
        if self.last_step.is_some_and(|last| entry.step <= last) {
            return Ok(());
        }
        if self.row.step() != Some(entry.step) {
            self.end_row()?;
        }
        self.row.add(entry.step, entry.time, self.start, values);
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        let Some((history, summary, values)) = std::mem::take(&mut self.row).into_records() else {
            return Ok(());
        };
        self.summary.extend(values);
        self.store.write(Kind::Summary(summary))?;
        self.store.write(Kind::History(history))
    }

    fn console(&mut self, time: SystemTime, output_type: i32, text: &str) -> Result<()> {
        self.files.append_output(text)?;
        let record = OutputRawRecord { output_type, timestamp: Some(timestamp(time)), line: text.to_owned() };
        self.store.write(Kind::OutputRaw(record))
    }
}

impl Sink for Wandb {
    fn name(&self) -> &'static str {
        "Weights & Biases"
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        match &entry.record {
            Record::Step(step) => self.scalars(entry, step.scalars()),
            Record::Epoch(epoch) => self.scalars(entry, epoch.scalars()),
            Record::Pictures(pictures) => {
                let media = media::pictures(PICTURES, entry.step, pictures, &self.files)?;
                let file = |path: String| FilesItem { path, r#type: messages::FILE_TYPE_MEDIA };
                let files = media.files.into_iter().map(file).collect();
                self.store.write(Kind::Files(FilesRecord { files }))?;
                self.log(entry, vec![(PICTURES.to_owned(), media.value)])
            }
            Record::Histograms(histograms) => {
                let values = histograms.iter().map(|(name, histogram)| {
                    let value =
                        json!({"_type": "histogram", "values": histogram.counts, "bins": histogram.edges()});
                    (format!("parameters/{name}"), value)
                });
                self.log(entry, values.collect())
            }
            Record::System(figures) => {
                let item = |(key, value): &(String, f64)| StatsItem {
                    key: key.clone(),
                    value_json: number(*value).to_string(),
                };
                let item = figures.iter().map(item).collect();
                self.store.write(Kind::Stats(StatsRecord { timestamp: Some(timestamp(entry.time)), item }))
            }
            Record::Console(text) => self.console(entry.time, messages::STDOUT, text),
            // The text of a run is its configuration, which is already there.
            Record::Text(..) => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.store.flush()?;
        self.files.flush()
    }

    fn finish(&mut self, outcome: &Outcome) -> Result<()> {
        self.end_row()?;
        let exit_code = match outcome {
            Outcome::Finished => 0,
            Outcome::Interrupted => 255,
            Outcome::Failed(message) => {
                self.console(SystemTime::now(), messages::STDERR, &format!("{message}\n"))?;
                1
            }
        };
        self.files.write_summary(&self.summary)?;
        let runtime = self.start.elapsed().unwrap_or_default().as_secs() as i32;
        self.store.write(Kind::Exit(RunExitRecord { exit_code, runtime }))?;
        self.flush()
    }
}

/// Returns a number as JSON; those that JSON does not have by the names that the client gives them.
fn number(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

/// Returns the configuration with what the client's pages need: the names of the classes in masks.
fn config(run: &Run) -> Map<String, Value> {
    let classes: Map<String, Value> =
        run.classes.iter().enumerate().map(|(index, class)| (index.to_string(), json!(class.name))).collect();
    let labels: Map<String, Value> = media::MASKS
        .iter()
        .map(|mask| {
            let key = format!("{PICTURES}_wandb_delimeter_{mask}");
            (key.clone(), json!({"type": "mask/class_labels", "key": key, "value": classes}))
        })
        .collect();
    let client = json!({"cli_version": CLIENT, "mask/class_labels": labels});
    std::iter::once(("_wandb".to_owned(), client)).chain(run.config.clone()).collect()
}

#[cfg(test)]
mod tests;
