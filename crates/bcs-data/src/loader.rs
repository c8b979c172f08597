//! Batches in the background, in an order that follows from the seed and the epoch alone, whatever the number
//! of workers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Error;
use crate::tiles::TileSet;
use crate::transforms::Augmentation;

/// Batches that each worker keeps ready.
const PREFETCH: usize = 2;

/// Tiles of one size, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Tiles.
    pub len: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// RGB, tile by tile, row by row.
    pub pixels: Vec<u8>,
    /// Class indices, tile by tile, row by row; [`crate::label_map::IGNORE`] where nobody judged.
    pub classes: Vec<u8>,
}

/// How tiles become batches.
#[derive(Debug, Clone)]
pub struct LoaderOptions {
    /// Tiles in a batch; the last of an epoch may have fewer.
    pub batch_size: usize,
    /// Threads that decode and augment, at least one.
    pub workers: usize,
    /// What all random choices follow from.
    pub seed: u64,
    /// What happens to a tile.
    pub augmentation: Augmentation,
}

/// Makes the batches of every epoch.
#[derive(Debug, Clone)]
pub struct Loader {
    tiles: Arc<TileSet>,
    options: LoaderOptions,
}

impl Loader {
    /// A loader of these tiles, which must all be of one size.
    ///
    /// # Errors
    /// [`Error::Files`] naming every tile of another size than the first.
    pub fn new(tiles: Arc<TileSet>, options: LoaderOptions) -> Result<Self, Error> {
        let [height, width] = tiles.size(0);
        let other = (0..tiles.len()).filter(|index| tiles.size(*index) != [height, width]);
        let problems: Vec<_> = other
            .map(|index| crate::Problem {
                path: tiles.pair(index).image.clone(),
                reason: format!(
                    "is {}×{} pixels where others are {width}×{height}; training needs tiles of one size",
                    tiles.size(index)[1],
                    tiles.size(index)[0]
                ),
            })
            .collect();
        if problems.is_empty() { Ok(Self { tiles, options }) } else { Err(Error::Files { problems }) }
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        self.tiles.len().div_ceil(self.options.batch_size)
    }

    /// Starts the workers on the first `limit` batches of an epoch; they stop when the iterator is dropped.
    pub fn epoch(&self, epoch: u64, limit: usize) -> Batches {
        let order = Arc::new(order(self.tiles.len(), self.options.seed, epoch));
        let count = self.batches().min(limit);
        let workers = self.options.workers.clamp(1, count.max(1));
        let queues = (0..workers).map(|first| self.start(first, workers, count, epoch, &order)).collect();
        Batches { queues, next: 0, count }
    }

    /// A worker makes every `step`-th batch; the reader takes them in turn, so no one need be sorted.
    fn start(
        &self,
        first: usize,
        step: usize,
        count: usize,
        epoch: u64,
        order: &Arc<Vec<usize>>,
    ) -> Receiver<Result<Batch, Error>> {
        let (sender, receiver) = sync_channel(PREFETCH);
        let (loader, order) = (self.clone(), Arc::clone(order));
        thread::spawn(move || {
            for batch in (first..count).step_by(step) {
                // The reader is gone: so is the epoch.
                if sender.send(loader.batch(batch, epoch, &order)).is_err() {
                    break;
                }
            }
        });
        receiver
    }

    fn batch(&self, batch: usize, epoch: u64, order: &[usize]) -> Result<Batch, Error> {
        let start = batch * self.options.batch_size;
        let indices = &order[start..(start + self.options.batch_size).min(order.len())];
        let [height, width] = self.tiles.size(0);
        let area = height * width;
        let mut result = Batch {
            len: indices.len(),
            height,
            width,
            pixels: Vec::with_capacity(indices.len() * area * 3),
            classes: Vec::with_capacity(indices.len() * area),
        };
        for index in indices {
            let mut tile = self.tiles.get(*index)?.as_ref().clone();
            self.options.augmentation.apply(&mut tile, self.options.seed, epoch, *index as u64);
            result.pixels.extend_from_slice(&tile.pixels);
            result.classes.extend_from_slice(&tile.classes);
        }
        Ok(result)
    }
}

