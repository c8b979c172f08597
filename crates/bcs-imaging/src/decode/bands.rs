//! A large TIFF of which only the rows in use are in memory.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use image::RgbImage;

use super::into_rgb;
use super::tiff::Tiff;
use crate::error::Error;
use crate::raster::Rows;

/// Number of bands in memory: one for each of two threads at the border of two rows of windows, and the next one.
pub(super) const BANDS: usize = 3;

/// A TIFF whose rows are decoded when they are read, strip by strip or tile by tile. It keeps the last bands, so that
/// readers that proceed from top to bottom decode little more than once.
#[derive(Debug)]
pub struct Bands {
    size: [usize; 2],
    /// Height of a strip or tile.
    chunk_rows: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tiff: Tiff<Bytes>,
    bands: VecDeque<Band>,
}

#[derive(Debug, Clone)]
struct Band {
    rows: Range<usize>,
    image: Arc<RgbImage>,
}

impl Bands {
    /// Creates a reader of an upright image.
    pub(super) fn new(tiff: Tiff<Bytes>) -> Self {
        let (size, [chunk_rows, _]) = (tiff.size(), tiff.chunk());
        Self { size, chunk_rows, state: Mutex::new(State { tiff, bands: VecDeque::new() }) }
    }

    pub(crate) fn size(&self) -> [usize; 2] {
        self.size
    }

    pub(crate) fn rows(&self, rows: Range<usize>) -> Result<Rows<'_>, Error> {
        let end = rows.end.next_multiple_of(self.chunk_rows).min(self.size[0]);
        let rows = rows.start / self.chunk_rows * self.chunk_rows..end;
        let Band { rows, image } = self.state.lock().unwrap_or_else(PoisonError::into_inner).band(rows)?;
        Ok(Rows::Band { image, top: rows.start })
    }

    pub(crate) fn into_whole(self) -> Result<RgbImage, Error> {
        let tiff = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).tiff;
        Ok(into_rgb(tiff.image()?))
    }
}

impl State {
    /// Returns a band that has whole strips or tiles.
    fn band(&mut self, rows: Range<usize>) -> Result<Band, Error> {
        let known = |band: &&Band| band.rows.start <= rows.start && rows.end <= band.rows.end;
        if let Some(band) = self.bands.iter().find(known) {
            return Ok(band.clone());
        }
        let band = Band { image: Arc::new(self.read(rows.clone())?), rows };
        if self.bands.len() == BANDS {
            self.bands.pop_front();
        }
        self.bands.push_back(band.clone());
        Ok(band)
    }

    fn read(&mut self, rows: Range<usize>) -> Result<RgbImage, Error> {
        let ([_, width], [chunk_rows, chunk_columns]) = (self.tiff.size(), self.tiff.chunk());
        let mut image = RgbImage::new(width as u32, rows.len() as u32);
        for top in rows.clone().step_by(chunk_rows) {
            let bottom = (top + chunk_rows).min(rows.end);
            let known = self.bands.iter().find(|band| band.rows.start <= top && bottom <= band.rows.end);
            if let Some(band) = known {
                copy(&band.image, top - band.rows.start, &mut image, [top - rows.start, 0], bottom - top);
                continue;
            }
            for (column, left) in (0..width).step_by(chunk_columns).enumerate() {
                let chunk = into_rgb(self.tiff.chunk_image(top / chunk_rows, column)?);
                copy(&chunk, 0, &mut image, [top - rows.start, left], bottom - top);
            }
        }
        Ok(image)
    }
}

/// Copies rows from `top` on to a place (row, column) of another image, which is at least as wide from there on.
fn copy(from: &RgbImage, top: usize, to: &mut RgbImage, [y, x]: [usize; 2], rows: usize) {
    let (from_stride, to_stride) = (from.width() as usize * 3, to.width() as usize * 3);
    let source = from.as_raw().chunks_exact(from_stride).skip(top);
    let target = to.chunks_exact_mut(to_stride).skip(y);
    for (source, target) in source.zip(target).take(rows) {
        target[x * 3..][..from_stride].copy_from_slice(source);
    }
}
