use serde_json::json;

use super::*;
use crate::entry::Step;

fn run(first_step: u64) -> Run {
    let config = json!({"train_hyp": {"seed": 3}, "data": {"root": "tissue"}});
    Run {
        name: "train-1".to_owned(),
        config: config.as_object().unwrap().clone(),
        classes: bcs_contracts::class::unnamed_classes(2),
        background: Some(0),
        arguments: vec!["train_hyp.seed=3".to_owned()],
        revision: String::new(),
        first_step,
    }
}

/// Events of the only file in a folder.
fn events(folder: &Path) -> Vec<Event> {
    let paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [path] = &paths[..] else { panic!("{paths:?}") };
    let bytes = fs::read(path).unwrap();
    let (mut events, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u64::from_le_bytes(*length) as usize;
        events.push(Event::decode(&after[4..4 + length]).unwrap());
        rest = &after[4 + length + 4..];
    }
    events
}

fn written(first_step: u64) -> Vec<Event> {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = TensorBoard::create(folder.path(), &run(first_step)).unwrap();
    let figures = Step { loss: 0.5, learning_rate: 0.1, gradient_norm: Some(2.0) };
    sink.write(&Entry::now(first_step + 1, Record::Step(figures))).unwrap();
    sink.finish(&Outcome::Finished).unwrap();
    events(folder.path())
}

#[test]
fn figures_of_a_step_are_one_event() {
    let events = written(0);
    assert_eq!(events[0].what, Some(What::FileVersion(FILE_VERSION.to_owned())));
    let step = events.iter().find(|event| event.step == 1).unwrap();
    let Some(What::Summary(summary)) = &step.what else { panic!("{step:?}") };
    let found: Vec<_> =
        summary.value.iter().map(|value| (value.tag.as_str(), value.value.clone().unwrap())).collect();
    let expected = [("train/loss", 0.5), ("train/learning_rate", 0.1), ("train/gradient_norm", 2.0)];
    assert_eq!(found, expected.map(|(tag, value)| (tag, Widget::SimpleValue(value))));
}

#[test]
fn only_a_run_that_goes_on_replaces_later_steps() {
    let start = |first_step: u64| -> Vec<i64> {
        let is_start = |event: &&Event| matches!(event.what, Some(What::SessionLog(_)));
        written(first_step).iter().filter(is_start).map(|event| event.step).collect()
    };
    assert_eq!((start(0), start(7)), (vec![], vec![8]));
}
