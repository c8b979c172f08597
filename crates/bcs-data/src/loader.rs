//! Training batches, made in the background. Their order and augmentation follow from the seed and the epoch alone,
//! whatever the number of threads.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Problem};
use crate::prefetch::Prefetch;
use crate::tiles::{Tile, TileSet};
use crate::transforms::{Augmentation, Balance};

/// Tiles of one size, concatenated.
#[derive(Debug, Clone, PartialEq)]
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
    /// Second classes, of tiles that are means of two.
    pub mixed: Option<Mixed>,
    /// Which part of a batch of several processes it is.
    pub part: Part,
}

/// Which part of a batch of several processes a [`Batch`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Number of its tiles that count: all; or none, if the batch has fewer tiles than there are processes. It then has a
    /// tile of another process, since all processes must take part in a step.
    pub counted: usize,
    /// Number of tiles of all processes.
    pub total: usize,
}

impl Part {
    /// The only part of a batch of `tiles`.
    pub fn whole(tiles: usize) -> Self {
        Self { counted: tiles, total: tiles }
    }

    /// Returns the weight of the mean over this part in the mean over all parts, in [0, 1].
    pub fn weight(self) -> f64 {
        self.counted as f64 / self.total as f64
    }
}

/// The process that a [`Loader`] makes batches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Number of the process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
}

impl Share {
    /// The share of the only process.
    pub const WHOLE: Self = Self { rank: 0, size: 1 };

    /// Returns the part of `0..count` that is this process's. The parts of all processes differ in length by at most one.
    pub fn of(self, count: usize) -> Range<usize> {
        let start = |rank: usize| count * rank / self.size;
        start(self.rank)..start(self.rank + 1)
    }
}

/// Second classes of the tiles of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed {
    /// Class indices, `[len, height, width]`.
    pub classes: Vec<u8>,
    /// Weight of the first classes in the loss, in [0, 1]; that of these is 1 less it.
    pub weight: f64,
}

