//! Tiles, decoded, checked and cached. All files are decoded once before training, in parallel, so that every file that
//! cannot be used is reported then and not hours later.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bcs_contracts::{IGNORE, origin};
use bcs_imaging::Limits;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::error::{Error, Problem};
use crate::index::Pair;
use crate::label_map::LabelMap;
use crate::mask;

/// Training regions may have any size that fits into memory.
const LIMITS: Limits = Limits { max_pixels: u64::MAX };

/// An image with the class of each pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// RGB bytes, `[height, width, 3]`.
    pub pixels: Vec<u8>,
    /// Class indices, `[height, width]`; [`IGNORE`] for ignored pixels.
    pub classes: Vec<u8>,
}

impl Tile {
    /// Returns the image.
    ///
    /// # Panics
    /// If the number of pixels is not that of width and height.
    pub fn to_image(&self) -> RgbImage {
        RgbImage::from_raw(self.width as u32, self.height as u32, self.pixels.clone())
            .expect("there are width × height × 3 bytes")
    }

    /// Returns the class indices as an image.
    ///
    /// # Panics
    /// If the number of classes is not that of width and height.
    pub fn to_mask(&self) -> GrayImage {
        GrayImage::from_raw(self.width as u32, self.height as u32, self.classes.clone())
            .expect("there are width × height classes")
    }

    /// A grey tile of ignored pixels.
    pub(crate) fn blank([height, width]: [usize; 2]) -> Self {
        let area = height * width;
        Self { width, height, pixels: vec![128; area * 3], classes: vec![IGNORE; area] }
    }

    fn bytes(&self) -> u64 {
        (self.pixels.len() + self.classes.len()) as u64
    }
}

/// A data set whose files have all been checked, in the order of its pairs.
#[derive(Debug)]
pub struct TileSet {
    pairs: Vec<Pair>,
    cache: Vec<Option<Arc<Tile>>>,
    sizes: Vec<[usize; 2]>,
    class_pixels: Vec<u64>,
    map: LabelMap,
}

