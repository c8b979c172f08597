//! Many records: bounded memory, interrupted and concurrent runs. `scripts/large records` does the same with a million records.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bcs_contracts::Features;
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use uuid::{NoContext, Uuid};

use crate::support::{Server, World, images, stderr};

/// Number of records, unless `BCS_LARGE_RECORDS` says otherwise.
const FEW: u32 = 3_000;

/// Number of features of a record, as the predictor has.
const FEATURES: usize = 28;

/// Memory that a run may take, in MB.
const MOST: u64 = 500;

/// Most records of which a server makes report after report.
const SERVED: u32 = 20_000;

/// Memory by which a small process may vary, in MB.
const SLACK: f64 = 3.0;

fn count() -> u32 {
    std::env::var("BCS_LARGE_RECORDS").map_or(FEW, |count| count.parse().unwrap())
}

/// Features of images, as many as the predictor measures.
fn features(count: u32, seed: u64) -> Vec<Features> {
    let name = |name: String, copy: usize| if copy == 0 { name } else { format!("{name}_{copy}") };
    images(count, seed, 0.0)
        .into_iter()
        .map(|image| {
            let copied = |copy: usize| {
                let offset = copy as f64 / 10.0;
                image.clone().into_iter().map(move |(feature, value)| (name(feature, copy), value + offset))
            };
            (0..FEATURES / image.len()).flat_map(copied).collect()
        })
        .collect()
}

/// Stores records of 500 images a case, evenly over twenty hours.
fn predict(world: &World, count: u32) {
    const BATCH: u32 = 1_000;
    let start = Timestamp::now() - 20.hours();
    for batch in (0..count).step_by(BATCH as usize) {
        let size = BATCH.min(count - batch);
        for (at, features) in (batch..).zip(features(size, u64::from(batch) + 2)) {
            let time = start + (i64::from(at) * 72_000_000 / i64::from(count)).milliseconds();
            let seconds = u64::try_from(time.as_second()).unwrap();
            let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0));
            world.store_record(id, time, &format!("case-{}", at / 500), features);
        }
    }
}

fn world(count: u32) -> World {
    let world = World::trained_on(features(400, 1));
    predict(&world, count);
    world
}

/// Returns a figure of a process in MB, such as `VmHWM`, its peak memory so far; `None` once it has ended.
fn memory(process: u32, figure: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure))?;
    line.trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB")
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes / 1000)
}

/// Waits for a process, and returns its peak memory in MB.
fn peak(process: &mut Child) -> u64 {
    let mut peak = 0;
    while process.try_wait().unwrap().is_none() {
        peak = peak.max(memory(process.id(), "VmHWM").unwrap_or_default());
        std::thread::sleep(Duration::from_millis(10));
    }
    peak
}

fn run(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command();
    command.arg("run").args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Frees the leases of processes that were killed, as half a minute does.
fn expire_leases(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut state: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        state.insert("expires".to_owned(), "2026-01-01T00:00:00Z".into());
        std::fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
    }
}

#[test]
fn a_killed_run_and_two_at_once_make_one_report_each_in_bounded_memory() {
    let count = count();
    let world = world(count);
    let mut killed = run(&world, &[]).spawn().unwrap();
    let runs = world.path("reports/runs");
    while !runs.exists() && killed.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(world.reports().is_empty());

    expire_leases(&runs);
    let mut again = run(&world, &[]).spawn().unwrap();
    let peak_memory = peak(&mut again);
    let output = again.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let [report] = &world.reports()[..] else { panic!("{:?}", world.stored()) };
    assert_eq!(report["records"]["used"], count);
    println!("{count} records: {peak_memory} MB");
    assert!(peak_memory < MOST, "{peak_memory} MB");

    let two: Vec<Child> = (0..2).map(|_| run(&world, &["--days", "2"]).spawn().unwrap()).collect();
    for process in two {
        let output = process.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert_eq!(world.reports().len(), 2);
}

#[tokio::test]
async fn the_memory_of_the_server_does_not_climb() {
    let world = world(count().min(SERVED));
    let mut command = world.command();
    // As in the container: memory that was freed is given back at once, and not when the next run asks for more.
    command.env("MIMALLOC_PURGE_DELAY", "0");
    let server = Server::start_with(command);
    let mut after = Vec::new();
    for run in 0..20 {
        // Windows of different lengths make a report each.
        let (status, _) = server.post(&format!(r#"{{"hours": {}}}"#, 24 + run)).await;
        assert_eq!(status, StatusCode::CREATED);
        after.push(memory(server.process.id(), "VmRSS").unwrap());
    }
    println!("memory after each run: {after:?} MB");
    // Medians, because a run may leave more than the next.
    let median = |runs: &[u64]| {
        let mut sorted = runs.to_vec();
        sorted.sort_unstable();
        sorted[runs.len() / 2] as f64
    };
    let (early, late) = (median(&after[2..7]), median(&after[15..]));
    assert!(late < early * 1.05 + SLACK, "{after:?} MB");
}
