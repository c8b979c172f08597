//! What is tracked.

use std::io::Cursor;
use std::time::SystemTime;

use bcs_contracts::TissueClass;
use bcs_contracts::package::ClassScores;
use image::{EncodableLayout, GrayImage, ImageBuffer, ImageFormat, PixelWithColorType, RgbImage};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::histogram::Histogram;

/// Description of a run, known when it starts.
#[derive(Debug, Clone)]
pub struct Run {
    /// Name of the run.
    pub name: String,
    /// The configuration, without secrets.
    pub config: Map<String, Value>,
    /// Classes of the model, by index.
    pub classes: Vec<TissueClass>,
    /// Index of the background class, which is not tinted in pictures.
    pub background: Option<usize>,
    /// Arguments of the command line, without secrets.
    pub arguments: Vec<String>,
    /// Git revision of the program or the working folder; empty if unknown.
    pub revision: String,
    /// Number of optimization steps before this process: 0 for a new run, else the run goes on after them.
    pub first_step: u64,
}

/// A record with its time.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Number of optimization steps taken.
    pub step: u64,
    /// When it was recorded.
    pub time: SystemTime,
    /// The record.
    pub record: Record,
}

impl Entry {
    /// Creates an entry of now.
    pub fn now(step: u64, record: Record) -> Self {
        Self { step, time: SystemTime::now(), record }
    }
}

/// What is tracked at one time.
#[derive(Debug, Clone)]
pub enum Record {
    /// An optimization step.
    Step(Step),
    /// An epoch.
    Epoch(Box<Epoch>),
    /// Tiles beside their ground truth and prediction.
    Pictures(Vec<Picture>),
    /// Distributions of parameters, by name.
    Histograms(Vec<(String, Histogram)>),
    /// Load of the machine, by the names of Weights & Biases, as `cpu`.
    System(Vec<(String, f64)>),
    /// A text in Markdown, with its tag.
    Text(String, String),
    /// Lines that the program has printed.
    Console(String),
}

/// Figures of an optimization step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Mean loss of the batches of the step.
    pub loss: f64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping, if it is computed.
    pub gradient_norm: Option<f64>,
}

/// Figures of an epoch.
#[derive(Debug, Clone)]
pub struct Epoch {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Mean loss over the training tiles.
    pub loss: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Score on the validation tiles.
    pub val_metric: f64,
    /// Scores per class on the validation tiles.
    pub classes: Vec<ClassScores>,
    /// Training tiles per second.
    pub images_per_second: f64,
    /// Share of the time of training in which the network waited for data, in [0, 1].
    pub data_wait_share: f64,
}

/// A tile with its ground truth and its prediction as class indices, all of one size.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Name of the tile.
    pub name: String,
    /// The tile.
    pub image: RgbImage,
    /// Ground truth.
    pub truth: GrayImage,
    /// Prediction.
    pub prediction: GrayImage,
}

/// Encodes a picture as PNG.
///
/// # Errors
/// [`crate::Error::Picture`].
pub(crate) fn png<P>(picture: &ImageBuffer<P, Vec<P::Subpixel>>) -> Result<Vec<u8>>
where
    P: PixelWithColorType,
    [P::Subpixel]: EncodableLayout,
{
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// Tag of [`Epoch::val_metric`], by the predecessor's name.
pub const VAL_METRIC: &str = "val_metric";

impl Step {
    /// Returns the figures with their tags.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let norm = self.gradient_norm.map(|norm| ("train/gradient_norm", norm));
        [("train/loss", self.loss), ("train/learning_rate", self.learning_rate)]
            .into_iter()
            .chain(norm)
            .map(|(tag, value)| (tag.to_owned(), value))
            .collect()
    }
}

impl Epoch {
    /// Returns the figures with their tags.
    pub fn scalars(&self) -> Vec<(String, f64)> {
        let mut scalars: Vec<(String, f64)> = [
            ("epoch", self.epoch as f64),
            (VAL_METRIC, self.val_metric),
            ("train/loss_epoch", self.loss),
            ("speed/images_per_second", self.images_per_second),
            ("speed/data_wait_share", self.data_wait_share),
        ]
        .map(|(tag, value)| (tag.to_owned(), value))
        .into();
        for class in &self.classes {
            scalars.extend(class.dice.map(|dice| (format!("val_dice/{}", class.name), dice)));
            scalars.extend(class.iou.map(|iou| (format!("val_iou/{}", class.name), iou)));
        }
        scalars
    }
}
