//! Draws tiles of synthetic slides as PNG files, 25 of a slide. Arguments: the folder, and the number of tiles.

use std::error::Error;
use std::path::Path;

use bcs_synthetic::Slide;
use image::GenericImageView;

/// Side of a tile in pixels.
const TILE: u32 = 224;

/// Tiles along each side of the region of a slide.
const ROW: u32 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: draw_tiles DIR COUNT".into());
    };
    std::fs::create_dir_all(&folder)?;
    let count: u32 = count.parse()?;
    for slide in 0..count.div_ceil(ROW * ROW) {
        let (region, _) = Slide::new(1, slide.into()).render(ROW * TILE, ROW * TILE);
        for tile in 0..(ROW * ROW).min(count - slide * ROW * ROW) {
            let pixels = region.view(tile % ROW * TILE, tile / ROW * TILE, TILE, TILE).to_image();
            pixels.save(Path::new(&folder).join(format!("slide-{slide:03}_tile-{tile:02}.png")))?;
        }
    }
    Ok(())
}
