//! Polygons of the classes of a mask, along the edges of its pixels.
//!
//! A polygon is a connected region of one class: pixels that share an edge. Its rings run along pixel edges, in pixels from
//! the top left corner, so that filling them gives exactly the pixels of the region.

use image::GrayImage;

use crate::error::Error;

/// A corner of a pixel: x from the left, y from the top.
pub type Point = [u32; 2];

/// The corners of a closed line, the first of which is repeated at the end.
pub type Ring = Vec<Point>;

/// A connected region: its outline, and the outlines of its holes. Seen with the y axis upwards, as RFC 7946 does, outlines
/// are counter-clockwise and holes clockwise. Rings do not cross; they may touch at a corner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polygon {
    /// Outline.
    pub exterior: Ring,
    /// Holes.
    pub holes: Vec<Ring>,
}

/// The regions of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPolygons {
    /// Value of the class in the mask.
    pub code: u8,
    /// Its regions, from top to bottom.
    pub polygons: Vec<Polygon>,
}

/// Most bytes that a run needs until its polygons are written as text.
const RUN_BYTES: u64 = 200;

/// Returns the most runs of equal pixels in the rows of a mask of this many pixels for which polygons are made: as many as
/// there may be in a tile, as tissue has in a larger mask, and up to two million.
fn most_runs(pixels: u64) -> u64 {
    (pixels / 16).clamp(1 << 16, 2_000_000)
}

/// Returns the memory in bytes that the polygons of a mask of this many pixels need at most, with their text.
pub fn memory(pixels: u64) -> u64 {
    most_runs(pixels).min(pixels) * RUN_BYTES
}

/// Returns the polygons of each class that occurs in a mask, in ascending order of their codes.
///
/// # Errors
/// [`Error::TooManyRegions`] for a mask that is more finely divided than tissue is, which would need much memory.
pub fn polygons(mask: &GrayImage) -> Result<Vec<ClassPolygons>, Error> {
    let regions = Regions::of(mask, most_runs(mask.as_raw().len() as u64))?;
    let mut outlines: Vec<Option<Polygon>> = vec![None; regions.count];
    let mut codes = vec![0; regions.count];
    let mut traced = Traced::new(mask);
    for y in 0..mask.height() {
        for x in 0..mask.width() {
            if !traced.is_new(mask, x, y) {
                continue;
            }
            let region = regions.at(x, y);
            let ring = trace(mask, &regions, &mut traced, [x, y]);
            codes[region] = mask.get_pixel(x, y).0[0];
            match &mut outlines[region] {
                // Of all rings of a region the outline has the topmost edge, so it comes first.
                outline @ None => *outline = Some(Polygon { exterior: ring, holes: Vec::new() }),
                Some(polygon) => polygon.holes.push(ring),
            }
        }
    }
    Ok(by_class(codes, outlines))
}

fn by_class(codes: Vec<u8>, outlines: Vec<Option<Polygon>>) -> Vec<ClassPolygons> {
    let mut classes: [Vec<Polygon>; 256] = std::array::from_fn(|_| Vec::new());
    for (code, polygon) in codes.into_iter().zip(outlines) {
        classes[usize::from(code)].extend(polygon);
    }
    let codes = 0..=u8::MAX;
    let classes = codes.zip(classes).filter(|(_, polygons)| !polygons.is_empty());
    classes.map(|(code, polygons)| ClassPolygons { code, polygons }).collect()
}

