//! Training batches from shards, made in the background. Their order and augmentation follow from the seed and the epoch
//! alone, whatever the number of threads.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::index::Index;
use super::plan::{Batches, Piece, plan};
use super::read::{Sample, samples};
use super::sequencer::Sequencer;
use crate::error::{Error, Problem};
use crate::label_map::LabelMap;
use crate::loader::{Batch, LoaderOptions, Observer, Part, assemble, check_balance, misfit, timed};
use crate::prefetch::{DEPTH, Prefetch};
use crate::tiles::{Tile, decode_bytes};

/// Number of times that a shard is read until its checksum fits.
const ATTEMPTS: usize = 3;

/// Most threads that read shards.
const READERS: usize = 8;

/// Where shards are.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Location of the shards, for messages.
    fn location(&self) -> String;

    /// Reads a shard.
    ///
    /// # Errors
    /// What is wrong with the location; it has been tried again where that may help.
    fn read(&self, name: &str) -> Result<Vec<u8>, String>;
}

/// What happens when a tile is damaged.
#[derive(Debug, Clone)]
pub enum Damage {
    /// The run ends.
    Stop,
    /// Another tile of its batch takes its place, and this is told.
    Skip(fn(&Problem)),
}

/// Options of a [`Stream`].
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// Number of tiles that are shuffled together.
    pub buffer: usize,
    /// Memory for shards that are read ahead, in bytes.
    pub memory: u64,
    /// What happens when a tile is damaged.
    pub damage: Damage,
}

/// Makes the batches of each epoch from shards.
#[derive(Debug, Clone)]
pub struct Stream {
    source: Arc<dyn Source>,
    pub(super) index: Arc<Index>,
    map: LabelMap,
    pub(super) options: StreamOptions,
    loading: LoaderOptions,
    observer: Option<Arc<dyn Observer>>,
}

/// An encoded tile of a batch.
pub(super) struct Encoded {
    /// Its shard.
    pub shard: usize,
    /// Its number in the data set.
    pub number: usize,
    /// Its files.
    pub sample: Result<Sample, Problem>,
}

impl Stream {
    /// Creates a stream of the shards of an index.
    ///
    /// # Errors
    /// [`Error::Shards`] if the memory is too small; [`Error::Augmentation`] for what only files allow;
    /// [`Error::LabelMap`] if the map does not have a code of the masks.
    pub fn new(
        source: Arc<dyn Source>,
        index: Arc<Index>,
        map: &LabelMap,
        options: StreamOptions,
        loading: LoaderOptions,
    ) -> Result<Self, Error> {
        let needed = index.largest() * (DEPTH as u64 + 2);
        if options.memory < needed {
            let reason = format!(
                "shards of up to {} MB need at least {} MB; raise data.stream.memory_mb, or pack smaller shards",
                index.largest().div_ceil(1_000_000),
                needed.div_ceil(1_000_000)
            );
            return Err(Error::Shards { location: source.location(), reason });
        }
        let crop = &loading.augmentation.crop;
        if crop.num_samples > 1 && crop.size.is_some() {
            return Err(Error::Augmentation {
                key: "crop.num_samples".to_owned(),
                reason: "must be 1 for tiles that are streamed from shards".to_owned(),
            });
        }
        check_balance(&loading.augmentation, index.class_pixels(map)?.len())?;
        if let Some(reason) = misfit(index.size, index.size, crop.size) {
            return Err(Error::Shards { location: source.location(), reason });
        }
        Ok(Self { source, index, map: map.clone(), options, loading, observer: None })
    }

    /// Tells an observer what the threads do.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// What is in the shards.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Options of the batches.
    pub fn loading(&self) -> &LoaderOptions {
        &self.loading
    }

