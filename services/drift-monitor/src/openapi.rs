//! What the description of the routes shares: its head, and the schema of reports.

use jiff::Timestamp;
use utoipa::{OpenApi, ToSchema};

use crate::report::Sources;

/// The head of `/openapi.json`; the paths come from the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Drift of breast-cancer tissue",
        description = "Compares what the predictor has seen with what its model was trained on, feature by feature. \
            Every answer carries `x-request-id` (yours, if you send one); every error is a problem (RFC 9457)."
    ),
    tags(
        (name = "drift", description = "Runs and their reports"),
        (name = "service", description = "Whether it runs, and how much")
    )
)]
pub struct Description;

/// What a comparison found.
#[derive(ToSchema)]
#[schema(as = DriftReport)]
#[expect(dead_code, reason = "it describes bcs_drift::DriftReport, which has no dependency for that")]
pub struct ReportSchema {
    /// The layout of the report.
    format_version: u32,
    /// Its name: `GET /reports/{id}`.
    #[schema(example = "2026-11-22_2026-11-23-0f1e2d3c")]
    id: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The headline of the page, which names what was left out.
    title: String,
    /// When the records came in.
    #[schema(inline)]
    window: WindowSchema,
    /// The model that the records are of.
    model_version: String,
    /// Images behind the reference.
    reference_rows: usize,
    /// Images compared with it.
    current_rows: usize,
    /// Share of drifted features from which the data as a whole has drifted, in (0, 1].
    drift_share: f64,
    /// Features that drifted.
    drifted: usize,
    /// Share of the compared features that drifted, in [0, 1].
    share: f64,
    /// Whether `share` is at least `drift_share`.
    dataset_drift: bool,
    /// The features compared: drifted ones first, then by p-value.
    #[schema(inline)]
    features: Vec<FeatureSchema>,
    /// Features that could not be compared.
    #[schema(inline)]
    skipped: Vec<SkippedSchema>,
    /// The records behind the report.
    #[schema(inline)]
    records: Sources,
}

/// A stretch of time: from `from` until just before `to`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_drift::report::Window")]
struct WindowSchema {
    /// Its beginning.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    from: Option<Timestamp>,
    /// Its end.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    to: Option<Timestamp>,
}

/// How one feature compares.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_drift::report::FeatureDrift")]
struct FeatureSchema {
    /// The feature.
    name: String,
    /// The test: `ks`.
    test: String,
    /// The distance by that test.
    statistic: f64,
    /// How likely such a distance is without drift, in [0, 1].
    #[schema(required)]
    p_value: Option<f64>,
    /// A p-value below it is drift.
    threshold: f64,
    /// Whether it drifted.
    drifted: bool,
    /// The reference in numbers.
    #[schema(inline)]
    reference: SummarySchema,
    /// The current values in numbers.
    #[schema(inline)]
    current: SummarySchema,
    /// Both over the same bins.
    #[schema(inline)]
    histogram: HistogramSchema,
}

/// Values in numbers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_drift::report::Summary")]
struct SummarySchema {
    count: usize,
    mean: f64,
    std: f64,
    min: f64,
    p05: f64,
    median: f64,
    p95: f64,
    max: f64,
}

/// Counts of both sides over the same bins.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_drift::report::Histogram")]
struct HistogramSchema {
    /// Borders of the bins, one more than bins.
    edges: Vec<f64>,
    /// Values of the reference in each bin.
    reference: Vec<u64>,
    /// Current values in each bin.
    current: Vec<u64>,
}

/// A feature that could not be compared.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes bcs_drift::report::Skipped")]
struct SkippedSchema {
    /// The feature.
    name: String,
    /// Why, in words.
    reason: String,
}

#[cfg(test)]
mod tests {
    use bcs_contracts::Features;
    use bcs_drift::{About, Options, Table, detect};
    use utoipa::PartialSchema;

    use super::*;
    use crate::report::StoredReport;

    fn keys(value: &serde_json::Value) -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_describes_the_report_that_is_stored() {
        let image = |value: f64| Features::from([("grey_mean".to_owned(), value)]);
        let table = Table::from_features([image(0.1), image(0.2)]).unwrap();
        let about = About::new("r", Timestamp::UNIX_EPOCH);
        let drift = detect(&table, &table, Options::new(about)).unwrap();
        let stored = serde_json::to_value(StoredReport { drift, records: Sources::default() }).unwrap();
        let schema = serde_json::to_value(ReportSchema::schema()).unwrap();
        assert_eq!(keys(&schema["properties"]), keys(&stored));
        let (described, feature) = (&schema["properties"]["features"]["items"], &stored["features"][0]);
        assert_eq!(keys(&described["properties"]), keys(feature));
        for part in ["reference", "current", "histogram"] {
            // Its own description stands beside that of its type.
            let described = &described["properties"][part]["allOf"][0];
            assert_eq!(keys(&described["properties"]), keys(&feature[part]), "{part}");
        }
        assert_eq!(described["required"].as_array().unwrap().len(), keys(feature).len());
    }
}
