use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use bcs_contracts::{PredictionRecord, keys};
use bcs_storage::Store;
use futures_util::TryStreamExt;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::parse::parse;
use super::{Parsed, Records, key_hash};
use crate::error::Error;
use crate::fetch;
use crate::quality::Quality;
use crate::window::{MAX_DAYS, Window};

/// Time after its arrival within which a record may be stored and still be counted by the next report.
pub const LATE: SignedDuration = SignedDuration::from_hours(24);

/// Largest number of damaged records whose reasons are logged.
const MOST_LOGGED: usize = 100;

/// Fewest records that are read at once to find the newest ones.
const MIN_READ: usize = 256;

/// Records that are looked for.
#[derive(Debug, Clone)]
pub enum Scope {
    /// Those of a window.
    Window(Window),
    /// The newest, this many, up to a time.
    Last(usize, Timestamp),
    /// Those that arrived from a time on, or were stored late.
    Since(Since),
}

/// Records that a report did not have.
#[derive(Debug, Clone)]
pub struct Since {
    /// Time up to which the report had records.
    pub from: Timestamp,
    /// Time of the new report.
    pub to: Timestamp,
    /// [`key_hash`] of the records that the report had, of those that had arrived since [`LATE`] before `from`; `None` if
    /// there was no report.
    pub seen: Option<HashSet<u64>>,
}

impl Since {
    fn is_new(&self, day: Date, key: &str) -> bool {
        let arrived = arrival(day, key);
        let stored_late = || {
            let seen = self.seen.as_ref().is_none_or(|seen| seen.contains(&key_hash(key)));
            arrived >= self.from - LATE && !seen
        };
        arrived < self.to && (arrived >= self.from || stored_late())
    }
}

/// Time of arrival of a record, which its key tells; the end of its day for other keys.
pub(super) fn arrival(day: Date, key: &str) -> Timestamp {
    let name = key.rsplit('/').next().unwrap_or(key).trim_end_matches(".json");
    let id = name.parse().ok().and_then(keys::time_of);
    id.or_else(|| end_of(day)).unwrap_or(Timestamp::MAX)
}

fn end_of(day: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(day.to_datetime(Time::MAX)).ok()
}

/// Which records are used of those that are found.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Version of the model.
    pub version: String,
    /// Format of the drift reference.
    pub format: u32,
    /// Site or scanner; `None` for all.
    pub source: Option<String>,
}

impl Wanted {
    /// Whether a record is of the model and source.
    pub fn takes(&self, record: &PredictionRecord) -> bool {
        record.model_version == self.version && (self.source.is_none() || record.source == self.source)
    }
}

/// Reads records. Those that are wanted are used; damaged records and those of other models are counted.
///
/// Records of format 1 have image features measured over the whole image, those of format 2 features averaged over model
/// windows, and so have drift references of these formats. If record and reference differ in format, only
/// the model features of the record are used: class fractions, confidence and entropy mean the same in both.
///
/// `quality` is added to.
///
/// # Errors
/// [`Error::Store`].
pub async fn collect(
    store: &Arc<dyn Store>,
    scope: &Scope,
    wanted: &Wanted,
    quality: Quality,
) -> Result<Records, Error> {
    let mut records = Records { quality, ..Records::default() };
    match scope {
        Scope::Window(window) => {
            visit(store, *window, |key, parsed, is_in| records.add(key, parsed, wanted, is_in)).await?;
        }
        Scope::Last(count, to) => newest(store, *count, *to, wanted, &mut records).await?,
        Scope::Since(since) => {
            let days = Window::new(since.from - LATE, since.to, &TimeZone::UTC)?;
            for day in days.utc_days() {
                let mut keys = store.list(&keys::records_of(day)).await?;
                records.note_recent(day, &keys, since.to);
                keys.retain(|key| since.is_new(day, key));
                read(store, keys, |key, parsed| {
                    records.add(key, parsed, wanted, true);
                    true
                })
                .await?;
            }
        }
    }
    records.finish();
    for (key, reason) in records.damaged.iter().take(MOST_LOGGED) {
        tracing::warn!(key, reason, "Left out a damaged record.");
    }
    if records.damaged.len() > MOST_LOGGED {
        let more = records.damaged.len() - MOST_LOGGED;
        tracing::warn!("Left out {more} more damaged records; the report has their keys.");
    }
    Ok(records)
}

/// Reads records from the newest on, until this many are used.
async fn newest(
    store: &Arc<dyn Store>,
    count: usize,
    to: Timestamp,
    wanted: &Wanted,
    records: &mut Records,
) -> Result<(), Error> {
    let mut day = to.to_zoned_datetime(TimeZone::UTC).date();
    for _ in 0..MAX_DAYS {
        let mut keys = store.list(&keys::records_of(day)).await?;
        while records.used < count && !keys.is_empty() {
            let rest = keys.len().saturating_sub((count - records.used).max(MIN_READ));
            let mut batch = keys.split_off(rest);
            batch.reverse();
            read(store, batch, |key, parsed| {
                let is_in = parsed.as_ref().is_ok_and(|record| record.time < to);
                records.add(key, parsed, wanted, is_in);
                records.used < count
            })
            .await?;
        }
        let Ok(before) = day.yesterday() else { break };
        if records.used >= count {
            break;
        }
        day = before;
    }
    Ok(())
}

/// Reads the records of a window, those of a day before those of the next.
///
/// # Errors
/// [`Error::Store`].
pub async fn visit(
    store: &Arc<dyn Store>,
    window: Window,
    mut visit: impl FnMut(&str, Parsed, bool),
) -> Result<(), Error> {
    for day in window.utc_days() {
        let keys = store.list(&keys::records_of(day)).await?;
        read(store, keys, |key, parsed| {
            let is_in = parsed.as_ref().is_ok_and(|record| window.contains(day, record.time));
            visit(key, parsed, is_in);
            true
        })
        .await?;
    }
    Ok(())
}

/// Reads and parses records concurrently, in the order of the keys, until `visit` returns `false`.
async fn read(
    store: &Arc<dyn Store>,
    keys: Vec<String>,
    mut visit: impl FnMut(&str, Parsed) -> bool,
) -> Result<(), Error> {
    let mut parsed = pin!(fetch::each(store, keys, parse));
    while let Some((key, record)) = parsed.try_next().await? {
        if !visit(&key, record) {
            break;
        }
    }
    Ok(())
}
