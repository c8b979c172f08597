//! Shards from files.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use super::index::{Index, Shard};
use super::write::{Encoded, Open};
use crate::error::{Error, Problem};
use crate::index::Pair;
use crate::loader::order;
use crate::prefetch::Prefetch;
use crate::tiles::{self, verify_files};

/// Most shards that are being written while the next one is filled.
const WRITERS: usize = 2;

/// Name of a shard, by its number.
fn name_of(number: usize) -> String {
    format!("tiles-{number:06}.tar")
}

/// Packs tiles in shards of about `shard_bytes`, in an order that follows from the seed, so that each shard has tiles of many
/// slides. Files are copied as they are, after it has been checked that they can be used: images as
/// [`bcs_imaging::verify`] does, masks by decoding them, since their codes are counted. A few tiles for each core are in
/// memory, and up to three shards.
///
/// `write` gets the name and content of each shard, of up to two at a time on threads of their own; `progress` is called after
/// each tile.
///
/// # Errors
/// [`Error::Files`] names all files that cannot be used; [`Error::Shards`] if there are none; those of `write`.
pub fn pack<E: From<Error> + Send>(
    pairs: &[Pair],
    (shard_bytes, seed): (u64, u64),
    write: impl Fn(&str, Vec<u8>) -> Result<(), E> + Sync,
    progress: impl Fn(),
) -> Result<Index, E> {
    let mut filling = Filling::new(pairs, seed);
    let shards = thread::scope(|scope| {
        let (mut shards, mut writing) = (Vec::new(), VecDeque::new());
        while let Some(shard) = filling.fill(shard_bytes, &progress)? {
            if writing.len() == WRITERS {
                shards.extend(writing.pop_front().map(written).transpose()?);
            }
            let (number, write) = (shards.len() + writing.len(), &write);
            writing.push_back(scope.spawn(move || close(shard, number, write)));
        }
        for shard in writing {
            shards.push(written(shard)?);
        }
        Ok::<_, E>(shards)
    })?;
    let size = filling.size.ok_or_else(|| unpacked(&"there are no tiles"))?;
    Ok(Index::new(size, filling.codes, shards))
}

/// Completes a shard and writes it.
fn close<E: From<Error>>(
    open: Open,
    number: usize,
    write: impl Fn(&str, Vec<u8>) -> Result<(), E>,
) -> Result<Shard, E> {
    let tiles = open.tiles;
    let content = open.finish().map_err(|error| unpacked(&error))?;
    let name = name_of(number);
    let (bytes, crc32c) = (content.len() as u64, crc32c::crc32c(&content));
    write(&name, content)?;
    Ok(Shard { name, bytes, crc32c, tiles })
}

/// Waits for a shard to be written.
fn written<E>(writing: ScopedJoinHandle<'_, Result<Shard, E>>) -> Result<Shard, E> {
    writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Shards that are filled with checked tiles, one after the other.
struct Filling {
    checked: Prefetch<Result<Checked, Problem>>,
    /// Number of tiles so far.
    packed: usize,
    /// Height and width of the first tile.
    size: Option<[usize; 2]>,
    /// Number of pixels of each mask code so far.
    codes: BTreeMap<u8, u64>,
}

/// Encoded files of a tile, checked.
struct Checked {
    name: String,
    image: Encoded,
    mask: Encoded,
    size: [usize; 2],
    codes: BTreeMap<u8, u64>,
}

impl Filling {
    /// Starts to read and check tiles, on all cores.
    fn new(pairs: &[Pair], seed: u64) -> Self {
        let order = order(pairs.len(), seed, 0);
        let pairs: Arc<[Pair]> = order.into_iter().map(|index| pairs[index].clone()).collect();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let checked = Prefetch::new(pairs.len(), threads, move |at| Ok(check(&pairs[at])));
        Self { checked, packed: 0, size: None, codes: BTreeMap::new() }
    }

    /// Returns the next shard of about `bytes`; `None` if there are no more tiles.
    ///
    /// # Errors
    /// [`Error::Files`] with all files from here on that cannot be used.
    fn fill(&mut self, bytes: u64, progress: impl Fn()) -> Result<Option<Open>, Error> {
        let mut open = Open::new();
        let mut problems = Vec::new();
        while open.bytes() < bytes || !problems.is_empty() {
            let Some(tile) = self.checked.next() else { break };
            progress();
            match tile?.and_then(|tile| self.fitting(tile)) {
                Ok(tile) if problems.is_empty() => {
                    self.add(&tile, &mut open).map_err(|error| unpacked(&error))?;
                }
                // After a problem, the others are only checked.
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(Error::Files { problems });
        }
        Ok((open.tiles > 0).then_some(open))
    }

    /// Checks that a tile has the size of the first one.
    fn fitting(&mut self, tile: Checked) -> Result<Checked, Problem> {
        let [first_height, first_width] = *self.size.get_or_insert(tile.size);
        let [height, width] = tile.size;
        if tile.size == [first_height, first_width] {
            return Ok(tile);
        }
        let reason = format!(
            "is {width}×{height} pixels, other tiles {first_width}×{first_height}; cut all tiles to one size before they \
             are packed"
        );
        Err(Problem { path: tile.name.into(), reason })
    }

    fn add(&mut self, tile: &Checked, open: &mut Open) -> std::io::Result<()> {
        for (code, pixels) in &tile.codes {
            *self.codes.entry(*code).or_default() += pixels;
        }
        open.add(&format!("{:09}", self.packed), &tile.name, &tile.image, &tile.mask)?;
        self.packed += 1;
        Ok(())
    }
}

/// Reads the files of a tile and checks that they can be used.
fn check(pair: &Pair) -> Result<Checked, Problem> {
    let [image, mask] = tiles::read(pair)?;
    let decoded = verify_files(&image, &mask).map_err(|fault| fault.of(pair))?;
    let mut counts = [0_u64; 256];
    decoded.as_raw().iter().for_each(|code| counts[usize::from(*code)] += 1);
    let codes = (0..=u8::MAX).zip(counts).filter(|(_, pixels)| *pixels > 0).collect();
    let extension = |path: &Path| {
        path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
    };
    Ok(Checked {
        name: pair.name.clone(),
        image: (extension(&pair.image), image),
        mask: (extension(&pair.mask), mask),
        size: [decoded.height() as usize, decoded.width() as usize],
        codes,
    })
}

/// No shard can be made.
fn unpacked(reason: &impl Display) -> Error {
    Error::Shards { location: "pack".to_owned(), reason: reason.to_string() }
}