    /// Height and width of the tiles of all batches in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.loading.augmentation.crop.size.unwrap_or(self.index.size)
    }

    /// Decodes some tiles of the first shards, evenly from each; `most` in all.
    ///
    /// # Errors
    /// As those of batches.
    pub fn examples(&self, most: usize) -> Result<Vec<(String, Tile)>, Error> {
        let shards = self.index.shards.len().min(READERS);
        let of_each = most.div_ceil(shards);
        let stream = self.clone();
        let pieces = Prefetch::new(shards, self.readers(), move |shard| {
            stream.read(&Piece { shard, tiles: 0..stream.index.shards[shard].tiles.min(of_each) })
        });
        let mut examples = Vec::new();
        for (shard, samples) in pieces.enumerate() {
            for sample in samples? {
                match sample.and_then(|sample| self.decode(shard, sample)) {
                    Ok(example) => examples.push(example),
                    Err(problem) => self.damaged(problem)?,
                }
            }
        }
        examples.truncate(most);
        Ok(examples)
    }

    /// Number of threads that read shards, within the memory.
    pub(super) fn readers(&self) -> usize {
        // Each keeps shards ready, has one in the making, and one is in use.
        let each = (self.index.largest() * (DEPTH as u64 + 2)).max(1);
        usize::try_from(self.options.memory / each).unwrap_or(READERS).clamp(1, READERS)
    }

    pub(super) fn batches(&self) -> Batches {
        let LoaderOptions { batch_size, share, .. } = self.loading;
        Batches { tiles: self.index.tiles(), size: batch_size, share }
    }

    /// Returns some batches of an epoch and starts making them.
    pub fn epoch(&self, epoch: u64, range: Range<usize>) -> Prefetch<Batch> {
        let batches = self.batches();
        let range = range.start..range.end.min(batches.count()).max(range.start);
        let counts: Vec<usize> = self.index.shards.iter().map(|shard| shard.tiles).collect();
        let plan = plan(&counts, batches, self.options.buffer, self.loading.seed, epoch);
        let sequencer = Arc::new(Mutex::new(Sequencer::new(self.clone(), plan, range.clone())));
        let stream = self.clone();
        Prefetch::new(range.len(), self.loading.workers, move |at| {
            let batch = range.start + at;
            let encoded = sequencer.lock().unwrap_or_else(PoisonError::into_inner).take(batch)?;
            stream.batch(batch, epoch, encoded)
        })
    }

    fn batch(&self, batch: usize, epoch: u64, encoded: Vec<Encoded>) -> Result<Batch, Error> {
        let batches = self.batches();
        let part = Part { counted: encoded.len(), total: batches.total(batch) };
        let observer = self.observer.as_deref();
        let mut tiles = timed(observer, "load", || self.decode_all(encoded))?;
        if tiles.is_empty() {
            tiles.push((0, Arc::new(Tile::blank(self.index.size))));
        }
        let (loading, size) = (&self.loading, self.size());
        Ok(timed(observer, "augment", || assemble(&tiles, part, size, loading, [epoch, batch as u64])))
    }

    /// Decodes the tiles of a batch; a sound one takes the place of one that is damaged.
    fn decode_all(&self, encoded: Vec<Encoded>) -> Result<Vec<(usize, Arc<Tile>)>, Error> {
        let mut tiles = Vec::with_capacity(encoded.len());
        for Encoded { shard, number, sample } in encoded {
            match sample.and_then(|sample| self.decode(shard, sample)) {
                Ok((_, tile)) => tiles.push((number, Some(Arc::new(tile)))),
                Err(problem) => {
                    self.damaged(problem)?;
                    tiles.push((number, None));
                }
            }
        }
        let sound: Vec<Arc<Tile>> = tiles.iter().filter_map(|(_, tile)| tile.clone()).collect();
        if sound.is_empty() && !tiles.is_empty() {
            let reason = "all tiles of a batch are damaged".to_owned();
            return Err(Error::Shards { location: self.source.location(), reason });
        }
        let in_place = |(at, (number, tile)): (usize, (usize, Option<Arc<Tile>>))| {
            (number, tile.unwrap_or_else(|| Arc::clone(&sound[at % sound.len()])))
        };
        Ok(tiles.into_iter().enumerate().map(in_place).collect())
    }

    fn damaged(&self, problem: Problem) -> Result<(), Error> {
        match self.options.damage {
            Damage::Stop => Err(Error::Files { problems: vec![problem] }),
            Damage::Skip(tell) => {
                tell(&problem);
                Ok(())
            }
        }
    }

    fn decode(&self, shard: usize, sample: Sample) -> Result<(String, Tile), Problem> {
        let tile = decode_bytes(&sample.image, &sample.mask, &self.map).map_err(|fault| {
            let what = if fault.in_mask { "mask" } else { "image" };
            let path = format!("{}: {what} of {} ({})", self.path(shard), sample.key, sample.name).into();
            Problem { path, reason: fault.reason }
        })?;
        if [tile.height, tile.width] != self.index.size {
            let path = format!("{}: {} ({})", self.path(shard), sample.key, sample.name).into();
            return Err(Problem { path, reason: "does not have the size that the index states".to_owned() });
        }
        Ok((sample.name, tile))
    }

    fn path(&self, shard: usize) -> String {
        format!("{}/{}", self.source.location(), self.index.shards[shard].name)
    }

    /// Reads a part of a shard. What is missing in a damaged shard is damaged tiles.
    pub(super) fn read(&self, piece: &Piece) -> Result<Vec<Result<Sample, Problem>>, Error> {
        let shard = &self.index.shards[piece.shard];
        let unread = |reason: String| Error::Shards { location: self.path(piece.shard), reason };
        let mut attempt = 1;
        let (content, is_intact) = loop {
            let content = self.source.read(&shard.name).map_err(unread)?;
            let is_intact = content.len() as u64 == shard.bytes && crc32c::crc32c(&content) == shard.crc32c;
            if is_intact || attempt == ATTEMPTS {
                break (content, is_intact);
            }
            attempt += 1;
        };
        let (found, reason) = match samples(&content) {
            Ok(found) => (found, "is missing in the shard".to_owned()),
            Err((found, reason)) => (found, format!("cannot be read: {reason}")),
        };
        // Tiles that cannot be decoded are named when their batch is made.
        let sound = || found.iter().all(|sample| self.decode(piece.shard, sample.clone()).is_ok());
        if !is_intact && found.len() == shard.tiles && sound() {
            let reason = "has another size or checksum than the index states, but tiles that can be decoded; pack anew";
            self.damaged(Problem { path: self.path(piece.shard).into(), reason: reason.to_owned() })?;
        }
        let mut found = found.into_iter();
        let tile = |at: usize| {
            let path = || format!("{}: tile {at}", self.path(piece.shard)).into();
            found.next().ok_or_else(|| Problem { path: path(), reason: reason.clone() })
        };
        let mut tiles: Vec<_> = (0..shard.tiles).map(tile).collect();
        tiles.truncate(piece.tiles.end);
        Ok(tiles.split_off(piece.tiles.start))
    }
}
