//! Errors of the trainer, and their exit codes.

use std::path::PathBuf;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line or the configuration is invalid.
    #[error("{0}")]
    Usage(String),
    /// The tiles cannot train or validate a model.
    #[error("{0}")]
    Tiles(String),
    /// The loss is NaN or infinite.
    #[error(
        "the loss is {loss} in epoch {epoch}, batch {batch}; choose a train_hyp.learning_rate below {learning_rate}"
    )]
    Diverged {
        /// Value of the loss.
        loss: f64,
        /// Epoch, from 0.
        epoch: usize,
        /// Batch of the epoch, from 0.
        batch: usize,
        /// Configured learning rate.
        learning_rate: f64,
    },
    /// A signal has ended the run.
    #[error(
        "signal {signal} has ended the run; it goes on from {} with train_hyp.resume=auto",
        checkpoint.display()
    )]
    Interrupted {
        /// Number of the signal.
        signal: u8,
        /// Folder of the checkpoint that was written.
        checkpoint: PathBuf,
    },
    /// A signal has ended a sweep.
    #[error(
        "signal {signal} has ended the sweep; it goes on with: bcs-trainer -m sweep.resume={}",
        folder.display()
    )]
    SweepInterrupted {
        /// Number of the signal.
        signal: u8,
        /// Folder of the sweep.
        folder: PathBuf,
    },
    /// Trials of a sweep have failed.
    #[error(
        "{failed} of {all} trials have failed; when the cause is removed, run them again with: bcs-trainer -m \
         sweep.resume={}",
        folder.display()
    )]
    Trials {
        /// Number of failed trials.
        failed: usize,
        /// Number of all trials.
        all: usize,
        /// Folder of the sweep.
        folder: PathBuf,
    },
    /// A run has failed after its first checkpoint.
    #[error(
        "{source}\nThe last checkpoint is {}; when the cause is removed, go on from it with train_hyp.resume=auto",
        checkpoint.display()
    )]
    Stopped {
        /// Why.
        source: Box<Error>,
        /// Folder of the last checkpoint.
        checkpoint: PathBuf,
    },
    /// The network cannot process the largest batch.
    #[error("{step} on {batch} tiles of {width}×{height} pixels fails: {source}; choose a smaller {key}")]
    DryRun {
        /// What was tried.
        step: &'static str,
        /// Number of tiles.
        batch: usize,
        /// Width of a tile in pixels.
        width: usize,
        /// Height of a tile in pixels.
        height: usize,
        /// Configuration key of the batch size.
        key: &'static str,
        /// What libtorch reported.
        source: bcs_model::Error,
    },
    /// The configuration cannot be composed or has invalid values.
    #[error(transparent)]
    Config(#[from] bcs_config::Error),
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] bcs_data::Error),
    /// A network, loss, weights file or package cannot be used.
    #[error(transparent)]
    Model(#[from] bcs_model::Error),
    /// A model cannot be opened or run.
    #[error(transparent)]
    Inference(#[from] bcs_inference::Error),
    /// The drift reference cannot be built.
    #[error(transparent)]
    Drift(#[from] bcs_drift::Error),
    /// The files of the tracking cannot be written.
    #[error(transparent)]
    Tracking(#[from] bcs_tracking::Error),
    /// A checkpoint or package could not be uploaded.
    #[error(
        "{target} cannot be uploaded: {source}\nAll of it is in {}; copy it with gcloud storage cp --recursive, metadata.json last",
        folder.display()
    )]
    Upload {
        /// Why.
        source: Box<Error>,
        /// Local folder, which is complete.
        folder: PathBuf,
        /// Location in the bucket.
        target: String,
    },
    /// A bucket cannot be used.
    #[error(transparent)]
    Storage(#[from] bcs_storage::Error),
    /// Data tracked by DVC cannot be pulled.
    #[error(transparent)]
    Dvc(#[from] bcs_dvc::Error),
    /// Processes that train together have lost one another.
    #[error(transparent)]
    Distributed(#[from] bcs_torch::distributed::Error),
    /// A process of a launch has failed.
    #[error("rank {rank} {how}")]
    Rank {
        /// Number of the process.
        rank: usize,
        /// How it ended.
        how: String,
        /// Its exit code.
        code: u8,
    },
    /// An error that has been printed.
    #[error("the error above ended this process")]
    Printed {
        /// Its exit code.
        code: u8,
    },
    /// A picture cannot be made.
    #[error(transparent)]
    Imaging(#[from] bcs_imaging::Error),
    /// A picture cannot be saved.
    #[error("a picture cannot be saved: {0}")]
    Picture(#[from] image::ImageError),
    /// A table cannot be written.
    #[error("CSV cannot be written: {0}")]
    Csv(#[from] csv::Error),
    /// JSON cannot be written.
    #[error("JSON cannot be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Result of the trainer's functions.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Exit code: 2 if the command line or the configuration must change; 128 and the number of the signal that has ended
    /// the run; 1 for all other failures.
    pub(crate) fn exit_code(&self) -> u8 {
        use bcs_data::Error as Data;
        use bcs_dvc::Error as Dvc;
        use bcs_model::Error as Model;
        match self {
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Interrupted { signal, .. } | Self::SweepInterrupted { signal, .. } => 128 + signal,
            Self::Stopped { source, .. } => source.exit_code(),
            Self::Rank { code, .. } | Self::Printed { code } => *code,
            Self::Storage(bcs_storage::Error::InvalidUri { .. }) => 2,
            Self::Dvc(Dvc::NoRepository(_) | Dvc::Target { .. } | Dvc::Config { .. }) => 2,
            Self::Data(
                Data::Folder { .. } | Data::LabelMap { .. } | Data::Split(_) | Data::Augmentation { .. },
            ) => 2,
            Self::Model(
                Model::UnknownNetwork { .. }
                | Model::Argument { .. }
                | Model::Device { .. }
                | Model::Exists { .. },
            ) => 2,
            _ => 1,
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Model(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_follow_the_type_of_the_error() {
        let problem = bcs_data::Problem { path: "a.png".into(), reason: "is damaged".to_owned() };
        let cases: [(Error, u8); 10] = [
            (Error::Usage("--slides is 0".to_owned()), 2),
            (bcs_config::yaml::parse("a: [", "a.yaml").unwrap_err().into(), 2),
            (bcs_data::Error::Split("nothing is held out".to_owned()).into(), 2),
            (bcs_data::Error::Files { problems: vec![problem] }.into(), 1),
            (bcs_model::device::parse("tpu").unwrap_err().into(), 2),
            (bcs_model::Error::Weights("missing model.0".to_owned()).into(), 1),
            (bcs_dvc::Error::NoRepository("data".into()).into(), 2),
            (bcs_dvc::Error::Objects(vec!["ab/cd is damaged".to_owned()]).into(), 1),
            (Error::Tiles("no valid pixels".to_owned()), 1),
            (std::io::Error::other("disk full").into(), 1),
        ];
        for (error, code) in cases {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }
}