impl TileSet {
    /// Decodes and checks all pairs, and caches as many as fit into `cache_bytes`. `progress` is called after each pair,
    /// from several threads.
    ///
    /// # Errors
    /// [`Error::Files`] names every file that cannot be decoded, every mask whose size differs from its image's or that
    /// has codes the label map does not have, and every mask that is not one 8-bit code per pixel, stored losslessly.
    pub fn load(
        pairs: Vec<Pair>,
        map: &LabelMap,
        cache_bytes: u64,
        progress: impl Fn() + Sync,
    ) -> Result<Self, Error> {
        let cached = AtomicU64::new(0);
        let checked: Vec<Result<Checked, Problem>> = pairs
            .par_iter()
            .map(|pair| {
                let tile = decode(pair, map);
                progress();
                let tile = tile?;
                let size = [tile.height, tile.width];
                let class_pixels = count(&tile.classes, map.classes().len());
                let bytes = tile.bytes();
                let keep = cached.fetch_add(bytes, Ordering::Relaxed) + bytes <= cache_bytes;
                Ok(Checked { size, class_pixels, tile: keep.then(|| Arc::new(tile)) })
            })
            .collect();
        let mut set = Self {
            cache: Vec::with_capacity(pairs.len()),
            sizes: Vec::with_capacity(pairs.len()),
            class_pixels: vec![0; map.classes().len()],
            map: map.clone(),
            pairs,
        };
        let mut problems = Vec::new();
        for result in checked {
            match result {
                Ok(checked) => set.push(checked),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(set) } else { Err(Error::Files { problems }) }
    }

    /// Takes over tiles with their names, as examples of a larger data set with this number of pixels of each class.
    pub fn of_examples(examples: Vec<(String, Tile)>, class_pixels: Vec<u64>, map: &LabelMap) -> Self {
        let pair = |name: &String| Pair { name: name.clone(), image: name.into(), mask: name.into() };
        Self {
            pairs: examples.iter().map(|(name, _)| pair(name)).collect(),
            sizes: examples.iter().map(|(_, tile)| [tile.height, tile.width]).collect(),
            cache: examples.into_iter().map(|(_, tile)| Some(Arc::new(tile))).collect(),
            class_pixels,
            map: map.clone(),
        }
    }

    fn push(&mut self, checked: Checked) {
        self.cache.push(checked.tile);
        self.sizes.push(checked.size);
        for (total, pixels) in self.class_pixels.iter_mut().zip(checked.class_pixels) {
            *total += pixels;
        }
    }

    /// Number of tiles.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no tiles.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Files of a tile.
    pub fn pair(&self, index: usize) -> &Pair {
        &self.pairs[index]
    }

    /// Height and width of a tile in pixels.
    pub fn size(&self, index: usize) -> [usize; 2] {
        self.sizes[index]
    }

    /// Number of pixels of each class over all tiles; ignored pixels are not counted.
    pub fn class_pixels(&self) -> &[u64] {
        &self.class_pixels
    }

    /// Number of cached tiles.
    pub fn cached(&self) -> usize {
        self.cache.iter().flatten().count()
    }

    /// Name of a tile: that of its file, without extension.
    pub fn name(&self, index: usize) -> &str {
        &self.pairs[index].name
    }

    /// Patient of a tile, if its file name states one.
    pub fn case(&self, index: usize) -> Option<String> {
        origin::case_of(&self.pairs[index].name)
    }

    /// Patients of all tiles whose file names state one.
    pub fn cases(&self) -> BTreeSet<String> {
        (0..self.len()).filter_map(|index| self.case(index)).collect()
    }

    /// Returns a tile, from the cache or from disk.
    ///
    /// # Errors
    /// [`Error::Files`] if the files have changed since they were checked.
    pub fn get(&self, index: usize) -> Result<Arc<Tile>, Error> {
        if let Some(tile) = &self.cache[index] {
            return Ok(Arc::clone(tile));
        }
        match decode(&self.pairs[index], &self.map) {
            Ok(tile) => Ok(Arc::new(tile)),
            Err(problem) => Err(Error::Files { problems: vec![problem] }),
        }
    }
}

struct Checked {
    size: [usize; 2],
    class_pixels: Vec<u64>,
    tile: Option<Arc<Tile>>,
}

fn decode(pair: &Pair, map: &LabelMap) -> Result<Tile, Problem> {
    let [image, mask] = read(pair)?;
    decode_bytes(&image, &mask, map).map_err(|fault| fault.of(pair))
}

/// Reads image and mask.
pub(crate) fn read(pair: &Pair) -> Result<[Vec<u8>; 2], Problem> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| Problem { path: path.to_owned(), reason: error.to_string() })
    };
    Ok([read(&pair.image)?, read(&pair.mask)?])
}

