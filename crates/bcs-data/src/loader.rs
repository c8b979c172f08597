//! Training batches, made in the background. Their order and augmentation follow from the seed and the epoch alone,
//! whatever the number of threads.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Problem};
use crate::prefetch::Prefetch;
use crate::tiles::TileSet;
use crate::transforms::Augmentation;

/// Tiles of one size, concatenated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Number of tiles.
    pub len: usize,
    /// Height of the tiles in pixels.
    pub height: usize,
    /// Width of the tiles in pixels.
    pub width: usize,
    /// RGB bytes, `[len, height, width, 3]`.
    pub pixels: Vec<u8>,
    /// Class indices, `[len, height, width]`; [`bcs_contracts::IGNORE`] for ignored pixels.
    pub classes: Vec<u8>,
}

/// Options of a [`Loader`].
#[derive(Debug, Clone)]
pub struct LoaderOptions {
    /// Number of tiles in a batch; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// Number of threads that decode and augment; 0 is taken as 1.
    pub workers: usize,
    /// Seed of the order of the tiles and of their augmentation.
    pub seed: u64,
    /// Augmentation of the tiles.
    pub augmentation: Augmentation,
}

/// Is told what the threads of a [`Loader`] spend their time on: `load` (reading and decoding tiles) and `augment`.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// Takes note of an action of the current thread.
    fn observe(&self, action: &'static str, start: Instant, end: Instant);
}

/// Makes the batches of each epoch.
#[derive(Debug, Clone)]
pub struct Loader {
    tiles: Arc<TileSet>,
    options: LoaderOptions,
    observer: Option<Arc<dyn Observer>>,
}

impl Loader {
    /// Creates a loader of these tiles, which must all have the same size.
    ///
    /// # Errors
    /// [`Error::Files`] names every tile whose size differs from the first one's.
    pub fn new(tiles: Arc<TileSet>, options: LoaderOptions) -> Result<Self, Error> {
        let [height, width] = tiles.size(0);
        let different = (0..tiles.len()).filter(|index| tiles.size(*index) != [height, width]);
        let problems: Vec<_> = different
            .map(|index| Problem {
                path: tiles.pair(index).image.clone(),
                reason: format!(
                    "is {}×{} pixels, other training tiles {width}×{height}; cut all training tiles to one size",
                    tiles.size(index)[1],
                    tiles.size(index)[0]
                ),
            })
            .collect();
        if problems.is_empty() {
            Ok(Self { tiles, options, observer: None })
        } else {
            Err(Error::Files { problems })
        }
    }

    /// Tells an observer what the threads do.
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.tiles.len().div_ceil(self.options.batch_size)
    }

    /// Returns some batches of an epoch and starts making them.
    pub fn epoch(&self, epoch: u64, batches: Range<usize>) -> Prefetch<Batch> {
        let order = order(self.tiles.len(), self.options.seed, epoch);
        let loader = self.clone();
        let count = self.batches().min(batches.end).saturating_sub(batches.start);
        Prefetch::new(count, self.options.workers, move |batch| {
            loader.batch(batches.start + batch, epoch, &order)
        })
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
        let tiles = self.time("load", || {
            indices.iter().map(|index| self.tiles.get(*index)).collect::<Result<Vec<_>, _>>()
        })?;
        self.time("augment", || {
            for (index, tile) in indices.iter().zip(tiles) {
                let mut tile = Arc::unwrap_or_clone(tile);
                self.options.augmentation.apply(&mut tile, self.options.seed, epoch, *index as u64);
                result.pixels.extend_from_slice(&tile.pixels);
                result.classes.extend_from_slice(&tile.classes);
            }
        });
        Ok(result)
    }

    /// Runs `work` and tells the observer, if there is one.
    fn time<T>(&self, action: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        if let Some(observer) = &self.observer {
            observer.observe(action, start, Instant::now());
        }
        result
    }
}

/// Returns a permutation of `0..len` (Fisher–Yates) that follows from seed and epoch alone.
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
        let map = LabelMap::load("bcss-tumor", "data.label_map")?;
        Ok((root, Arc::new(TileSet::load(pairs, &map, u64::MAX, || ())?)))
    }

    fn options(workers: usize, augmentation: Augmentation) -> LoaderOptions {
        LoaderOptions { batch_size: 3, workers, seed: 7, augmentation }
    }

    #[test]
    fn batches_do_not_depend_on_the_number_of_workers() {
        let (_root, tiles) = tiles(&[8; 11]).unwrap();
        let run = |workers: usize, epoch: u64| -> Vec<Batch> {
            let loader = Loader::new(
                Arc::clone(&tiles),
                options(
                    workers,
                    Augmentation { flip: true, rot90: true, stain_scale: 0.5, ..Augmentation::none() },
                ),
            )
            .unwrap();
            loader.epoch(epoch, 0..usize::MAX).map(Result::unwrap).collect()
        };
        let one = run(1, 0);
        assert_eq!(one.iter().map(|batch| batch.len).collect::<Vec<_>>(), [3, 3, 3, 2]);
        for workers in [0, 2, 3, 9] {
            assert_eq!(run(workers, 0), one, "{workers} workers");
        }
        assert_ne!(run(2, 1), one);
    }

    #[test]
    fn an_epoch_has_every_tile_once_and_can_be_limited() {
        let (_root, tiles) = tiles(&[4; 10]).unwrap();
        let loader = Loader::new(tiles, options(2, Augmentation::none())).unwrap();
        let mut seen: Vec<u8> = loader
            .epoch(3, 0..usize::MAX)
            .flat_map(|batch| batch.unwrap().pixels.into_iter().step_by(48))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert_eq!(loader.epoch(3, 0..2).count(), 2);
        let batches = |range| loader.epoch(3, range).map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(batches(2..9), batches(0..9)[2..]);
        drop(loader.epoch(3, 0..usize::MAX));
    }

    #[test]
    fn tiles_of_different_sizes_are_errors() {
        let (_root, tiles) = tiles(&[8, 8, 9]).unwrap();
        let error = Loader::new(tiles, options(1, Augmentation::none())).unwrap_err().to_string();
        assert!(error.contains("02.png: is 9×9"), "{error}");
    }

    #[test]
    fn orders_are_permutations_that_depend_on_seed_and_epoch() {
        let mut first = order(100, 1, 0);
        assert_ne!(first, order(100, 1, 1));
        assert_ne!(first, order(100, 2, 0));
        first.sort_unstable();
        assert_eq!(first, (0..100).collect::<Vec<_>>());
    }
}
