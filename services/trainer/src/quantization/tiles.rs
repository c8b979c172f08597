//! Pixels of calibration tiles.

use std::path::Path;

use bcs_data::index;
use bcs_imaging::Limits;
use fs_err as fs;

use crate::error::{Error, Result};

/// Calibration tiles of one size.
pub(crate) struct CalibrationTiles {
    /// RGB pixels of each tile.
    pub pixels: Vec<Vec<u8>>,
    /// Height and width.
    pub size: [usize; 2],
}

impl CalibrationTiles {
    /// Reads up to `count` tiles, evenly spaced in the order of their names. They must have this size.
    ///
    /// # Errors
    /// [`Error::Data`] for a folder without images; [`Error::Usage`] for images of other sizes; [`Error::Imaging`].
    pub(crate) fn read(folder: &Path, count: usize, size: [usize; 2]) -> Result<Self> {
        let files = index::images(folder)?;
        let count = count.min(files.len());
        let chosen = (0..count).map(|index| &files[index * files.len() / count]);
        let pixels = chosen.map(|file| read(file, size)).collect::<Result<_>>()?;
        Ok(Self { pixels, size })
    }
}

fn read(file: &Path, [height, width]: [usize; 2]) -> Result<Vec<u8>> {
    let image = bcs_imaging::decode(&fs::read(file)?, Limits::default())?.rgb;
    let found = [image.height() as usize, image.width() as usize];
    if found != [height, width] {
        return Err(Error::Usage(format!(
            "{} has {}×{} pixels; calibration tiles must have the size of the training tiles, {width}×{height}",
            file.display(),
            found[1],
            found[0]
        )));
    }
    Ok(image.into_raw())
}