/// Why the files of a tile cannot be used.
pub(crate) struct Fault {
    /// Whether it is the mask, not the image.
    pub in_mask: bool,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Fault {
    fn of_image(error: &bcs_imaging::Error) -> Self {
        Self { in_mask: false, reason: error.to_string() }
    }

    /// Names the file.
    pub(crate) fn of(self, pair: &Pair) -> Problem {
        let path = if self.in_mask { &pair.mask } else { &pair.image };
        Problem { path: path.to_owned(), reason: self.reason }
    }
}

/// Decodes the files of a tile.
pub(crate) fn decode_bytes(image: &[u8], mask: &[u8], map: &LabelMap) -> Result<Tile, Fault> {
    let image = bcs_imaging::decode(image, LIMITS).map_err(|error| Fault::of_image(&error))?.rgb;
    let mut classes = decode_mask(mask, image.dimensions())?.into_raw();
    let (width, height) = (image.width() as usize, image.height() as usize);
    map.apply(&mut classes).map_err(|codes| Fault { in_mask: true, reason: map.lacks(&codes) })?;
    Ok(Tile { width, height, pixels: image.into_raw(), classes })
}

/// Checks the image of a tile, as [`bcs_imaging::verify`] does, and decodes its mask, which has the same size.
pub(crate) fn verify_files(image: &[u8], mask: &[u8]) -> Result<GrayImage, Fault> {
    decode_mask(mask, bcs_imaging::verify(image, LIMITS).map_err(|error| Fault::of_image(&error))?)
}

fn decode_mask(mask: &[u8], (width, height): (u32, u32)) -> Result<GrayImage, Fault> {
    let in_mask = |reason: String| Fault { in_mask: true, reason };
    let mask = mask::decode(mask, LIMITS).map_err(in_mask)?;
    let (mask_width, mask_height) = mask.dimensions();
    if (mask_width, mask_height) != (width, height) {
        return Err(in_mask(format!(
            "is {mask_width}×{mask_height} pixels, its image {width}×{height}; they must have the same size"
        )));
    }
    Ok(mask)
}

fn count(classes: &[u8], known: usize) -> Vec<u64> {
    let mut counts = [0u64; 256];
    for class in classes {
        counts[usize::from(*class)] += 1;
    }
    debug_assert!(known <= usize::from(IGNORE));
    counts[..known].to_vec()
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;
    use crate::index;

    fn folder(size: u32, mask_size: u32, code: u8) -> (tempfile::TempDir, Vec<Pair>) {
        let root = tempfile::tempdir().unwrap();
        for name in ["image", "mask"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        for index in 0..4u8 {
            let name = format!("T-A1-{index:04}.png");
            let image = RgbImage::from_pixel(size, size, Rgb([index; 3]));
            image.save(root.path().join("image").join(&name)).unwrap();
            let mask = GrayImage::from_fn(mask_size, mask_size, |x, _| Luma([if x == 0 { code } else { 1 }]));
            mask.save(root.path().join("mask").join(&name)).unwrap();
        }
        let pairs = index::pairs(&root.path().join("image"), &root.path().join("mask")).unwrap();
        (root, pairs)
    }

    #[test]
    fn the_cache_stays_within_its_budget_and_does_not_change_tiles() {
        let (_root, pairs) = folder(8, 8, 0);
        let map = LabelMap::load("bcss-5class", "--label-map").unwrap();
        let all = TileSet::load(pairs.clone(), &map, u64::MAX, || ()).unwrap();
        let two = TileSet::load(pairs, &map, 2 * 8 * 8 * 4 + 1, || ()).unwrap();
        assert_eq!((all.cached(), two.cached()), (4, 2));
        for index in 0..4 {
            assert_eq!(all.get(index).unwrap(), two.get(index).unwrap());
        }
        let tile = all.get(3).unwrap();
        assert_eq!((tile.pixels[0], tile.classes[0], tile.classes[1]), (3, IGNORE, 0));
        assert_eq!(all.class_pixels()[0], 4 * 7 * 8);
    }

    #[test]
    fn files_that_cannot_be_used_are_errors() {
        let map = LabelMap::load("bcss-tumor", "--label-map").unwrap();
        let (_root, pairs) = folder(8, 8, 9);
        let error = TileSet::load(pairs, &map, 0, || ()).unwrap_err().to_string();
        assert!(
            error.contains("4 files cannot be used")
                && error.contains("codes 9")
                && error.contains("--label-map"),
            "{error}"
        );
        let (_root, pairs) = folder(8, 9, 0);
        let error = TileSet::load(pairs, &map, 0, || ()).unwrap_err().to_string();
        assert!(error.contains("is 9×9 pixels, its image 8×8"), "{error}");
        let (_root, pairs) = folder(8, 8, 0);
        std::fs::write(&pairs[2].image, "not an image").unwrap();
        let error = TileSet::load(pairs.clone(), &map, 0, || ()).unwrap_err().to_string();
        assert!(error.contains(&pairs[2].image.display().to_string()), "{error}");
    }
}
