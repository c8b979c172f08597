use bcs_contracts::package::ClassScores;

use super::messages::{HistoryRecord, Record as Message};
use super::*;
use crate::entry::{Epoch, Picture, Step};
use crate::histogram::Histogram;

fn run(first_step: u64) -> Run {
    let config = json!({"train_hyp": {"seed": 3}});
    Run {
        name: "train-1".to_owned(),
        config: config.as_object().unwrap().clone(),
        classes: bcs_contracts::class::unnamed_classes(2),
        background: Some(0),
        arguments: vec!["train_hyp.seed=3".to_owned()],
        revision: "0123".to_owned(),
        first_step,
    }
}

fn create(parent: &Path, first_step: u64, before: &[PathBuf]) -> Wandb {
    let settings = Settings::from_env(|_| None).unwrap();
    let id = format!("run{first_step}");
    Wandb::create(parent, &settings, &id, &run(first_step), before).unwrap()
}

fn step(loss: f64) -> Record {
    Record::Step(Step { loss, learning_rate: 0.1, gradient_norm: None })
}

fn epoch(val_metric: f64) -> Record {
    let class = ClassScores {
        name: "tumour".to_owned(),
        dice: Some(0.5),
        iou: None,
        dice_per_image: None,
        images: 1,
    };
    Record::Epoch(Box::new(Epoch {
        epoch: 0,
        loss: 1.0,
        learning_rate: 0.1,
        val_metric,
        classes: vec![class],
        images_per_second: 10.0,
        data_wait_share: 0.0,
    }))
}

fn messages(folder: &Path) -> Vec<Message> {
    let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = paths.find(|path| path.is_file()).expect("there is a log");
    reader::records(&fs::read(file).unwrap())
}

/// Rows of the history.
fn rows(folder: &Path) -> Vec<Map<String, Value>> {
    let row = |history: HistoryRecord| {
        let value = |text: &str| serde_json::from_str(text).unwrap();
        history.item.iter().map(|item| (item.nested_key.concat(), value(&item.value_json))).collect()
    };
    let histories = messages(folder).into_iter().filter_map(|message| match message.kind {
        Some(Kind::History(history)) => Some(row(history)),
        _ => None,
    });
    histories.collect()
}

#[test]
fn figures_of_a_step_are_one_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = create(folder.path(), 0, &[]);
    for (number, record) in [(1, step(0.7)), (2, step(0.6)), (2, epoch(f64::NAN))] {
        sink.write(&Entry::now(number, record)).unwrap();
    }
    sink.finish(&Outcome::Failed("it is too small".to_owned())).unwrap();
    let rows = rows(sink.folder());
    assert_eq!(rows.iter().map(|row| &row["_step"]).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((&rows[1]["train/loss"], &rows[1]["val_dice/tumour"]), (&json!(0.6), &json!(0.5)));
    assert_eq!(rows[1]["val_metric"], "NaN");
    assert!(!rows[1].contains_key("val_iou/tumour"));
    let last = messages(sink.folder()).pop().unwrap();
    assert!(matches!(last.kind, Some(Kind::Exit(RunExitRecord { exit_code: 1, .. }))));
    let output = fs::read_to_string(sink.folder().join("files/output.log")).unwrap();
    assert_eq!(output, "it is too small\n");
}

#[test]
fn a_run_that_goes_on_does_not_repeat_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = create(folder.path(), 0, &[]);
    for number in 1..=5 {
        first.write(&Entry::now(number, step(0.5))).unwrap();
    }
    // The process is killed: the row of step 5 is not complete.
    first.flush().unwrap();
    let mut second = create(folder.path(), 2, &[first.folder().to_owned()]);
    for number in 3..=6 {
        second.write(&Entry::now(number, step(0.5))).unwrap();
    }
    second.finish(&Outcome::Finished).unwrap();
    let steps = |sink: &Wandb| -> Vec<u64> {
        rows(sink.folder()).iter().map(|row| row["_step"].as_u64().unwrap()).collect()
    };
    assert_eq!((steps(&first), steps(&second)), (vec![1, 2, 3, 4], vec![5, 6]));
    let run = messages(second.folder()).into_iter().find_map(|message| match message.kind {
        Some(Kind::Run(run)) => Some(run),
        _ => None,
    });
    let run = run.unwrap();
    assert_eq!((run.resume, run.resumed, run.starting_step), (true, true, 2));
}

#[test]
fn pictures_and_histograms_are_in_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = create(folder.path(), 0, &[]);
    let picture = Picture {
        name: "tile".to_owned(),
        image: image::RgbImage::new(4, 3),
        truth: image::GrayImage::new(4, 3),
        prediction: image::GrayImage::from_pixel(4, 3, image::Luma([1])),
    };
    sink.write(&Entry::now(3, Record::Pictures(vec![picture]))).unwrap();
    let histogram = Histogram::of(&[1.0, 2.0, 2.0]).unwrap();
    sink.write(&Entry::now(3, Record::Histograms(vec![("model.0".to_owned(), histogram)]))).unwrap();
    sink.finish(&Outcome::Finished).unwrap();
    let rows = rows(sink.folder());
    let pictures = &rows[0][PICTURES];
    assert_eq!((&pictures["width"], &pictures["captions"][0]), (&json!(4), &json!("tile")));
    let path = pictures["all_masks"][0]["prediction"]["path"].as_str().unwrap();
    let mask = image::open(sink.folder().join("files").join(path)).unwrap().into_luma8();
    assert!(mask.pixels().all(|pixel| pixel[0] == 1));
    let counts = rows[0]["parameters/model.0"]["values"].as_array().unwrap();
    assert_eq!(counts.iter().map(|count| count.as_u64().unwrap()).sum::<u64>(), 3);
}
