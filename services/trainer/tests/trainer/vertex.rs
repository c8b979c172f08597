//! A trial of the hyperparameter tuning of Vertex AI: parameters as flags, and the file with the metrics.

use bcs_tests::SMALL;
use serde_json::Value;

use crate::support::{metrics, outcome, write_tissue};

#[test]
fn a_tuning_trial_takes_flags_and_reports_each_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let file = here.join("hypertune/output.metrics");
    let arguments = [&SMALL[..], &["--train_hyp.learning_rate=0.0125", "--train_hyp.loss=Dice"]].concat();
    let environment = [
        ("CLOUD_ML_HP_METRIC_FILE", file.to_str().unwrap()),
        ("CLOUD_ML_TRIAL_ID", "3"),
        ("OMP_NUM_THREADS", "1"),
    ];
    let (code, _, error) = outcome(here, &arguments, &environment);
    assert_eq!(code, Some(0), "{error}");
    let epochs = metrics(here);
    assert_eq!(epochs[0]["learning_rate"], 0.0125);
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (epoch, (line, metrics)) in lines.iter().zip(&epochs).enumerate() {
        let value: f64 = line["val_metric"].as_str().unwrap().parse().unwrap();
        assert_eq!(Some(value), metrics["val_metric"].as_f64());
        assert_eq!(
            (line["global_step"].as_str(), line["trial"].as_str()),
            (Some(&*epoch.to_string()), Some("3"))
        );
        assert!(line["timestamp"].as_f64().unwrap() > 1.7e9 && line["checkpoint_path"] == "");
    }
}
