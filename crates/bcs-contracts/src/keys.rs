//! Object keys in buckets, and the names of runs, checkpoints and model versions.
//!
//! A record is written after its mask, so that a reader that finds a record also finds its mask.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// Parameters of the network, under the names of MONAI's `state_dict`.
pub const MODEL_FILE: &str = "model.safetensors";
/// Description of the model; written last, so that a folder that has it is complete.
pub const METADATA_FILE: &str = "metadata.json";
/// The network as an ONNX graph, for engines that compile it; optional.
pub const GRAPH_FILE: &str = "model.onnx";
/// The same graph with convolutions in 8 bits; optional.
pub const QUANTIZED_GRAPH_FILE: &str = "model.int8.onnx";
/// Composed configuration of the training run.
pub const CONFIG_FILE: &str = "config.yaml";
/// Drift reference.
pub const REFERENCE_FILE: &str = "reference.json";
/// Prefix of all prediction records.
pub const RECORDS: &str = "records/";
/// Prefix of all corrected masks.
pub const LABELS: &str = "labels/";
/// Prefix of all drift reports.
pub const REPORTS: &str = "reports/";

/// Prefix of all accepted baselines.
pub const BASELINES: &str = "baselines/";

/// Returns the day (UTC) of a prediction, which its id (a version 7 UUID) carries; `None` for any other UUID.
pub fn day_of(id: Uuid) -> Option<Date> {
    Some(time_of(id)?.to_zoned_datetime(TimeZone::UTC).date())
}

/// Returns the time of a prediction, which its id carries to the millisecond; `None` for UUIDs of other versions.
pub fn time_of(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// `records/date=YYYY-MM-DD/`, the prefix of the records of one day (UTC).
pub fn records_of(day: Date) -> String {
    format!("{RECORDS}date={day}/")
}

/// `records/date=YYYY-MM-DD/<id>.json`
pub fn record(day: Date, id: Uuid) -> String {
    format!("{RECORDS}date={day}/{id}.json")
}

/// `masks/date=YYYY-MM-DD/<id>.png`
pub fn mask(day: Date, id: Uuid) -> String {
    format!("masks/date={day}/{id}.png")
}

/// `inputs/date=YYYY-MM-DD/<id>.<extension>`
pub fn input(day: Date, id: Uuid, extension: &str) -> String {
    format!("inputs/date={day}/{id}.{extension}")
}

/// `labels/<id>.png`, the corrected mask of a prediction
pub fn label(id: Uuid) -> String {
    format!("{LABELS}{id}.png")
}

/// Returns the prediction that the corrected mask at this key is of; `None` for any other key.
pub fn labelled(key: &str) -> Option<Uuid> {
    key.strip_prefix(LABELS)?.strip_suffix(".png")?.parse().ok()
}

/// `reports/<id>.json`, written after [`report_page`].
pub fn report(id: &str) -> String {
    format!("{REPORTS}{id}.json")
}

/// `reports/<id>.html`
pub fn report_page(id: &str) -> String {
    format!("{REPORTS}{id}.html")
}

/// `baselines/<id>.json`, an accepted baseline of the drift monitor
pub fn baseline(id: Uuid) -> String {
    format!("{BASELINES}{id}.json")
}

/// `compact/date=YYYY-MM-DD/`, the prefix of the tables of one day (UTC)
pub fn compacted_of(day: Date) -> String {
    format!("compact/date={day}/")
}

/// `compact/date=YYYY-MM-DD/part-00000.parquet`, a table of records
pub fn compacted(day: Date, part: usize) -> String {
    format!("{}part-{part:05}.parquet", compacted_of(day))
}

/// `marks/<kind>.json`, where the last report of the drift monitor ended
pub fn mark(kind: &str) -> String {
    format!("marks/{kind}.json")
}

/// `windows/<kind>/`, the prefix of the windows of the reports of a kind
pub fn windows_of(kind: &str) -> String {
    format!("windows/{kind}/")
}

/// `windows/<kind>/<report>.json`, the means of the cases of a report's window, written before [`report`]
pub fn window(kind: &str, report: &str) -> String {
    format!("{}{report}.json", windows_of(kind))
}

/// `runs/<id>.json`, the state of a run of the drift monitor
pub fn run(id: &str) -> String {
    format!("runs/{id}.json")
}

/// `train-YYYY-MM-DD_HH-MM-SS`, the name of a training run (UTC).
pub fn run_name(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).strftime("train-%Y-%m-%d_%H-%M-%S").to_string()
}

/// `<run>-epoch=02-<hash>`, the version of a model: its run, its epoch (from 0), and the first eight hex digits of the
/// SHA-256 of its parameter file, so that two checkpoints of a run have different versions.
pub fn model_version(run: &str, epoch: usize, weights_sha256: &str) -> String {
    format!("{run}-epoch={epoch:02}-{}", short_hash(weights_sha256))
}

/// `<name>-<hash>`, the version of an imported model: the name of its package, and the first eight hex digits of the
/// SHA-256 of its parameter file.
pub fn imported_version(name: &str, weights_sha256: &str) -> String {
    format!("{name}-{}", short_hash(weights_sha256))
}

fn short_hash(sha256: &str) -> &str {
    sha256.get(..8).unwrap_or(sha256)
}

/// `best_model-val_metric=0.87`
pub fn best_model(val_metric: f64) -> String {
    format!("best_model-val_metric={val_metric:.2}")
}

/// `epoch=02-val_metric=0.87`
pub fn checkpoint(epoch: usize, val_metric: f64) -> String {
    format!("epoch={epoch:02}-val_metric={val_metric:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_stored_under_the_day_in_its_id() {
        // 2022-02-22T19:22:22Z: the example of RFC 9562, appendix A.6.
        let id: Uuid = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".parse().unwrap();
        let day = day_of(id).unwrap();
        assert_eq!(record(day, id), "records/date=2022-02-22/017f22e2-79b0-7cc3-98c4-dc0c0c07398f.json");
        assert_eq!(mask(day, id), "masks/date=2022-02-22/017f22e2-79b0-7cc3-98c4-dc0c0c07398f.png");
        assert_eq!(day_of(Uuid::nil()), None);
        assert_eq!(
            (labelled(&label(id)), labelled("labels/x.png"), labelled(&mask(day, id))),
            (Some(id), None, None)
        );
    }

    #[test]
    fn names_are_those_of_the_predecessor() {
        let time: Timestamp = "2024-01-17T09:05:03Z".parse().unwrap();
        assert_eq!(run_name(time), "train-2024-01-17_09-05-03");
        assert_eq!(best_model(0.8712), "best_model-val_metric=0.87");
        assert_eq!(checkpoint(2, 0.866), "epoch=02-val_metric=0.87");
        assert_eq!(model_version("train-x", 2, "0123456789ab"), "train-x-epoch=02-01234567");
        assert_eq!(imported_version("monai", "0123456789ab"), "monai-01234567");
    }
}
