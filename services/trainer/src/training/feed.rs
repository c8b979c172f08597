//! Where the training batches come from.

use std::ops::Range;
use std::sync::Arc;

use bcs_data::loader::{Batch, Loader, LoaderOptions, Observer};
use bcs_data::prefetch::Prefetch;
use bcs_data::shards::Stream;
use bcs_data::shards::stream::{Damage, StreamOptions};
use bcs_data::{LabelMap, Problem};

use crate::config::{DataConfig, OnDamage};
use crate::error::Result;
use crate::output::warn;
use crate::remote::shards::Shards;

/// Where the training batches come from.
#[derive(Debug, Clone)]
pub(super) enum Feed {
    /// Files, all of which were checked before.
    Files(Box<Loader>),
    /// Shards, which stream.
    Shards(Box<Stream>),
}

/// Opens the shards of a configuration; `None` if it has none.
///
/// # Errors
/// [`crate::error::Error::Usage`] if there are none at their location; [`crate::error::Error::Data`];
/// [`crate::error::Error::Storage`].
pub(super) fn stream(config: &DataConfig, map: &LabelMap, loading: LoaderOptions) -> Result<Option<Stream>> {
    let Some(location) = &config.train_shards else { return Ok(None) };
    let (source, index) = Shards::open(location)?;
    let skip = |problem: &Problem| warn(&format!("a damaged tile is passed over: {problem}"));
    let options = StreamOptions {
        buffer: config.stream.buffer,
        memory: config.stream.memory_mb.saturating_mul(1_000_000),
        damage: match config.stream.on_damage {
            OnDamage::Stop => Damage::Stop,
            OnDamage::Skip => Damage::Skip(skip),
        },
    };
    Ok(Some(Stream::new(source, index, map, options, loading)?))
}

impl Feed {
    /// Tells an observer what the threads do.
    pub(super) fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        match self {
            Self::Files(loader) => Self::Files(Box::new(loader.observed_by(observer))),
            Self::Shards(stream) => Self::Shards(Box::new(stream.observed_by(observer))),
        }
    }

    fn options(&self) -> &LoaderOptions {
        match self {
            Self::Files(loader) => loader.options(),
            Self::Shards(stream) => stream.loading(),
        }
    }

    /// Height and width of the tiles of all batches in pixels.
    pub(super) fn size(&self) -> [usize; 2] {
        match self {
            Self::Files(loader) => loader.size(),
            Self::Shards(stream) => stream.size(),
        }
    }

    /// Number of tiles in an epoch, each as often as it is cropped.
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Files(loader) => loader.samples(),
            Self::Shards(stream) => stream.index().tiles(),
        }
    }

    /// Number of tiles in a batch of all processes.
    pub(super) fn batch_size(&self) -> usize {
        self.options().batch_size
    }

    /// Number of tiles in the largest batch of this process.
    pub(super) fn largest_batch(&self) -> usize {
        self.batch_size().min(self.samples()).div_ceil(self.options().share.size)
    }

    /// Whether tiles may be means of two.
    pub(super) fn mixes_up(&self) -> bool {
        self.options().augmentation.mixup.prob > 0.0
    }

    /// Number of batches in an epoch.
    pub(super) fn batches(&self) -> usize {
        self.samples().div_ceil(self.batch_size())
    }

    /// Returns some batches of an epoch and starts making them.
    pub(super) fn epoch(&self, epoch: u64, batches: Range<usize>) -> Prefetch<Batch> {
        match self {
            Self::Files(loader) => loader.epoch(epoch, batches),
            Self::Shards(stream) => stream.epoch(epoch, batches),
        }
    }
}
