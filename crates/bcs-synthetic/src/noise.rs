//! Noise as a hash of the position: stateless, so that it does not depend on threads.

/// Hash of a lattice point.
#[inline]
pub(crate) fn hash(key: u32, x: i32, y: i32) -> u32 {
    let mut h =
        key ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77).rotate_left(13);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// Converts a hash to a number in [0, 1).
#[inline]
pub(crate) fn unit(hash: u32) -> f32 {
    (hash >> 8) as f32 / (1 << 24) as f32
}

/// Gradient noise: smooth, with mean 0, a range of about [-1, 1], and features one unit wide.
///
/// Most of the drawing time is spent here, so its hash is cheaper than [`hash`].
#[inline]
pub(crate) fn gradient(key: u32, x: f32, y: f32) -> f32 {
    let ((ix, fx), (iy, fy)) = (split(x), split(y));
    let key = (key ^ (key >> 16)).wrapping_mul(0x2C1B_3C6D);
    let key = key ^ (key >> 15);
    let (left, top) = ((ix as u32).wrapping_mul(0x9E37_79B1), (iy as u32).wrapping_mul(0x85EB_CA77));
    let corner = |column: u32, row: u32, dx: f32, dy: f32| {
        let h = column ^ row.rotate_left(13) ^ key;
        let h = (h ^ (h >> 15)).wrapping_mul(0x297A_2D39);
        let h = h ^ (h >> 15);
        f32::from(h as i16) * dx + f32::from((h >> 16) as i16) * dy
    };
    let (right, bottom) = (left.wrapping_add(0x9E37_79B1), top.wrapping_add(0x85EB_CA77));
    let (sx, sy) = (ease(fx), ease(fy));
    let above = mix(corner(left, top, fx, fy), corner(right, top, fx - 1.0, fy), sx);
    let below = mix(corner(left, bottom, fx, fy - 1.0), corner(right, bottom, fx - 1.0, fy - 1.0), sx);
    mix(above, below, sy) * (1.6 / 32_768.0)
}

/// Fractal noise: `octaves` layers of gradient noise, each with half the width and half the amplitude of the previous.
pub(crate) fn fbm(key: u32, x: f32, y: f32, octaves: u32) -> f32 {
    let mut sum = 0.0;
    let (mut scale, mut weight) = (1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * gradient(key.wrapping_add(octave.wrapping_mul(0x632B_E5AB)), x * scale, y * scale);
        scale *= 2.0;
        weight *= 0.5;
    }
    sum
}

/// Displaces a position by noise with features `size` wide and an amplitude of about `reach`.
pub(crate) fn warp(key: u32, x: f32, y: f32, size: f32, reach: f32) -> (f32, f32) {
    let (u, v) = (x / size, y / size);
    (x + reach * gradient(key ^ 0x5bd1, u, v), y + reach * gradient(key ^ 0xe995, u, v))
}

/// Integer below a number, and the fraction (`f32::floor` is a function call on baseline x86-64).
#[inline]
pub(crate) fn split(x: f32) -> (i32, f32) {
    let whole = x as i32 - i32::from(x < 0.0);
    (whole, x - whole as f32)
}

/// Linear interpolation: `a` at `t` = 0, `b` at `t` = 1.
#[inline]
pub(crate) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// Smooth step: 0 up to `from`, 1 from `to`.
#[inline]
pub(crate) fn step(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Perlin's quintic fade function.
#[inline]
fn ease(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_noise_is_balanced_bounded_and_continuous() {
        let mut sum = 0.0;
        for i in 0..10_000 {
            let (x, y) = (i as f32 * 0.37 - 900.0, i as f32 * 0.11 - 300.0);
            let here = gradient(5, x, y);
            sum += here;
            assert!(here.abs() <= 1.7);
            assert!((here - gradient(5, x + 1e-3, y)).abs() < 0.02);
        }
        assert!((sum / 10_000.0_f32).abs() < 0.05);
    }

    #[test]
    fn different_keys_give_independent_noise() {
        let same = (0..1000).filter(|&i| hash(1, i, 0) >> 24 == hash(2, i, 0) >> 24).count();
        assert!(same < 20, "{same} of 1000 top bytes agree");
    }
}