/// Directions of an edge, each a quarter turn from the one before: right, down, left, up. The region is on the side that
/// the next direction points to.
const DIRECTIONS: [[i64; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// Follows the edges of a region from the upper edge of the pixel `start` until it returns. The edges to the left of it must
/// have been followed before, so that its left end is a corner.
fn trace(mask: &GrayImage, regions: &Regions, traced: &mut Traced, start: Point) -> Ring {
    let mut ring = vec![start];
    let (mut pixel, mut corner, mut direction) = (start, start, 0);
    loop {
        if direction == 0 {
            traced.mark(pixel);
        }
        let [dx, dy] = DIRECTIONS[direction];
        corner = moved(corner, dx, dy);
        let left = (direction + 3) % 4;
        let [outward_x, outward_y] = DIRECTIONS[left];
        let ahead = neighbour(mask, pixel, dx, dy);
        let outside = ahead.and_then(|ahead| neighbour(mask, ahead, outward_x, outward_y));
        let belongs = |candidate: Option<Point>| {
            candidate.filter(|&[x, y]| regions.at(x, y) == regions.at(pixel[0], pixel[1]))
        };
        // Where two pixels of the region touch at this corner only, the ring goes on along the other one: so it never
        // touches itself.
        let (next_pixel, next_direction) = match (belongs(outside), belongs(ahead)) {
            (Some(outside), _) => (outside, left),
            (None, Some(ahead)) => (ahead, direction),
            (None, None) => (pixel, (direction + 1) % 4),
        };
        if next_direction != direction {
            ring.push(corner);
        }
        (pixel, direction) = (next_pixel, next_direction);
        if corner == start && pixel == start && direction == 0 {
            return ring;
        }
    }
}

fn moved([x, y]: Point, dx: i64, dy: i64) -> Point {
    [x.wrapping_add_signed(dx as i32), y.wrapping_add_signed(dy as i32)]
}

/// Returns the pixel next to this one, unless it is outside of the mask.
fn neighbour(mask: &GrayImage, [x, y]: Point, dx: i64, dy: i64) -> Option<Point> {
    let x = u32::try_from(i64::from(x) + dx).ok().filter(|x| *x < mask.width())?;
    let y = u32::try_from(i64::from(y) + dy).ok().filter(|y| *y < mask.height())?;
    Some([x, y])
}

/// Which pixels' upper edges are part of a ring: one bit per pixel. Every ring has an upper edge.
struct Traced {
    width: usize,
    bits: Vec<u64>,
}

impl Traced {
    fn new(mask: &GrayImage) -> Self {
        Self { width: mask.width() as usize, bits: vec![0; mask.as_raw().len().div_ceil(64)] }
    }

    fn bit(&self, [x, y]: Point) -> (usize, u64) {
        let at = y as usize * self.width + x as usize;
        (at / 64, 1 << (at % 64))
    }

    fn mark(&mut self, pixel: Point) {
        let (word, bit) = self.bit(pixel);
        self.bits[word] |= bit;
    }

    /// Whether the upper edge of a pixel is an edge of its region and not part of a ring yet.
    fn is_new(&self, mask: &GrayImage, x: u32, y: u32) -> bool {
        let is_edge = y == 0 || mask.get_pixel(x, y - 1) != mask.get_pixel(x, y);
        let (word, bit) = self.bit([x, y]);
        is_edge && self.bits[word] & bit == 0
    }
}

/// Connected regions of equal pixels, by their runs in each row.
struct Regions {
    rows: Vec<Vec<Run>>,
    count: usize,
}

/// Pixels of one region that are next to each other in a row.
struct Run {
    /// First column after the run.
    end: u32,
    /// Number of the region.
    region: usize,
}

impl Regions {
    fn of(mask: &GrayImage, most_runs: u64) -> Result<Self, Error> {
        let mut sets = DisjointSets::default();
        let mut rows: Vec<Vec<Run>> = Vec::with_capacity(mask.height() as usize);
        for row in mask.as_raw().chunks_exact((mask.width() as usize).max(1)) {
            let above = rows.last();
            let runs = row.chunk_by(|a, b| a == b).scan(0, |end, run| {
                *end += run.len() as u32;
                Some(Run { end: *end, region: sets.add(run[0]) })
            });
            let runs: Vec<Run> = runs.collect();
            if let Some(above) = above {
                join(&mut sets, above, &runs);
            }
            rows.push(runs);
            if sets.len() as u64 > most_runs {
                return Err(Error::TooManyRegions);
            }
        }
        let (numbers, count) = sets.numbers();
        for run in rows.iter_mut().flatten() {
            run.region = numbers[run.region];
        }
        Ok(Self { rows, count })
    }

    fn at(&self, x: u32, y: u32) -> usize {
        let row = &self.rows[y as usize];
        row[row.partition_point(|run| run.end <= x)].region
    }
}

/// Joins runs of two rows that have an edge and their code in common.
fn join(sets: &mut DisjointSets, above: &[Run], below: &[Run]) {
    let (mut upper, mut lower) = (0, 0);
    while let (Some(a), Some(b)) = (above.get(upper), below.get(lower)) {
        sets.join(a.region, b.region);
        // Both end somewhere; the one that ends first has no more in common with the other.
        upper += usize::from(a.end <= b.end);
        lower += usize::from(b.end <= a.end);
    }
}

/// Disjoint sets of runs with equal codes.
#[derive(Default)]
struct DisjointSets {
    parents: Vec<usize>,
    codes: Vec<u8>,
}

impl DisjointSets {
    fn len(&self) -> usize {
        self.parents.len()
    }

    fn add(&mut self, code: u8) -> usize {
        self.parents.push(self.parents.len());
        self.codes.push(code);
        self.parents.len() - 1
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Joins two sets, if their codes are equal.
    fn join(&mut self, a: usize, b: usize) {
        if self.codes[a] == self.codes[b] {
            let (a, b) = (self.root(a), self.root(b));
            // The earlier one stays the root, so that sets are numbered from top to bottom.
            self.parents[a.max(b)] = a.min(b);
        }
    }

    /// Returns the number of the set of each element, and the number of sets.
    fn numbers(mut self) -> (Vec<usize>, usize) {
        let mut numbers = Vec::with_capacity(self.parents.len());
        let mut count = 0;
        for at in 0..self.parents.len() {
            let root = self.root(at);
            // A root comes before the other elements of its set.
            let number = if root == at { count } else { numbers[root] };
            count += usize::from(root == at);
            numbers.push(number);
        }
        (numbers, count)
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    fn mask(rows: &[&str]) -> GrayImage {
        let pixel = |x: u32, y: u32| Luma([rows[y as usize].as_bytes()[x as usize] - b'0']);
        GrayImage::from_fn(rows[0].len() as u32, rows.len() as u32, pixel)
    }

    /// Twice the signed area, positive for counter-clockwise rings with the y axis upwards.
    fn doubled_area(ring: &Ring) -> i64 {
        let cross =
            |[a, b]: [Point; 2]| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]);
        ring.windows(2).map(|line| cross([line[0], line[1]])).sum()
    }

    /// Fills polygons by the even-odd rule.
    fn filled(classes: &[ClassPolygons], width: u32, height: u32) -> Vec<Option<u8>> {
        let mut pixels = vec![None; (width * height) as usize];
        for class in classes {
            for polygon in &class.polygons {
                let rings = || std::iter::once(&polygon.exterior).chain(&polygon.holes);
                let mut inside = vec![false; pixels.len()];
                for line in rings().flat_map(|ring| ring.windows(2)) {
                    let ([x, from], [to_x, to]) = (line[0], line[1]);
                    for y in if x == to_x { from.min(to)..from.max(to) } else { 0..0 } {
                        let row = (y * width) as usize;
                        inside[row + x as usize..row + width as usize]
                            .iter_mut()
                            .for_each(|pixel| *pixel ^= true);
                    }
                }
                for (pixel, _) in pixels.iter_mut().zip(inside).filter(|(_, inside)| *inside) {
                    assert_eq!(*pixel, None, "two polygons overlap");
                    *pixel = Some(class.code);
                }
            }
        }
        pixels
    }

    #[test]
    fn a_region_with_a_hole_has_two_rings() {
        let classes = polygons(&mask(&["11110", "10110", "11110"])).unwrap();
        assert_eq!(classes.iter().map(|class| class.code).collect::<Vec<_>>(), [0, 1]);
        let [polygon] = &classes[1].polygons[..] else { panic!("one region") };
        assert_eq!(polygon.exterior, [[0, 0], [4, 0], [4, 3], [0, 3], [0, 0]]);
        assert_eq!(polygon.holes, [vec![[1, 2], [2, 2], [2, 1], [1, 1], [1, 2]]]);
        assert_eq!(classes[0].polygons.len(), 2);
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_two_regions() {
        let classes = polygons(&mask(&["10", "01"])).unwrap();
        assert!(classes.iter().all(|class| class.polygons.len() == 2));
    }

    #[test]
    fn a_hole_that_touches_the_outline_at_a_corner_is_a_ring_of_its_own() {
        // The hole in the middle and the notch at the bottom right touch at a corner.
        let classes = polygons(&mask(&["1111", "1011", "1100", "1111"])).unwrap();
        let [polygon] = &classes[1].polygons[..] else { panic!("one region") };
        assert_eq!(polygon.holes.len(), 1);
        for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
            let mut corners = ring[1..].to_vec();
            corners.sort_unstable();
            corners.dedup();
            assert_eq!(corners.len(), ring.len() - 1, "{ring:?} touches itself");
        }
    }

    #[test]
    fn an_empty_mask_has_no_polygons() {
        assert!(polygons(&GrayImage::new(0, 0)).unwrap().is_empty());
    }

    #[test]
    fn a_mask_of_noise_has_too_many_regions() {
        let noise = |side: u32| GrayImage::from_fn(side, side, |x, y| Luma([((x + y) % 2) as u8]));
        assert!(polygons(&noise(256)).is_ok());
        assert!(matches!(polygons(&noise(1000)), Err(Error::TooManyRegions)));
    }

    proptest! {
        #[test]
        fn filled_polygons_are_the_mask(
            (width, height, codes) in (1_u32..24, 1_u32..24).prop_flat_map(|(width, height)| {
                let pixels = proptest::collection::vec(0_u8..3, (width * height) as usize);
                (Just(width), Just(height), pixels)
            })
        ) {
            let mask = GrayImage::from_raw(width, height, codes.clone()).unwrap();
            let classes = polygons(&mask).unwrap();
            let expected: Vec<_> = codes.into_iter().map(Some).collect();
            prop_assert_eq!(filled(&classes, width, height), expected);
            for polygon in classes.iter().flat_map(|class| &class.polygons) {
                prop_assert!(doubled_area(&polygon.exterior) > 0);
                prop_assert!(polygon.holes.iter().all(|hole| doubled_area(hole) < 0));
                for ring in std::iter::once(&polygon.exterior).chain(&polygon.holes) {
                    prop_assert_eq!(ring.first(), ring.last());
                    // Corners only: no three in a line, and no corner twice.
                    let turns = |a: Point, b: Point, c: Point| (a[0] == b[0]) != (b[0] == c[0]);
                    prop_assert!(ring.windows(3).all(|line| turns(line[0], line[1], line[2])), "{ring:?}");
                    let mut corners = ring[1..].to_vec();
                    corners.sort_unstable();
                    let count = corners.len();
                    corners.dedup();
                    prop_assert_eq!(corners.len(), count, "{:?} touches itself", ring);
                }
            }
        }
    }
}
