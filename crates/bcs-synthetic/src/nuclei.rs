//! Nuclei, with membrane, chromatin and nucleoli, drawn over the other tissue.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{
    canvas::{Canvas, Dye},
    noise::{gradient, mix, step},
};

/// One nucleus. Lengths are in px.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nucleus {
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Half length and half width.
    pub(crate) half: [f32; 2],
    /// Direction of the long axis, in radians.
    pub(crate) angle: f32,
    pub(crate) outline: Outline,
    /// Irregularity of the outline, from 0 (smooth) to about 0.4 (angular).
    pub(crate) wobble: f32,
    /// Stain where the chromatin is densest.
    pub(crate) dye: Dye,
    /// Clearing between membrane and chromatin, from 0 (solid) to 1 (vesicular).
    pub(crate) vesicular: f32,
    /// Nucleoli: position relative to the centre, and radius; none if the radius is 0.
    pub(crate) nucleoli: [[f32; 3]; 2],
    /// Width of the clear halo.
    pub(crate) gap: f32,
    /// Blur of the outline.
    pub(crate) blur: f32,
    /// Noise key of its texture.
    pub(crate) salt: u32,
}

/// Outline of a nucleus in the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outline {
    Oval,
    /// Pointed at both ends.
    Spindle,
}

impl Nucleus {
    /// Creates a dark oval nucleus of radius `size` and aspect ratio `longer`, in a random direction.
    pub(crate) fn oval(rng: &mut ChaCha8Rng, x: f32, y: f32, size: f32, longer: f32) -> Self {
        Self {
            x,
            y,
            half: [size * longer.sqrt(), size / longer.sqrt()],
            angle: rng.random_range(0.0..std::f32::consts::PI),
            outline: Outline::Oval,
            wobble: 0.12,
            dye: [1.7, 0.4],
            vesicular: 0.0,
            nucleoli: [[0.0; 3]; 2],
            gap: 0.0,
            blur: rng.random_range(0.7..1.4),
            salt: rng.random(),
        }
    }

    /// Maximum horizontal and vertical extent from the centre, in px.
    pub(crate) fn reach(&self) -> [f32; 2] {
        let (sin, cos) = self.angle.sin_cos();
        let [length, width] = self.half;
        let oval = [(length * cos).hypot(width * sin), (length * sin).hypot(width * cos)];
        oval.map(|reach| reach * (1.0 + self.wobble) + self.gap + self.blur + 1.0)
    }

    /// Draws the nucleus onto the canvas.
    pub(crate) fn draw(&self, canvas: &mut Canvas) {
        let (sin, cos) = self.angle.sin_cos();
        canvas.around(self.x, self.y, self.reach(), |dx, dy, dye| {
            let depth = self.depth(dx, dy, dx * cos + dy * sin, dy * cos - dx * sin);
            let cover = step(-self.blur, self.blur, depth);
            if cover > 0.0 {
                let inside = self.inside(dx, dy, depth);
                *dye = std::array::from_fn(|i| mix(dye[i], inside[i], cover));
            } else if depth > -self.gap {
                let clear = 0.75 * step(self.gap, 0.5 * self.gap, -depth);
                *dye = dye.map(|amount| amount * (1.0 - clear));
            }
        });
    }

    /// Approximate depth of a position inside the outline, in px; negative outside.
    fn depth(&self, dx: f32, dy: f32, along: f32, across: f32) -> f32 {
        let [length, width] = self.half;
        let (u, v) = (along / length, across / width);
        let out = match self.outline {
            Outline::Oval => (u * u + v * v).sqrt(),
            Outline::Spindle => u * u + v.abs(),
        };
        let size = length.min(width);
        if out > 1.0 + self.wobble + (self.gap + self.blur) / size {
            return f32::MIN;
        }
        let grid = 0.8 * size;
        (1.0 - out + self.wobble * gradient(self.salt, dx / grid, dy / grid)) * size
    }

    /// Stain at a position inside.
    fn inside(&self, dx: f32, dy: f32, depth: f32) -> Dye {
        let grain = |salt: u32, size: f32| gradient(self.salt ^ salt, dx / size, dy / size);
        let (coarse, fine) = (grain(0x2545, 4.6), grain(0x4f6c, 2.3));
        let membrane = 1.0 - step(0.4 * self.blur, 2.6, depth);
        let clumps = step(-0.15, 0.6, coarse + 0.7 * fine);
        let empty = 1.0 - 0.75 * self.vesicular;
        let chromatin =
            (empty + (1.0 - empty) * (0.9 * membrane).max(clumps)) * (1.0 + 0.22 * coarse + 0.2 * fine);
        let nucleolus = self.nucleoli.iter().filter(|[.., radius]| *radius > 0.0).map(|&[x, y, radius]| {
            let beside = ((dx - x) * (dx - x) + (dy - y) * (dy - y)).sqrt();
            step(radius + 0.8, radius - 0.8, beside)
        });
        let nucleolus = nucleolus.fold(0.0, f32::max);
        [self.dye[0] * mix(chromatin, 1.25, nucleolus), self.dye[1] * mix(1.0, 1.8, nucleolus)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{canvas::HALO, regions::Region};

    const NUCLEUS: Nucleus = Nucleus {
        x: 30.0,
        y: 20.0,
        half: [14.0, 6.0],
        angle: 0.4,
        outline: Outline::Oval,
        wobble: 0.1,
        dye: [1.5, 0.4],
        vesicular: 0.3,
        nucleoli: [[0.0; 3]; 2],
        gap: 2.0,
        blur: 1.0,
        salt: 77,
    };

    fn drawn(nucleus: &Nucleus) -> Canvas {
        let mut canvas = Canvas::new(0, 40, 60, |_, _| ([0.1, 0.3], Region::Tumour));
        nucleus.draw(&mut canvas);
        canvas
    }

    fn at(canvas: &Canvas, x: usize, y: usize) -> Dye {
        canvas.dye[(y + HALO) * canvas.width + x + HALO]
    }

    #[test]
    fn a_nucleus_is_dark_and_changes_nothing_else() {
        for outline in [Outline::Oval, Outline::Spindle] {
            let canvas = drawn(&Nucleus { outline, ..NUCLEUS });
            assert!(at(&canvas, 30, 20)[0] > 0.6);
            assert_eq!(at(&canvas, 2, 2), [0.1, 0.3]);
        }
    }

    #[test]
    fn nothing_changes_beyond_the_reach() {
        let canvas = drawn(&NUCLEUS);
        let [reach_x, reach_y] = NUCLEUS.reach();
        for (x, y) in (0..60).flat_map(|x| (0..40).map(move |y| (x, y))) {
            let beside = (x as f32 - 30.0).abs() > reach_x - 1.0 || (y as f32 - 20.0).abs() > reach_y - 1.0;
            assert!(!beside || at(&canvas, x, y) == [0.1, 0.3], "({x}, {y}) changed");
        }
    }

    #[test]
    fn a_nucleus_outside_the_canvas_draws_nothing() {
        let canvas = drawn(&Nucleus { x: -500.0, ..NUCLEUS });
        assert!(canvas.dye.iter().all(|&dye| dye == [0.1, 0.3]));
    }
}
