//! Drift of images: features, judgement and novelty together.

mod novelty;
mod population;
mod real_tiles;
mod shifts;
