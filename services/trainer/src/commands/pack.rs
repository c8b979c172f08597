//! `bcs-trainer pack`: tiles in shards, which stream from a bucket.

use std::time::Instant;

use bcs_data::index;
use bcs_data::shards::index::INDEX_FILE;
use bcs_data::shards::pack::pack;
use bcs_storage::PutMode;

use crate::cli::PackArguments;
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::remote::bucket::Bucket;
use crate::remote::tiles;

/// Packs the tiles of a folder, writes shards and, at last, their index.
pub(super) fn run(arguments: &PackArguments) -> Result<()> {
    let pairs = index::pairs(&tiles::fetch(&arguments.images)?, &tiles::fetch(&arguments.masks)?)?;
    let output = Bucket::open(&arguments.output)?;
    if output.list(INDEX_FILE)?.iter().any(|entry| entry.key == INDEX_FILE) {
        return Err(Error::Usage(format!(
            "{} has shards already; give another --output, or remove them",
            output.name()
        )));
    }
    let start = Instant::now();
    let progress = Progress::new("Packing tiles", pairs.len(), "tiles");
    let size = (arguments.shard_mb * 1_000_000, arguments.seed);
    let write = |name: &str, content: Vec<u8>| output.put(name, content.into(), PutMode::Overwrite);
    let index = pack::<Error>(&pairs, size, write, || progress.step())?;
    drop(progress);
    output.put(INDEX_FILE, serde_json::to_vec_pretty(&index)?.into(), PutMode::Create)?;
    let bytes: u64 = index.shards.iter().map(|shard| shard.bytes).sum();
    let (megabytes, seconds) = (bytes as f64 / 1e6, start.elapsed().as_secs_f64());
    println!("tiles       {}", index.tiles());
    println!(
        "shards      {}, {megabytes:.1} MB in {seconds:.1} s ({:.1} MB/s)",
        index.shards.len(),
        megabytes / seconds
    );
    println!("location    {}", output.name());
    println!("train       bcs-trainer data.train_shards={}", arguments.output.display());
    Ok(())
}
