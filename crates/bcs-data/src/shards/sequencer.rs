//! The encoded tiles of batches, from shards that are read ahead.

use std::collections::HashMap;
use std::ops::Range;

use super::plan::{Batches, Piece, Plan};
use super::read::Sample;
use super::stream::{Encoded, Stream};
use crate::error::{Error, Problem};
use crate::prefetch::Prefetch;

/// Hands out the encoded tiles of batches, in their order.
pub(super) struct Sequencer {
    plan: Plan,
    batches: Batches,
    /// Parts of shards that are still to be read, of which `pieces` tells the places.
    shards: Prefetch<Vec<Result<Sample, Problem>>>,
    pieces: std::vec::IntoIter<Placed>,
    /// Tiles that have been read, by their number among those of the plan.
    held: HashMap<usize, Result<Sample, Problem>>,
    /// Batches that other threads wait for.
    ready: HashMap<usize, Result<Vec<Encoded>, Error>>,
    next: usize,
    /// Whether the batch before the next one could not be read.
    failed: bool,
    /// Number of the first tile of each shard in the data set.
    numbers: Vec<usize>,
    /// Place of the plan's tiles in the data set: first tile among those of the plan, and piece.
    places: Vec<(usize, Piece)>,
}

/// A piece, and which of its tiles are needed.
struct Placed {
    /// Number of its first tile among those of the plan.
    first: usize,
    needed: Vec<bool>,
}

impl Sequencer {
    /// Starts to read the shards that batches from `range.start` on need.
    pub(super) fn new(stream: Stream, plan: Plan, range: Range<usize>) -> Self {
        let batches = stream.batches();
        let start = if range.is_empty() { plan.order.len() } else { batches.own(range.start).start };
        let end = range.clone().last().map_or(start, |last| batches.own(last).end);
        let mut needed = vec![false; plan.order.len()];
        plan.order[start..end].iter().for_each(|at| needed[*at] = true);
        let (mut first, mut placed, mut read, mut places) = (0, Vec::new(), Vec::new(), Vec::new());
        for piece in &plan.pieces {
            let needed = needed[first..first + piece.tiles.len()].to_vec();
            places.push((first, piece.clone()));
            if needed.contains(&true) {
                placed.push(Placed { first, needed });
                read.push(piece.clone());
            }
            first += piece.tiles.len();
        }
        let numbers = stream.index.shards.iter().scan(0, |before, shard| {
            let first = *before;
            *before += shard.tiles;
            Some(first)
        });
        let numbers = numbers.collect();
        let shards = Prefetch::new(read.len(), stream.readers(), move |at| stream.read(&read[at]));
        let (held, ready) = (HashMap::new(), HashMap::new());
        Self {
            plan,
            batches,
            shards,
            pieces: placed.into_iter(),
            held,
            ready,
            next: range.start,
            failed: false,
            numbers,
            places,
        }
    }

    /// Returns the tiles of a batch. An error is that of the first batch that has one, whichever thread comes first; those after it
    /// have none of their own.
    pub(super) fn take(&mut self, batch: usize) -> Result<Vec<Encoded>, Error> {
        while self.next <= batch {
            let encoded = if self.failed { Err(Error::Worker) } else { self.encoded(self.next) };
            self.failed = encoded.is_err();
            self.ready.insert(self.next, encoded);
            self.next += 1;
        }
        self.ready.remove(&batch).unwrap_or_else(|| Ok(Vec::new()))
    }

    fn encoded(&mut self, batch: usize) -> Result<Vec<Encoded>, Error> {
        self.batches.own(batch).map(|at| self.tile(self.plan.order[at])).collect()
    }

    /// Returns a tile by its number among those of the plan, after reading shards until it is there.
    fn tile(&mut self, at: usize) -> Result<Encoded, Error> {
        loop {
            if let Some(sample) = self.held.remove(&at) {
                let (shard, number) = self.place(at);
                return Ok(Encoded { shard, number, sample });
            }
            let (Some(shard), Some(placed)) = (self.shards.next(), self.pieces.next()) else {
                return Err(Error::Worker);
            };
            let tiles = shard?.into_iter().zip(placed.needed).enumerate();
            let needed = tiles.filter(|(_, (_, needed))| *needed);
            self.held.extend(needed.map(|(index, (sample, _))| (placed.first + index, sample)));
        }
    }

    /// Shard of a tile of the plan, and its number in the data set.
    fn place(&self, at: usize) -> (usize, usize) {
        let place = self.places.partition_point(|(first, _)| *first <= at) - 1;
        let (first, piece) = &self.places[place];
        (piece.shard, self.numbers[piece.shard] + piece.tiles.start + at - first)
    }
}
