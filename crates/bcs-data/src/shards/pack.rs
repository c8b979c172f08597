//! Shards from files.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use rayon::prelude::*;
use serde_json::json;
use tar::{Builder, Header};

use super::index::{Index, Shard};
use crate::error::{Error, Problem};
use crate::index::Pair;
use crate::loader::order;
use crate::tiles::{self, decode_files};

/// Number of tiles that are read together.
const CHUNK: usize = 256;

/// Name of a shard, by its number.
fn name_of(number: usize) -> String {
    format!("tiles-{number:06}.tar")
}

/// Encoded files of a tile, checked.
struct Checked {
    name: String,
    image: (String, Vec<u8>),
    mask: (String, Vec<u8>),
    size: [usize; 2],
    codes: BTreeMap<u8, u64>,
}

/// Packs tiles in shards of about `shard_bytes`, in an order that follows from the seed, so that each shard has tiles of many
/// slides. Files are copied as they are, after it has been checked that they decode. `write` gets the name and content of
/// each shard; `progress` is called after each tile.
///
/// # Errors
/// [`Error::Files`] names the files that cannot be used; [`Error::Shards`] if there are none; those of `write`.
pub fn pack<E: From<Error>>(
    pairs: &[Pair],
    (shard_bytes, seed): (u64, u64),
    mut write: impl FnMut(&str, Vec<u8>) -> Result<(), E>,
    progress: impl Fn() + Sync,
) -> Result<Index, E> {
    let order = order(pairs.len(), seed, 0);
    let (mut shards, mut codes, mut size) = (Vec::new(), BTreeMap::new(), None);
    let mut open = Open::new();
    let mut packed = 0;
    for chunk in order.chunks(CHUNK) {
        let checked: Vec<Result<Checked, Problem>> = chunk
            .par_iter()
            .map(|index| {
                let checked = check(&pairs[*index]);
                progress();
                checked
            })
            .collect();
        for tile in all(checked)? {
            let first = *size.get_or_insert(tile.size);
            if tile.size != first {
                return Err(misfit(&tile, first).into());
            }
            for (code, pixels) in &tile.codes {
                *codes.entry(*code).or_default() += pixels;
            }
            open.add(&format!("{packed:09}"), &tile).map_err(|error| unpacked(&error))?;
            packed += 1;
            if open.bytes() >= shard_bytes {
                shards.push(close(std::mem::replace(&mut open, Open::new()), shards.len(), &mut write)?);
            }
        }
    }
    if open.tiles > 0 {
        shards.push(close(open, shards.len(), &mut write)?);
    }
    let size = size.ok_or_else(|| unpacked(&"there are no tiles"))?;
    Ok(Index::new(size, codes, shards))
}

fn close<E: From<Error>>(
    open: Open,
    number: usize,
    write: &mut impl FnMut(&str, Vec<u8>) -> Result<(), E>,
) -> Result<Shard, E> {
    let tiles = open.tiles;
    let content = open.tar.into_inner().map_err(|error| unpacked(&error))?;
    let name = name_of(number);
    let (bytes, crc32c) = (content.len() as u64, crc32c::crc32c(&content));
    write(&name, content)?;
    Ok(Shard { name, bytes, crc32c, tiles })
}

/// A shard that is being written.
struct Open {
    tar: Builder<Vec<u8>>,
    tiles: usize,
}

impl Open {
    fn new() -> Self {
        Self { tar: Builder::new(Vec::new()), tiles: 0 }
    }

    fn bytes(&self) -> u64 {
        self.tar.get_ref().len() as u64
    }

    fn add(&mut self, key: &str, tile: &Checked) -> std::io::Result<()> {
        let (image, mask) = (&tile.image, &tile.mask);
        self.append(&format!("{key}.image.{}", image.0), &image.1)?;
        self.append(&format!("{key}.mask.{}", mask.0), &mask.1)?;
        self.append(&format!("{key}.json"), json!({"name": tile.name}).to_string().as_bytes())?;
        self.tiles += 1;
        Ok(())
    }

    /// Appends a file. Owner and time are left out, so that equal tiles give equal shards.
    fn append(&mut self, name: &str, content: &[u8]) -> std::io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, content)
    }
}

fn check(pair: &Pair) -> Result<Checked, Problem> {
    let [image, mask] = tiles::read(pair)?;
    let (decoded, decoded_mask) = decode_files(&image, &mask).map_err(|fault| fault.of(pair))?;
    let mut counts = [0_u64; 256];
    decoded_mask.as_raw().iter().for_each(|code| counts[usize::from(*code)] += 1);
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

/// Returns all tiles, or all problems.
fn all(checked: Vec<Result<Checked, Problem>>) -> Result<Vec<Checked>, Error> {
    let (tiles, problems): (Vec<_>, Vec<_>) = checked.into_iter().partition(Result::is_ok);
    let problems: Vec<Problem> = problems.into_iter().filter_map(Result::err).collect();
    if problems.is_empty() {
        Ok(tiles.into_iter().filter_map(Result::ok).collect())
    } else {
        Err(Error::Files { problems })
    }
}

/// No shard can be made.
fn unpacked(reason: &impl Display) -> Error {
    Error::Shards { location: "pack".to_owned(), reason: reason.to_string() }
}

fn misfit(tile: &Checked, first: [usize; 2]) -> Error {
    let ([height, width], [first_height, first_width]) = (tile.size, first);
    let reason = format!(
        "is {width}×{height} pixels, other tiles {first_width}×{first_height}; cut all tiles to one size before they are packed"
    );
    Error::Files { problems: vec![Problem { path: tile.name.clone().into(), reason }] }
}