/// The batches of one epoch.
#[derive(Debug)]
pub struct Batches {
    queues: Vec<Receiver<Result<Batch, Error>>>,
    next: usize,
    count: usize,
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        let queue = &self.queues[self.next % self.queues.len()];
        self.next += 1;
        // A worker ends early only by a panic, which it has printed.
        queue.recv().ok()
    }
}

/// A permutation of `0..len` that follows from seed and epoch alone (Fisher and Yates).
pub fn order(len: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
    bytes[24..].copy_from_slice(b"order\0\0\0");
    let mut random = ChaCha8Rng::from_seed(bytes);
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, random.random_range(0..=last));
    }
    order
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb, RgbImage};

    use super::*;
    use crate::{LabelMap, index};

    fn tiles(sizes: &[u32]) -> Result<(tempfile::TempDir, Arc<TileSet>), Error> {
        let root = tempfile::tempdir().unwrap();
        let (images, masks) = (root.path().join("train"), root.path().join("train_mask"));
        std::fs::create_dir_all(&images).unwrap();
        std::fs::create_dir_all(&masks).unwrap();
        for (index, size) in sizes.iter().enumerate() {
            let name = format!("{index:02}.png");
            RgbImage::from_pixel(*size, *size, Rgb([index as u8; 3])).save(images.join(&name)).unwrap();
            GrayImage::new(*size, *size).save(masks.join(&name)).unwrap();
        }
        let pairs = index::pairs(&images, &masks)?;
        let map = LabelMap::load("bcss-tumor")?;
        Ok((root, Arc::new(TileSet::load(pairs, &map, u64::MAX, || ())?)))
    }

    fn options(workers: usize, augmentation: Augmentation) -> LoaderOptions {
        LoaderOptions { batch_size: 3, workers, seed: 7, augmentation }
    }

    #[test]
    fn the_number_of_workers_changes_nothing() {
        let (_root, tiles) = tiles(&[8; 11]).unwrap();
        let run = |workers: usize, epoch: u64| -> Vec<Batch> {
            let loader = Loader::new(Arc::clone(&tiles), options(workers, Augmentation::default())).unwrap();
            loader.epoch(epoch, usize::MAX).map(Result::unwrap).collect()
        };
        let one = run(1, 0);
        assert_eq!(one.iter().map(|batch| batch.len).collect::<Vec<_>>(), [3, 3, 3, 2]);
        for workers in [0, 2, 3, 9] {
            assert_eq!(run(workers, 0), one, "{workers} workers");
        }
        assert_ne!(run(2, 1), one);
    }

    #[test]
    fn an_epoch_sees_every_tile_once_and_can_be_cut_short() {
        let (_root, tiles) = tiles(&[4; 10]).unwrap();
        let loader = Loader::new(tiles, options(2, Augmentation::none())).unwrap();
        let mut seen: Vec<u8> = loader
            .epoch(3, usize::MAX)
            .flat_map(|batch| batch.unwrap().pixels.into_iter().step_by(48))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert_eq!(loader.epoch(3, 2).count(), 2);
        drop(loader.epoch(3, usize::MAX));
    }

    #[test]
    fn tiles_of_another_size_are_named() {
        let (_root, tiles) = tiles(&[8, 8, 9]).unwrap();
        let error = Loader::new(tiles, options(1, Augmentation::none())).unwrap_err().to_string();
        assert!(error.contains("02.png: is 9×9"), "{error}");
    }

    #[test]
    fn orders_are_permutations_that_differ_by_epoch() {
        let mut first = order(100, 1, 0);
        assert_ne!(first, order(100, 1, 1));
        assert_ne!(first, order(100, 2, 0));
        first.sort_unstable();
        assert_eq!(first, (0..100).collect::<Vec<_>>());
    }
}
