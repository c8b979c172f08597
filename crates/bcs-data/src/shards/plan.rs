//! Which process reads what in an epoch, and in which order: it follows from the seed, the epoch and the number of processes
//! alone, so that a run goes on at the very tile where it stopped.

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::loader::{Share, order};

/// A part of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Number of the shard.
    pub shard: usize,
    /// Tiles of the shard.
    pub tiles: Range<usize>,
}

/// What a process reads in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Parts of shards, in the order in which they are read.
    pub pieces: Vec<Piece>,
    /// Order in which the tiles are trained on: each is its number among those of the pieces.
    pub order: Vec<usize>,
}

/// Sizes of the batches of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Number of tiles of all processes.
    pub tiles: usize,
    /// Number of tiles in a batch of all processes; the last one may have fewer.
    pub size: usize,
    /// The process.
    pub share: Share,
}

impl Batches {
    /// Number of batches.
    pub fn count(self) -> usize {
        self.tiles.div_ceil(self.size)
    }

    /// Number of tiles in a batch of all processes.
    pub fn total(self, batch: usize) -> usize {
        self.size.min(self.tiles - batch * self.size)
    }

    /// Which of its tiles a process trains on in a batch.
    pub fn own(self, batch: usize) -> Range<usize> {
        let start = batch * self.share.of(self.size).len();
        start..start + self.share.of(self.total(batch)).len()
    }

    /// Number of tiles of a process in an epoch.
    fn all(self) -> usize {
        self.own(self.count() - 1).end
    }
}

/// Plans an epoch. `shards` has the number of tiles of each shard, `buffer` the number of tiles that are shuffled together.
pub fn plan(shards: &[usize], batches: Batches, buffer: usize, seed: u64, epoch: u64) -> Plan {
    let Share { rank, size } = batches.share;
    let of = |rank: usize| Batches { share: Share { rank, size }, ..batches }.all();
    let start: usize = (0..rank).map(of).sum();
    let own = start..start + of(rank);
    let (mut pieces, mut before) = (Vec::new(), 0);
    for shard in order(shards.len(), seed, epoch) {
        let tiles = shards[shard];
        let part =
            own.start.clamp(before, before + tiles) - before..own.end.clamp(before, before + tiles) - before;
        before += tiles;
        if !part.is_empty() {
            pieces.push(Piece { shard, tiles: part });
        }
    }
    Plan { pieces, order: shuffled(own.len(), buffer, [seed, epoch, rank as u64]) }
}

/// Part of the buffer that is filled before the first item leaves it.
const FIRST: usize = 8;

/// Returns the order in which items leave a buffer of at most `buffer` of them, a random one at a time. The first one leaves it
/// when an eighth is filled, and two come for each that leaves until it is full, so that the first batches do not wait for all
/// shards of a full buffer.
fn shuffled(count: usize, buffer: usize, seeds: [u64; 3]) -> Vec<usize> {
    let mut bytes = [0; 32];
    for (bytes, seed) in bytes.chunks_exact_mut(8).zip(seeds) {
        bytes.copy_from_slice(&seed.to_le_bytes());
    }
    bytes[24..].copy_from_slice(b"buffer\0\0");
    let mut random = ChaCha8Rng::from_seed(bytes);
    let mut coming = 0..count;
    let buffer = buffer.max(1);
    let mut held: Vec<usize> = coming.by_ref().take(buffer.div_ceil(FIRST)).collect();
    let mut order = Vec::with_capacity(count);
    while !held.is_empty() {
        order.push(held.swap_remove(random.random_range(0..held.len())));
        let room = buffer - held.len();
        held.extend(coming.by_ref().take(room.min(2)));
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tiles of all processes in the order of training, as shard and number.
    fn tiles(shards: &[usize], size: usize, batch: usize, buffer: usize, epoch: u64) -> Vec<Vec<[usize; 2]>> {
        let of = |rank: usize| {
            let batches = Batches { tiles: shards.iter().sum(), size: batch, share: Share { rank, size } };
            let plan = plan(shards, batches, buffer, 7, epoch);
            let tile = |piece: &Piece| {
                let shard = piece.shard;
                piece.tiles.clone().map(move |tile| [shard, tile]).collect::<Vec<_>>()
            };
            let read: Vec<[usize; 2]> = plan.pieces.iter().flat_map(tile).collect();
            let own: Vec<usize> = (0..batches.count()).flat_map(|at| batches.own(at)).collect();
            assert_eq!(own, (0..plan.order.len()).collect::<Vec<_>>(), "the batches miss tiles");
            plan.order.iter().map(|at| read[*at]).collect()
        };
        (0..size).map(of).collect()
    }

    proptest! {
        #[test]
        fn every_tile_is_used_exactly_once(
            shards in prop::collection::vec(1_usize..20, 1..8),
            size in 1_usize..6,
            batch in 1_usize..12,
            buffer in 1_usize..30,
        ) {
            let mut used: Vec<[usize; 2]> = tiles(&shards, size, batch, buffer, 0).concat();
            used.sort_unstable();
            let all: Vec<[usize; 2]> = shards.iter().enumerate()
                .flat_map(|(shard, tiles)| (0..*tiles).map(move |tile| [shard, tile])).collect();
            prop_assert_eq!(used, all);
        }
    }

    #[test]
    fn epochs_differ_and_the_buffer_bounds_how_far_a_tile_moves() {
        assert_ne!(tiles(&[10, 10, 10], 2, 4, 8, 0), tiles(&[10, 10, 10], 2, 4, 8, 1));
        assert_eq!(tiles(&[10, 10, 10], 2, 4, 8, 3), tiles(&[10, 10, 10], 2, 4, 8, 3));
        let order = shuffled(1000, 16, [1, 2, 3]);
        assert!(order.iter().enumerate().all(|(at, item)| *item < (2 + 2 * at).min(at + 16)));
        // Items do move within the full buffer.
        assert!(order.iter().enumerate().skip(16).any(|(at, item)| *item > at + 10));
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        assert_eq!(shuffled(5, 1, [0; 3]), [0, 1, 2, 3, 4]);
    }
}
