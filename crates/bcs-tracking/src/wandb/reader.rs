//! Reads the log of records that an earlier process of the run has written.

use std::path::Path;

use prost::Message;

use super::datastore::{BLOCK, CHUNK_HEADER, FILE_HEADER, FULL, LAST};
use super::messages::{Kind, Record};

/// Returns the largest step of the history in the log of a run, in its folder; `None` if there is no history.
pub(super) fn last_step(folder: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(folder).ok()?;
    let path = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "wandb"))?;
    let step = |record: Record| match record.kind {
        Some(Kind::History(history)) => Some(history.step?.num as u64),
        _ => None,
    };
    records(&std::fs::read(path).ok()?).into_iter().filter_map(step).max()
}

/// Returns the records of a log, up to its end or the first damage: a process that was killed leaves half a record.
pub(super) fn records(log: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut position = FILE_HEADER.len();
    let mut pending = Vec::new();
    while let Some((kind, part, after)) = chunk(log, position) {
        pending.extend_from_slice(part);
        position = after;
        if kind == FULL || kind == LAST {
            let Ok(record) = Record::decode(pending.as_slice()) else { break };
            records.push(record);
            pending.clear();
        }
    }
    records
}

/// Returns type, content and end of the chunk at a position.
fn chunk(log: &[u8], mut position: usize) -> Option<(u8, &[u8], usize)> {
    let left = BLOCK - position % BLOCK;
    if left < CHUNK_HEADER {
        position += left;
    }
    let [c0, c1, c2, c3, l0, l1, kind] = *log.get(position..)?.first_chunk::<CHUNK_HEADER>()?;
    let start = position + CHUNK_HEADER;
    let end = start + usize::from(u16::from_le_bytes([l0, l1]));
    let content = log.get(start..end)?;
    let checksum = super::datastore::checksum(kind, content);
    (checksum == u32::from_le_bytes([c0, c1, c2, c3])).then_some((kind, content, end))
}

#[cfg(test)]
mod tests {
    use super::super::datastore::Datastore;
    use super::super::messages::{HistoryRecord, HistoryStep, OutputRawRecord};
    use super::*;

    #[test]
    fn records_of_all_lengths_are_read_back_until_a_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run-a.wandb");
        let mut store = Datastore::create(&path, "a").unwrap();
        // Lengths around the ends of blocks, and longer than two of them.
        let lengths: Vec<usize> = (BLOCK - 80..BLOCK).step_by(3).chain([1, 0, 3 * BLOCK]).collect();
        for (step, length) in lengths.iter().enumerate() {
            let line = OutputRawRecord { line: "x".repeat(*length), ..OutputRawRecord::default() };
            store.write(Kind::OutputRaw(line)).unwrap();
            let step = Some(HistoryStep { num: step as i64 });
            store.write(Kind::History(HistoryRecord { item: Vec::new(), step })).unwrap();
        }
        store.flush().unwrap();
        let mut log = std::fs::read(&path).unwrap();
        let found: Vec<usize> = records(&log)
            .into_iter()
            .filter_map(|record| match record.kind {
                Some(Kind::OutputRaw(output)) => Some(output.line.len()),
                _ => None,
            })
            .collect();
        assert_eq!(found, lengths);
        assert_eq!(last_step(folder.path()), Some(lengths.len() as u64 - 1));

        let last = log.len() - 1;
        log[last] ^= 1;
        std::fs::write(&path, &log).unwrap();
        assert_eq!(last_step(folder.path()), Some(lengths.len() as u64 - 2));
        assert_eq!(last_step(Path::new("/nowhere")), None);
    }
}
