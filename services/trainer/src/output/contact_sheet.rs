//! A picture of augmented tiles: labelled rows, each a tile followed by its variants, with the borders of the mask.

use bcs_contracts::{Color, TissueClass};
use bcs_data::Tile;
use bcs_imaging::{overlay, text::Font};
use image::imageops::{FilterType, replace, resize};
use image::{Rgb, RgbImage};

use crate::error::Result;

/// Largest width and height of a tile in the picture, in pixels. Larger tiles are scaled down.
const MAX_SIDE: u32 = 224;

/// Space between tiles, in pixels.
const GAP: u32 = 6;

/// Space beside the label and after the first tile of a row, in pixels.
const WIDE_GAP: u32 = 20;

/// Height of a line of text in pixels: headings, names of rows, and details.
const HEADING: f32 = 28.0;
const NAME: f32 = 19.0;
const DETAIL: f32 = 16.0;

/// Colours of paper and text.
const PAPER: Rgb<u8> = Rgb([255; 3]);
const INK: [u8; 3] = [32; 3];
const PALE_INK: [u8; 3] = [110; 3];

/// Rows under a heading.
pub(crate) struct Section {
    /// The heading.
    pub heading: String,
    /// Titles of the columns of variants.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A tile and its variants.
pub(crate) struct Row {
    /// What is shown.
    pub name: String,
    /// Lines below the name.
    pub details: Vec<String>,
    /// The tile as it is on disk.
    pub original: Tile,
    /// What augmentation makes of it.
    pub variants: Vec<Tile>,
}

/// Draws a contact sheet. The background class has no colour of its own.
///
/// # Errors
/// [`crate::error::Error::Imaging`] if the font cannot be read, or a mask has another size than its image.
pub(crate) fn contact_sheet(
    sections: &[Section],
    classes: &[TissueClass],
    background: Option<usize>,
) -> Result<RgbImage> {
    let layout = Layout::new(sections)?;
    let mut sheet = RgbImage::from_pixel(layout.width, layout.height(sections), PAPER);
    let color = |(index, class): (usize, &TissueClass)| (Some(index) != background).then_some(class.color);
    let palette: Vec<Option<Color>> = classes.iter().enumerate().map(color).collect();
    let mut top = GAP;
    for section in sections {
        layout.heading.write(&mut sheet, &section.heading, [GAP as f32, top as f32], INK);
        top += HEADING as u32;
        for (column, title) in
            ["original"].into_iter().chain(section.columns.iter().map(String::as_str)).enumerate()
        {
            let left = layout.column(column as u32) as f32;
            layout.detail.write(&mut sheet, title, [left, top as f32], PALE_INK);
        }
        top += DETAIL as u32 + GAP;
        for row in &section.rows {
            layout.draw_label(&mut sheet, row, top);
            for (column, tile) in [&row.original].into_iter().chain(&row.variants).enumerate() {
                let picture = outlined(tile, &palette)?;
                replace(&mut sheet, &picture, layout.column(column as u32).into(), top.into());
            }
            top += layout.row_height(row) + GAP;
        }
        top += WIDE_GAP;
    }
    let named =
        classes.iter().zip(&palette).filter_map(|(class, color)| Some((class.name.as_str(), (*color)?)));
    layout.draw_key(&mut sheet, named, top);
    Ok(sheet)
}

/// Where labels and tiles lie.
struct Layout {
    heading: Font,
    name: Font,
    detail: Font,
    /// Width of the labels.
    label: u32,
    /// Width of a tile.
    tile: u32,
    /// Width of the sheet.
    width: u32,
}

impl Layout {
    fn new(sections: &[Section]) -> Result<Self> {
        let (heading, name, detail) = (Font::new(HEADING)?, Font::new(NAME)?, Font::new(DETAIL)?);
        let rows = || sections.iter().flat_map(|section| &section.rows);
        let label = rows()
            .map(|row| {
                let details = row.details.iter().map(|line| detail.width(line));
                details.fold(name.width(&row.name), f32::max).ceil() as u32
            })
            .max()
            .unwrap_or(0);
        let tiles = rows().flat_map(|row| [&row.original].into_iter().chain(&row.variants));
        let tile = tiles.map(|tile| scaled(tile)[0]).max().unwrap_or(0);
        let mut layout = Self { heading, name, detail, label, tile, width: 0 };
        let columns = sections.iter().map(|section| 1 + section.columns.len()).max().unwrap_or(0);
        layout.width = layout.column(columns as u32);
        Ok(layout)
    }

