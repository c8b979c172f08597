//! Tiles are packed, and streamed again.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use image::{GrayImage, Rgb, RgbImage};

use super::pack::pack;
use super::stream::{Damage, Source, Stream, StreamOptions};
use super::{Index, read};
use crate::error::{Error, Problem};
use crate::index::Pair;
use crate::loader::{Batch, LoaderOptions, Share, order};
use crate::transforms::{Augmentation, GaussianNoise};
use crate::{LabelMap, index};

/// Number of tiles, whose pixels have their numbers.
const TILES: usize = 23;

/// Shards in memory, of which the first reads may fail.
#[derive(Debug, Default)]
struct Memory {
    shards: Mutex<BTreeMap<String, Vec<u8>>>,
    reads: AtomicUsize,
    damaged_reads: AtomicUsize,
}

impl Source for Memory {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shards.lock().unwrap().get(name).cloned().ok_or("there is none")?;
        let left = |left: usize| left.checked_sub(1);
        if self.damaged_reads.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok() {
            shard.truncate(700);
        }
        Ok(shard)
    }
}

/// Writes the files of all tiles, of which the pixels have their number.
fn write_tiles(root: &Path) -> Vec<Pair> {
    let (images, masks) = (root.join("train"), root.join("train_mask"));
    std::fs::create_dir_all(&images).unwrap();
    std::fs::create_dir_all(&masks).unwrap();
    for number in 0..TILES {
        // Names of the predecessor's tiles have dots, which end a key in a shard.
        let name = format!("TCGA-A1-{number:04}_MPP-0.25.png");
        RgbImage::from_pixel(8, 6, Rgb([number as u8; 3])).save(images.join(&name)).unwrap();
        GrayImage::from_pixel(8, 6, image::Luma([1])).save(masks.join(&name)).unwrap();
    }
    index::pairs(&images, &masks).unwrap()
}

fn packed(shard_bytes: u64) -> (Arc<Memory>, Index) {
    let root = tempfile::tempdir().unwrap();
    let pairs = write_tiles(root.path());
    let memory = Memory::default();
    let write = |name: &str, content: Vec<u8>| -> Result<(), Error> {
        memory.shards.lock().unwrap().insert(name.to_owned(), content);
        Ok(())
    };
    let index = pack(&pairs, (shard_bytes, 5), write, || ()).unwrap();
    let index = Index::parse(&serde_json::to_vec(&index).unwrap(), "memory").unwrap();
    (Arc::new(memory), index)
}

fn options(batch_size: usize, share: Share, workers: usize) -> LoaderOptions {
    let noise = GaussianNoise { prob: 0.0, std_range: [0.1, 0.2] };
    let augmentation = Augmentation { gaussian_noise: noise, ..Augmentation::none() };
    LoaderOptions { batch_size, share, workers, seed: 3, augmentation }
}

fn stream(memory: &Arc<Memory>, index: &Index, loading: LoaderOptions, damage: Damage) -> Stream {
    let map = LabelMap::load("bcss-tumor", "data.label_map").unwrap();
    let source: Arc<dyn Source> = Arc::clone(memory) as _;
    let options = StreamOptions { buffer: 6, memory: 1_000_000, damage };
    Stream::new(source, Arc::new(index.clone()), &map, options, loading).unwrap()
}

