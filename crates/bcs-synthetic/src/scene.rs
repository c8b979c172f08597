//! Layout of the region being drawn, and drawing of one band of it.

use crate::{
    canvas::{Canvas, Dye, HALO},
    fat::Fat,
    key::Purpose,
    lymphocytes::Lymphocytes,
    necrosis::Necrosis,
    nests::Nests,
    nuclei::Nucleus,
    regions::{Region, Regions},
    roi::Roi,
    scanner::Light,
    slide::Slide,
    stroma::Stroma,
};

/// BCSS code of pixels outside the region of interest.
const OUTSIDE_ROI: u8 = 0;

/// Layout of a region of a slide.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    slide: &'a Slide,
    size: [f32; 2],
    regions: Regions,
    nests: Nests,
    stroma: Stroma,
    lymphocytes: Lymphocytes,
    necrosis: Necrosis,
    nuclei: Vec<Nucleus>,
    roi: Roi,
}

impl<'a> Scene<'a> {
    pub(crate) fn lay_out(slide: &'a Slide, width: u32, height: u32) -> Self {
        let (key, tissue) = (slide.key, &slide.tissue);
        let fat = Fat::new(key, tissue.adipocyte_pitch, width, height);
        let regions = Regions::new(slide.fields, fat, width, height);
        let nests = Nests::new(key, tissue.nests, width, height);
        let stroma = Stroma::new(key, tissue.stroma, &tissue.nests);
        let lymphocytes = Lymphocytes::new(key, tissue.lymphocyte_pitch);
        let necrosis = Necrosis::new(key, width, height);
        let mut nuclei = stroma.nuclei(&regions, width, height);
        nuclei.extend(nests.nuclei(&regions));
        nuclei.extend(lymphocytes.nuclei(&regions, width, height));
        nuclei.extend(necrosis.nuclei(&regions, width, height));
        let roi = Roi::draw(&mut key.rng(Purpose::Roi));
        let size = [width as f32, height as f32];
        Self { slide, size, regions, nests, stroma, lymphocytes, necrosis, nuclei, roi }
    }

    /// Draws the rows from `first`; `pixels` has three bytes per pixel, `codes` one.
    pub(crate) fn draw(&self, first: usize, pixels: &mut [u8], codes: &mut [u8]) {
        let width = self.size[0] as usize;
        let rows = codes.len() / width;
        let mut canvas = Canvas::new(first, rows, width, |x, y| self.ground(x, y));
        let (above, below) = (first as f32 - HALO as f32, (first + rows + HALO) as f32);
        for nucleus in &self.nuclei {
            let reach = nucleus.reach()[1];
            if nucleus.y + reach >= above && nucleus.y - reach <= below {
                nucleus.draw(&mut canvas);
            }
        }
        let (stain, scanner) = (&self.slide.stain, &self.slide.scanner);
        let rgb = canvas.dye.iter().map(|&dye| scanner.expose(stain.density(dye))).collect();
        let light = Light { width: canvas.width, height: canvas.height, rgb };
        scanner.scan(&light, first, self.slide.key.noise(Purpose::SensorNoise), pixels);
        for (i, code) in codes.iter_mut().enumerate() {
            let (x, y) = (i % width, i / width);
            let region = canvas.regions[(y + HALO) * canvas.width + x + HALO];
            let inside = !self.roi.excludes(x as f32, (first + y) as f32, self.size);
            *code = if inside { region as u8 } else { OUTSIDE_ROI };
        }
    }

    /// Returns the stain without nuclei at a position, and its class.
    fn ground(&self, x: f32, y: f32) -> (Dye, Region) {
        let site = self.regions.site(x, y);
        let region = self.regions.class(&site);
        let dye = match region {
            Region::Tumour => self.nests.dye(&site),
            Region::Stroma => self.stroma.dye(&site),
            Region::Lymphocytes => self.lymphocytes.dye(&site, self.stroma.dye(&site)),
            Region::Necrosis => self.necrosis.dye(&site, || self.nests.dye(&site)),
            Region::Fat => self.regions.fat().dye(&site, || self.stroma.dye(&site)),
            Region::Other => [0.0; 2],
        };
        (dye, region)
    }
}