    /// Left border of a column of tiles; the first one has the originals.
    fn column(&self, index: u32) -> u32 {
        let wide = if index == 0 { 1 } else { 2 };
        GAP + self.label + wide * WIDE_GAP + index * (self.tile + GAP)
    }

    fn row_height(&self, row: &Row) -> u32 {
        let tiles = [&row.original].into_iter().chain(&row.variants).map(|tile| scaled(tile)[1]);
        tiles.fold(NAME as u32 + row.details.len() as u32 * DETAIL as u32, u32::max)
    }

    fn height(&self, sections: &[Section]) -> u32 {
        let section = |section: &Section| {
            let rows: u32 = section.rows.iter().map(|row| self.row_height(row) + GAP).sum();
            HEADING as u32 + DETAIL as u32 + GAP + rows + WIDE_GAP
        };
        GAP + sections.iter().map(section).sum::<u32>() + NAME as u32 + GAP
    }

    fn draw_label(&self, sheet: &mut RgbImage, row: &Row, top: u32) {
        let left = GAP as f32;
        self.name.write(sheet, &row.name, [left, top as f32], INK);
        for (line, text) in row.details.iter().enumerate() {
            let top = top as f32 + NAME + line as f32 * DETAIL;
            self.detail.write(sheet, text, [left, top], PALE_INK);
        }
    }

    /// Draws the colours of the borders, from the first column on.
    fn draw_key<'a>(&self, sheet: &mut RgbImage, classes: impl Iterator<Item = (&'a str, Color)>, top: u32) {
        let (mut left, side) = (self.column(0), NAME as u32 - 6);
        for (name, color) in classes {
            let square = RgbImage::from_pixel(side, side, Rgb(color.0));
            replace(sheet, &square, left.into(), (top + 3).into());
            left += side + GAP;
            self.name.write(sheet, name, [left as f32, top as f32], INK);
            left += self.name.width(name).ceil() as u32 + WIDE_GAP;
        }
    }
}

/// Width and height of a tile in the picture.
fn scaled(tile: &Tile) -> [u32; 2] {
    let longest = tile.width.max(tile.height).max(MAX_SIDE as usize);
    [tile.width, tile.height].map(|side| (side * MAX_SIDE as usize / longest).max(1) as u32)
}

/// Draws a tile with the borders of its mask.
fn outlined(tile: &Tile, palette: &[Option<Color>]) -> Result<RgbImage> {
    let [width, height] = scaled(tile);
    let mut image = resize(&tile.to_image(), width, height, FilterType::Triangle);
    // Class indices cannot be averaged.
    let mask = resize(&tile.to_mask(), width, height, FilterType::Nearest);
    overlay::outline(&mut image, &mask, palette, 1)?;
    Ok(image)
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    fn tile(width: usize, height: usize) -> Tile {
        let classes = (0..width * height).map(|at| u8::from(at % width > width / 2)).collect();
        Tile { width, height, pixels: vec![200; width * height * 3], classes }
    }

    #[test]
    fn tiles_of_any_size_have_their_place() {
        let row = |name: &str, size: usize| Row {
            name: name.to_owned(),
            details: vec!["prob 0.5".to_owned()],
            original: tile(size, size / 2),
            variants: vec![tile(40, 40); 3],
        };
        let section = |rows: Vec<Row>| Section {
            heading: "all".to_owned(),
            columns: (0..3).map(|column| column.to_string()).collect(),
            rows,
        };
        let sections = [section(vec![row("affine", 500)]), section(vec![row("a", 40), row("elastic", 64)])];
        let classes = unnamed_classes(2);
        let sheet = contact_sheet(&sections, &classes, Some(0)).unwrap();
        let layout = Layout::new(&sections).unwrap();
        assert_eq!((layout.tile, layout.row_height(&sections[0].rows[0])), (224, 112));
        assert_eq!(sheet.width(), layout.column(3) + 224 + GAP);
        // Tiles are gray but for the borders of class 1, and nothing reaches the border of the sheet.
        let count = |color: [u8; 3]| sheet.pixels().filter(|pixel| pixel.0 == color).count();
        let area = |tile: &Tile| scaled(tile).iter().product::<u32>() as usize;
        let all: usize = sections
            .iter()
            .flat_map(|section| &section.rows)
            .flat_map(|row| [&row.original].into_iter().chain(&row.variants))
            .map(area)
            .sum();
        assert!(count([200; 3]) < all && count([200; 3]) + 2000 > all);
        assert!(count(classes[1].color.0) > 112);
        assert!(
            sheet.enumerate_pixels().all(|(x, _, pixel)| x > 0 && x + 1 < sheet.width() || *pixel == PAPER)
        );
    }
}
