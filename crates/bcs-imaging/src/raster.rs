//! An image to be segmented, in memory as a whole or in part.

use std::ops::Range;
use std::sync::Arc;

use image::RgbImage;

use crate::decode::Bands;
use crate::error::Error;

/// An image in RGB, of which some rows at a time are read.
#[derive(Debug)]
pub enum Raster {
    /// All pixels are in memory.
    Whole(RgbImage),
    /// Rows are decoded when they are read.
    Bands(Box<Bands>),
}

/// Rows of a raster: at least those that were asked for.
#[derive(Debug)]
pub enum Rows<'a> {
    /// All rows.
    Whole(&'a RgbImage),
    /// A band of them.
    Band {
        /// The rows.
        image: Arc<RgbImage>,
        /// The first of them.
        top: usize,
    },
}

impl Raster {
    /// Returns the height and width in pixels.
    pub fn size(&self) -> [usize; 2] {
        match self {
            Self::Whole(image) => [image.height() as usize, image.width() as usize],
            Self::Bands(bands) => bands.size(),
        }
    }

    /// Returns rows of the image. Those beyond its end are left out.
    ///
    /// # Errors
    /// Those of [`decode`](fn@crate::decode), for a band.
    pub fn rows(&self, rows: Range<usize>) -> Result<Rows<'_>, Error> {
        match self {
            Self::Whole(image) => Ok(Rows::Whole(image)),
            Self::Bands(bands) => bands.rows(rows),
        }
    }

    /// Returns the image with all pixels in memory.
    ///
    /// # Errors
    /// Those of [`rows`](Self::rows).
    pub fn into_whole(self) -> Result<RgbImage, Error> {
        match self {
            Self::Whole(image) => Ok(image),
            Self::Bands(bands) => bands.into_whole(),
        }
    }
}

impl From<RgbImage> for Raster {
    fn from(image: RgbImage) -> Self {
        Self::Whole(image)
    }
}

impl Rows<'_> {
    /// Returns the rows as an image.
    pub fn image(&self) -> &RgbImage {
        match self {
            Self::Whole(image) => image,
            Self::Band { image, .. } => image,
        }
    }

    /// Returns the row of the raster that is the first one of [`image`](Self::image).
    pub fn top(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Band { top, .. } => *top,
        }
    }
}