/// Numbers of the tiles that count in batches.
fn numbers(batches: &[Batch]) -> Vec<u8> {
    let of = |batch: &Batch| {
        batch.pixels.iter().copied().step_by(8 * 6 * 3).take(batch.part.counted).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

fn all(stream: &Stream, epoch: u64, from: usize) -> Vec<Batch> {
    stream.epoch(epoch, from..usize::MAX).map(Result::unwrap).collect()
}

fn sorted(mut numbers: Vec<u8>) -> Vec<u8> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_tile_is_streamed_once_an_epoch_by_one_process() {
    let (memory, index) = packed(12_000);
    assert!(index.shards.len() > 2, "{index:?}");
    assert_eq!((index.tiles(), index.size), (TILES, [6, 8]));
    assert_eq!(index.codes, BTreeMap::from([(1, (TILES * 48) as u64)]));
    let expected: Vec<u8> = (0..TILES as u8).collect();
    for size in [1, 2, 3, 4] {
        let of = |rank: usize, epoch: u64| {
            let share = Share { rank, size };
            all(&stream(&memory, &index, options(4, share, 2), Damage::Stop), epoch, 0)
        };
        let batches: Vec<Vec<Batch>> = (0..size).map(|rank| of(rank, 0)).collect();
        assert!(batches.iter().all(|batches| batches.len() == 6), "processes differ in batches");
        assert_eq!(sorted(batches.iter().flat_map(|batches| numbers(batches)).collect()), expected);
        assert_ne!(numbers(&of(0, 1)), numbers(&batches[0]));
        for at in 0..6 {
            let counted: usize = batches.iter().map(|batches| batches[at].part.counted).sum();
            assert_eq!(counted, batches[0][at].part.total);
        }
    }
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads_and_go_on_where_they_stopped() {
    let (memory, index) = packed(8_000);
    let of = |workers| stream(&memory, &index, options(4, Share::WHOLE, workers), Damage::Stop);
    let whole = all(&of(1), 2, 0);
    for workers in [2, 3, 9] {
        assert_eq!(all(&of(workers), 2, 0), whole, "{workers} threads");
    }
    for from in 0..=6 {
        assert_eq!(all(&of(2), 2, from), whole[from..], "from batch {from}");
    }
    // Shards that are used up are not read again.
    memory.reads.store(0, Ordering::Relaxed);
    all(&of(1), 2, 5);
    assert!(memory.reads.load(Ordering::Relaxed) < index.shards.len());
}

#[test]
fn a_shard_is_read_again_until_it_is_whole() {
    let (memory, index) = packed(8_000);
    memory.damaged_reads.store(2, Ordering::Relaxed);
    let stream = stream(&memory, &index, options(4, Share::WHOLE, 2), Damage::Stop);
    assert_eq!(sorted(numbers(&all(&stream, 0, 0))), (0..TILES as u8).collect::<Vec<_>>());
}

static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn tell(problem: &Problem) {
    TOLD.lock().unwrap().push(problem.to_string());
}

#[test]
fn a_damaged_tile_is_named_and_ends_the_run_or_is_passed_over() {
    let (memory, index) = packed(8_000);
    let shard = &index.shards[1];
    let damaged = {
        let mut shards = memory.shards.lock().unwrap();
        let content = shards.get_mut(&shard.name).unwrap();
        let sample = read::samples(content).unwrap().remove(1);
        let at = content.windows(sample.image.len()).position(|window| window == sample.image).unwrap();
        content[at..at + sample.image.len()].fill(0);
        sample
    };
    let of = |damage| stream(&memory, &index, options(4, Share::WHOLE, 2), damage);
    let error = of(Damage::Stop).epoch(0, 0..6).find_map(Result::err).unwrap().to_string();
    let name = format!("memory/{}: image of {} ({}): ", shard.name, damaged.key, damaged.name);
    assert!(error.contains(&name) && damaged.name.starts_with("TCGA-A1-"), "{error}");

    let found = sorted(numbers(&all(&of(Damage::Skip(tell)), 0, 0)));
    assert_eq!(found.len(), TILES);
    let distinct: std::collections::BTreeSet<u8> = found.into_iter().collect();
    assert_eq!(distinct.len(), TILES - 1);
    assert!(TOLD.lock().unwrap().iter().any(|told| told.contains(&name)));
}

#[test]
fn a_shard_that_is_not_that_of_the_index_is_named() {
    let (memory, index) = packed(8_000);
    let name = index.shards[0].name.clone();
    // Behind the end of the tar file, so that all tiles can be decoded.
    memory.shards.lock().unwrap().get_mut(&name).unwrap().push(0);
    let stream = stream(&memory, &index, options(4, Share::WHOLE, 2), Damage::Stop);
    // Whichever thread meets the shard first.
    for _ in 0..50 {
        let error = stream.epoch(0, 0..6).find_map(Result::err).unwrap().to_string();
        assert!(error.contains(&format!("memory/{name}: has another size or checksum")), "{error}");
    }
}

#[test]
fn equal_tiles_give_equal_shards() {
    let ((one, index), (other, _)) = (packed(8_000), packed(8_000));
    assert_eq!(*one.shards.lock().unwrap(), *other.shards.lock().unwrap());
    for shard in &index.shards {
        let content = one.shards.lock().unwrap()[&shard.name].clone();
        assert_eq!((content.len() as u64, crc32c::crc32c(&content)), (shard.bytes, shard.crc32c));
    }
}

#[test]
fn packing_names_all_files_that_cannot_be_used() {
    let root = tempfile::tempdir().unwrap();
    let pairs = write_tiles(root.path());
    // The first one gives the size.
    let [_, flipped, cut, coloured, small, large, ..] = order(TILES, 5, 0)[..] else {
        panic!("too few tiles")
    };
    let mut bytes = fs::read(&pairs[flipped].image).unwrap();
    let pixels = bytes.windows(4).position(|window| window == b"IDAT").unwrap() + 8;
    bytes[pixels] ^= 1;
    fs::write(&pairs[flipped].image, &bytes).unwrap();
    let bytes = fs::read(&pairs[cut].image).unwrap();
    fs::write(&pairs[cut].image, &bytes[..bytes.len() / 2]).unwrap();
    RgbImage::new(8, 6).save(&pairs[coloured].mask).unwrap();
    GrayImage::new(8, 5).save(&pairs[small].mask).unwrap();
    RgbImage::new(9, 9).save(&pairs[large].image).unwrap();
    GrayImage::new(9, 9).save(&pairs[large].mask).unwrap();
    let steps = Cell::new(0);
    let progress = || steps.set(steps.get() + 1);
    let Err(Error::Files { problems }) = pack(&pairs, (8_000, 5), |_: &str, _| Ok::<_, Error>(()), progress)
    else {
        panic!("damaged files were packed")
    };
    let named: BTreeMap<&Path, &str> =
        problems.iter().map(|problem| (&*problem.path, &*problem.reason)).collect();
    let reason =
        |path: &Path| *named.get(path).unwrap_or_else(|| panic!("{} is not in {named:?}", path.display()));
    assert!(reason(&pairs[flipped].image).contains("damaged"), "{named:?}");
    assert!(reason(&pairs[cut].image).contains("damaged"), "{named:?}");
    assert!(reason(&pairs[coloured].mask).contains("RGB"), "{named:?}");
    assert!(reason(&pairs[small].mask).contains("is 8×5 pixels, its image 8×6"), "{named:?}");
    assert!(reason(Path::new(&pairs[large].name)).contains("is 9×9 pixels, other tiles 8×6"), "{named:?}");
    assert_eq!((named.len(), steps.get()), (5, TILES));
}

#[test]
fn packing_ends_when_a_shard_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let pairs = write_tiles(root.path());
    let write = |name: &str, _| match name {
        "tiles-000001.tar" => Err(Error::Split("the disk is full".to_owned())),
        _ => Ok(()),
    };
    let error = pack(&pairs, (8_000, 5), write, || ()).unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (memory, index) = packed(8_000);
    let map = LabelMap::load("bcss-tumor", "data.label_map").unwrap();
    let new = |memory_bytes: u64, loading: LoaderOptions| {
        let source: Arc<dyn Source> = Arc::clone(&memory) as _;
        let options = StreamOptions { buffer: 6, memory: memory_bytes, damage: Damage::Stop };
        Stream::new(source, Arc::new(index.clone()), &map, options, loading).unwrap_err().to_string()
    };
    let error = new(1000, options(4, Share::WHOLE, 1));
    assert!(error.contains("raise data.stream.memory_mb"), "{error}");
    let mut large = options(4, Share::WHOLE, 1);
    large.augmentation.crop.size = Some([7, 7]);
    assert!(new(1_000_000, large).contains("smaller than augmentation.crop.size"));
    let error = Index::parse(b"{}", "gs://bucket/tiles").unwrap_err().to_string();
    assert!(error.starts_with("gs://bucket/tiles/index.json: "), "{error}");
}
