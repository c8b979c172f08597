//! Where the time of a run went: the table and the trace.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{json, output, trained, write_tissue};

/// An action of a thread: name, begin and end in microseconds.
type Action = (String, u64, u64);

/// Actions by the name of their thread, in the order of the file.
fn actions(trace: &Value) -> BTreeMap<String, Vec<Action>> {
    let events = trace.as_array().expect("the trace is a list of events");
    let of_kind = |kind: &'static str| events.iter().filter(move |event| event["ph"] == kind);
    let names: BTreeMap<u64, &str> = of_kind("M")
        .filter(|event| event["name"] == "thread_name")
        .map(|event| (event["tid"].as_u64().unwrap(), event["args"]["name"].as_str().unwrap()))
        .collect();
    let mut threads: BTreeMap<String, Vec<Action>> = BTreeMap::new();
    for event in of_kind("X") {
        assert_eq!(event["pid"], 1);
        let thread = names[&event["tid"].as_u64().unwrap()];
        let (begin, length) = (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
        let name = event["name"].as_str().unwrap().to_owned();
        threads.entry(thread.to_owned()).or_default().push((name, begin, begin + length));
    }
    threads
}

/// The innermost action that contains another.
fn parent<'a>(actions: &'a [Action], (name, begin, end): &Action) -> Option<&'a str> {
    let around = actions.iter().filter(|(other, from, to)| other != name && from <= begin && end <= to);
    around.min_by_key(|(_, from, to)| to - from).map(|(name, ..)| name.as_str())
}

#[test]
fn a_profile_has_a_table_and_a_trace_of_all_threads() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let overrides =
        ["train_hyp.max_epochs=2", "train_hyp.training_batch_size=1", "train_hyp.training_num_workers=2"];
    let printed = trained(here, &[&overrides[..], &["train_hyp.profiling=true"]].concat());

    let trace = json(output(here).join("trace.json"));
    let threads = actions(&trace);
    assert_eq!(threads.keys().collect::<Vec<_>>(), ["loader 0", "loader 1", "main"]);
    for (thread, actions) in &threads {
        // Written as they end, and each inside or beside every other.
        assert!(actions.is_sorted_by_key(|(_, _, end)| *end), "{thread}: {actions:?}");
        for (index, (_, begin, end)) in actions.iter().enumerate() {
            let beside = |(_, from, to): &Action| to <= begin || end <= from;
            let nested = |(_, from, to): &Action| from <= begin && end <= to || begin <= from && to <= end;
            assert!(actions[..index].iter().all(|other| beside(other) || nested(other)), "{thread}");
        }
    }
    let main = &threads["main"];
    let count = |name: &str| main.iter().filter(|(other, ..)| other == name).count();
    let counts = ["epoch", "step", "wait for data", "copy", "forward", "loss", "backward", "optimizer step"]
        .map(count);
    assert_eq!(counts, [2, 4, 4, 4, 4, 4, 4, 4]);
    assert_eq!(["validate", "checkpoint"].map(count), [2, 2]);
    let parents = |child: &str| -> Vec<_> {
        main.iter().filter(|(name, ..)| name == child).map(|action| parent(main, action)).collect()
    };
    assert!(parents("backward").iter().all(|parent| *parent == Some("step")));
    assert!(parents("step").iter().all(|parent| *parent == Some("epoch")));
    for thread in ["loader 0", "loader 1"] {
        let names: Vec<&str> = threads[thread].iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["load", "augment", "load", "augment"]);
    }

    let row =
        |action: &str| printed.lines().find(|line| line.starts_with(action)).unwrap_or_default().to_owned();
    assert_eq!(row("backward").split_whitespace().nth(2), Some("4"), "{printed}");
    assert!(row("augment").contains("loader") && row("data wait").contains('%'), "{printed}");
}

#[test]
fn without_profiling_there_is_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let printed = trained(here, &["train_hyp.max_epochs=1"]);
    assert!(!output(here).join("trace.json").exists() && !printed.contains("data wait"), "{printed}");
}