/// Options of a [`Loader`].
#[derive(Debug, Clone)]
pub struct LoaderOptions {
    /// Number of tiles in a batch, of all processes together; the last batch of an epoch may have fewer.
    pub batch_size: usize,
    /// The process that batches are made for. Those of all processes together have each tile once an epoch.
    pub share: Share,
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
    /// Creates a loader of these tiles, which must all have the same size, or be at least as large as the crop.
    ///
    /// # Errors
    /// [`Error::Files`] names every tile whose size does not fit; [`Error::Augmentation`] if there are not as many weights as
    /// classes.
    pub fn new(tiles: Arc<TileSet>, options: LoaderOptions) -> Result<Self, Error> {
        check_balance(&options.augmentation, tiles.class_pixels().len())?;
        let problems: Vec<_> = (0..tiles.len())
            .filter_map(|index| {
                let reason = misfit(tiles.size(index), tiles.size(0), options.augmentation.crop.size)?;
                Some(Problem { path: tiles.pair(index).image.clone(), reason })
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

    /// Height and width of the tiles of all batches in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.options.augmentation.crop.size.unwrap_or_else(|| self.tiles.size(0))
    }

    /// Number of tiles in an epoch: all, each as often as it is cropped.
    pub fn samples(&self) -> usize {
        let crop = &self.options.augmentation.crop;
        self.tiles.len() * crop.size.map_or(1, |_| crop.num_samples)
    }

    /// Options.
    pub fn options(&self) -> &LoaderOptions {
        &self.options
    }

    /// Number of batches in an epoch.
    pub fn batches(&self) -> usize {
        self.samples().div_ceil(self.options.batch_size)
    }

    /// Returns some batches of an epoch and starts making them.
    pub fn epoch(&self, epoch: u64, batches: Range<usize>) -> Prefetch<Batch> {
        let order = order(self.samples(), self.options.seed, epoch);
        let loader = self.clone();
        let count = self.batches().min(batches.end).saturating_sub(batches.start);
        Prefetch::new(count, self.options.workers, move |batch| {
            loader.batch(batches.start + batch, epoch, &order)
        })
    }

    fn batch(&self, batch: usize, epoch: u64, order: &[usize]) -> Result<Batch, Error> {
        let LoaderOptions { batch_size, share, .. } = &self.options;
        let start = batch * batch_size;
        let all = &order[start..(start + batch_size).min(order.len())];
        let own = &all[share.of(all.len())];
        let part = Part { counted: own.len(), total: all.len() };
        let samples = if own.is_empty() { &all[..1] } else { own };
        let observer = self.observer.as_deref();
        let tiles = timed(observer, "load", || {
            let tile = |sample: &usize| Ok((*sample, self.tiles.get(sample % self.tiles.len())?));
            samples.iter().map(tile).collect::<Result<Vec<_>, Error>>()
        })?;
        let (options, size) = (&self.options, self.size());
        Ok(timed(observer, "augment", || assemble(&tiles, part, size, options, [epoch, batch as u64])))
    }
}

/// Augments tiles, which have their numbers in the epoch, and joins them to a batch.
pub(crate) fn assemble(
    tiles: &[(usize, Arc<Tile>)],
    part: Part,
    [height, width]: [usize; 2],
    options: &LoaderOptions,
    [epoch, batch]: [u64; 2],
) -> Batch {
    let LoaderOptions { share, seed, augmentation, .. } = options;
    let area = height * width;
    let mut result = Batch {
        len: tiles.len(),
        height,
        width,
        pixels: Vec::with_capacity(tiles.len() * area * 3),
        classes: Vec::with_capacity(tiles.len() * area),
        mixed: None,
        part,
    };
    for (sample, tile) in tiles {
        let tile = augmentation.apply(tile, *seed, epoch, *sample as u64);
        result.pixels.extend_from_slice(&tile.pixels);
        result.classes.extend_from_slice(&tile.classes);
    }
    // Tiles are mixed with those of the same process.
    augmentation.mix(&mut result, *seed, epoch, batch * share.size as u64 + share.rank as u64);
    result
}

/// Runs `work` and tells the observer, if there is one.
pub(crate) fn timed<T>(observer: Option<&dyn Observer>, action: &'static str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    if let Some(observer) = observer {
        observer.observe(action, start, Instant::now());
    }
    result
}

/// Checks that there are as many weights as classes.
pub(crate) fn check_balance(augmentation: &Augmentation, classes: usize) -> Result<(), Error> {
    match &augmentation.crop.balanced {
        Balance::Weights(weights) if weights.len() != classes => Err(Error::Augmentation {
            key: "crop.balanced".to_owned(),
            reason: format!("has {} weights, but the label map has {classes} classes", weights.len()),
        }),
        _ => Ok(()),
    }
}

/// Says why a tile cannot be in a batch with the first one.
pub(crate) fn misfit(size: [usize; 2], first: [usize; 2], crop: Option<[usize; 2]>) -> Option<String> {
    let [height, width] = size;
    match crop {
        None if size == first => None,
        None => Some(format!(
            "is {width}×{height} pixels, other training tiles {}×{}; cut all training tiles to one size, or crop them with \
             augmentation.crop.size",
            first[1], first[0]
        )),
        Some([crop_height, crop_width]) if height >= crop_height && width >= crop_width => None,
        Some([crop_height, crop_width]) => Some(format!(
            "is {width}×{height} pixels, smaller than augmentation.crop.size ({crop_width}×{crop_height}); remove the tile, \
             or choose a smaller crop"
        )),
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
    use crate::transforms::{Crop, CutMix, GaussianNoise, MixUp};
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
        LoaderOptions { batch_size: 3, share: Share::WHOLE, workers, seed: 7, augmentation }
    }

    /// Augmentation with random choices per tile and per batch, and two crops of each tile.
    fn crops(size: [usize; 2]) -> Augmentation {
        Augmentation {
            crop: Crop { size: Some(size), num_samples: 2, ..Crop::default() },
            gaussian_noise: GaussianNoise { prob: 0.5, std_range: [0.1, 0.2] },
            cutmix: CutMix { prob: 0.5, alpha: 1.0 },
            mixup: MixUp { prob: 0.5, alpha: 1.0 },
            ..Augmentation::none()
        }
    }

    #[test]
    fn batches_do_not_depend_on_the_number_of_workers() {
        let (_root, tiles) = tiles(&[8, 9, 8, 12, 8, 30]).unwrap();
        let run = |workers: usize, epoch: u64| -> Vec<Batch> {
            let loader = Loader::new(Arc::clone(&tiles), options(workers, crops([5, 8]))).unwrap();
            assert_eq!((loader.size(), loader.samples()), ([5, 8], 12));
            loader.epoch(epoch, 0..usize::MAX).map(Result::unwrap).collect()
        };
        let one = run(1, 0);
        assert_eq!(one.iter().map(|batch| batch.len).collect::<Vec<_>>(), [3, 3, 3, 3]);
        assert!(
            one.iter().any(|batch| batch.mixed.is_some()) && one.iter().any(|batch| batch.mixed.is_none())
        );
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
    fn processes_share_each_batch() {
        let (_root, tiles) = tiles(&[4; 10]).unwrap();
        let epoch = |rank: usize, size: usize| -> Vec<Batch> {
            let share = Share { rank, size };
            let options = LoaderOptions { batch_size: 4, share, ..options(2, Augmentation::none()) };
            let loader = Loader::new(Arc::clone(&tiles), options).unwrap();
            loader.epoch(3, 0..usize::MAX).map(Result::unwrap).collect()
        };
        let whole = epoch(0, 1);
        assert_eq!(whole.iter().map(|batch| batch.part).collect::<Vec<_>>(), [4, 4, 2].map(Part::whole));
        for size in [2, 3, 4] {
            let parts: Vec<Vec<Batch>> = (0..size).map(|rank| epoch(rank, size)).collect();
            for (at, batch) in whole.iter().enumerate() {
                let parts = || parts.iter().map(|batches| &batches[at]);
                let counted = |batch: &&Batch| batch.part.counted > 0;
                let pixels: Vec<u8> =
                    parts().filter(counted).flat_map(|part| part.pixels.iter().copied()).collect();
                assert_eq!(pixels, batch.pixels, "batch {at} of {size} processes");
                let weight: f64 = parts().map(|part| part.part.weight()).sum();
                assert!((weight - 1.0).abs() < 1e-12);
                assert!(parts().all(|part| part.len == part.part.counted.max(1)));
            }
        }
    }

    #[test]
    fn what_does_not_fit_the_crop_is_an_error() {
        let (_root, tiles) = tiles(&[8, 6, 9]).unwrap();
        let error = Loader::new(Arc::clone(&tiles), options(1, crops([8, 5]))).unwrap_err().to_string();
        assert!(
            error.contains("01.png: is 6×6 pixels, smaller than augmentation.crop.size (5×8)"),
            "{error}"
        );
        let mut weighted = crops([5, 5]);
        weighted.crop.balanced = Balance::Weights(vec![1.0; 3]);
        let error = Loader::new(tiles, options(1, weighted)).unwrap_err().to_string();
        assert_eq!(error, "augmentation.crop.balanced has 3 weights, but the label map has 2 classes");
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
