//! Best and worst tiles, each with its ground truth and its prediction.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bcs_contracts::TissueClass;
use bcs_data::Tile;
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, RgbImage};
use maud::{Markup, html};

use crate::error::Result;
use crate::output::sheet::{Example, palette};

/// Number of best tiles, and of worst ones.
const MOST: usize = 4;

/// Maximum width and height of a picture in pixels.
const MAX_SIDE: u32 = 288;

/// JPEG quality, so that a page of all pictures stays below a megabyte.
const QUALITY: u8 = 85;

/// Best and worst tiles of those that were offered.
#[derive(Default)]
pub(crate) struct Examples {
    best: Vec<Ranked>,
    worst: Vec<Ranked>,
}

/// A tile with its score.
#[derive(Clone)]
struct Ranked {
    score: f64,
    index: usize,
    name: String,
    example: std::rc::Rc<Example>,
}

impl Examples {
    /// Offers a tile. Tiles without a score are passed over.
    pub(crate) fn offer(
        &mut self,
        index: usize,
        name: &str,
        score: f64,
        tile: &Tile,
        prediction: &GrayImage,
    ) {
        let among_best = self.best.len() < MOST || self.best.last().is_some_and(|last| score > last.score);
        let among_worst = self.worst.len() < MOST || self.worst.last().is_some_and(|last| score < last.score);
        if score.is_nan() || !(among_best || among_worst) {
            return;
        }
        let example = Example::scaled_to(MAX_SIDE, &tile.to_image(), &tile.to_mask(), prediction);
        let ranked = Ranked { score, index, name: name.to_owned(), example: std::rc::Rc::new(example) };
        if among_best {
            insert(&mut self.best, ranked.clone(), |a, b| a >= b);
        }
        if among_worst {
            insert(&mut self.worst, ranked, |a, b| a <= b);
        }
    }

    /// Whether no tile has a score.
    pub(crate) fn is_empty(&self) -> bool {
        self.best.is_empty()
    }

    /// Renders the tiles, the worst ones first. Of few tiles, those among the best are not shown again.
    ///
    /// # Errors
    /// [`crate::error::Error::Imaging`] if a mask has a class that is not among `classes`;
    /// [`crate::error::Error::Picture`].
    pub(crate) fn render(&self, classes: &[TissueClass], background: Option<usize>) -> Result<Markup> {
        let is_best = |tile: &&Ranked| self.best.iter().any(|best| best.index == tile.index);
        let worst: Vec<&Ranked> = self.worst.iter().filter(|tile| !is_best(tile)).collect();
        let worst = figures(&worst, classes, background)?;
        let best = figures(&self.best.iter().collect::<Vec<_>>(), classes, background)?;
        Ok(html! {
            p {
                "From left to right: tile, ground truth, prediction. Ranked by the mean Dice of the classes other than "
                "background that the tile has."
            }
            (legend(classes, background))
            @if !worst.is_empty() { h3 { "Worst" } div.tiles { @for figure in worst { (figure) } } }
            h3 { "Best" }
            div.tiles { @for figure in best { (figure) } }
        })
    }
}

/// Inserts a tile in order, behind equal ones, and keeps the first [`MOST`].
fn insert(tiles: &mut Vec<Ranked>, tile: Ranked, stays_before: impl Fn(f64, f64) -> bool) {
    let at = tiles.partition_point(|other| stays_before(other.score, tile.score));
    tiles.insert(at, tile);
    tiles.truncate(MOST);
}

fn figures(tiles: &[&Ranked], classes: &[TissueClass], background: Option<usize>) -> Result<Vec<Markup>> {
    let palette = palette(classes, background);
    let figure = |tile: &&Ranked| -> Result<Markup> {
        let pictures = tile.example.pictures(&palette)?;
        let sources = pictures.iter().map(data_uri).collect::<Result<Vec<_>>>()?;
        Ok(html! {
            figure.tile {
                div.triple {
                    @for (what, source) in ["Tile", "Ground truth", "Prediction"].iter().zip(&sources) {
                        img src=(source) alt={ (what) " " (tile.name) } title=(what);
                    }
                }
                figcaption { span { (tile.name) } strong { "Dice " (format!("{:.4}", tile.score)) } }
            }
        })
    };
    tiles.iter().map(figure).collect()
}

/// Colours of the classes.
pub(crate) fn legend(classes: &[TissueClass], background: Option<usize>) -> Markup {
    html! {
        p.legend {
            @for (index, class) in classes.iter().enumerate() {
                span { (swatch(class, Some(index) == background)) (class.name) }
            }
        }
    }
}

/// Colour of a class; background is not tinted.
pub(crate) fn swatch(class: &TissueClass, is_background: bool) -> Markup {
    html! {
        @if is_background { span class="swatch none" title="not tinted" {} }
        @else { span class="swatch" style={ "background:" (class.color) } {} }
    }
}

/// Picture as a data URI.
fn data_uri(picture: &RgbImage) -> Result<String> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture)?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes.get_ref())))
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    fn examples(scores: &[f64]) -> Examples {
        let tile = Tile { width: 8, height: 8, pixels: vec![200; 192], classes: vec![1; 64] };
        let mut examples = Examples::default();
        for (index, score) in scores.iter().enumerate() {
            examples.offer(index, &format!("tile-{index}"), *score, &tile, &GrayImage::new(8, 8));
        }
        examples
    }

    fn names(tiles: &[Ranked]) -> Vec<usize> {
        tiles.iter().map(|tile| tile.index).collect()
    }

    #[test]
    fn the_best_and_the_worst_are_kept() {
        let examples = examples(&[0.5, 0.9, 0.1, f64::NAN, 0.9, 0.3, 0.2, 0.8, 0.1]);
        assert_eq!(names(&examples.best), [1, 4, 7, 0]);
        assert_eq!(names(&examples.worst), [2, 8, 6, 5]);
    }

    #[test]
    fn few_tiles_are_shown_once() {
        let page = examples(&[0.5, 0.9]).render(&unnamed_classes(2), Some(0)).unwrap().into_string();
        assert_eq!(page.matches("<figure").count(), 2);
        assert_eq!(page.matches("src=\"data:image/jpeg;base64,").count(), 6);
        assert!(!page.contains("Worst"), "{page}");
        assert!(examples(&[f64::NAN]).is_empty());
    }
}
