//! Parts of the OpenAPI description that routes share: general information and the schema of reports.

use jiff::Timestamp;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::report::Sources;

/// General information of `/openapi.json`; the routes add their paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Drift of breast-cancer tissue",
        description = "Compares the predictions of a model with the data it was trained on, feature by feature. Every \
            response has an `x-request-id` (the one sent, or a new one); every error is a problem (RFC 9457). The \
            server is ready if the drift reference and both buckets can be used."
    ),
    tags(
        (name = "drift", description = "Runs and their reports"),
        (name = "service", description = "Health and metrics")
    )
)]
pub struct ApiDoc;

/// Result of a comparison.
#[derive(ToSchema)]
#[schema(as = DriftReport)]
#[expect(dead_code, reason = "describes bcs_drift::DriftReport, a crate without utoipa")]
pub struct ReportSchema {
    /// Report format.
    format_version: u32,
    /// Id of the report, for `GET /reports/{id}`.
    #[schema(example = "2026-11-22_2026-11-23-0f1e2d3c")]
    id: String,
    /// Time of the comparison.
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// Heading of the page, which counts what was left out.
    title: String,
    /// Time window of the records.
    #[schema(inline)]
    window: WindowSchema,
    /// Version of the model that made the predictions.
    model_version: String,
    /// `no_drift`, `drift` or `not_judged`.
    #[schema(value_type = String, example = "no_drift")]
    outcome: bcs_drift::Outcome,
    /// Verdict in one sentence, with what to do.
    #[schema(example = "No drift: no action, since 12 cases show no difference beyond chance.")]
    verdict: String,
    /// Number of images in the reference.
    reference_rows: usize,
    /// Number of images compared with it.
    current_rows: usize,
    /// Minimum fraction of drifted features at which the dataset counts as drifted, in (0, 1].
    drift_share: f64,
    /// Number of features that drifted.
    drifted: usize,
    /// Fraction of the compared features that drifted, in [0, 1].
    share: f64,
    /// Whether the outcome is drift.
    dataset_drift: bool,
    /// Judgement over cases, by family and feature; null with Evidently's preset.
    #[schema(value_type = Option<Object>, required)]
    judgement: Option<bcs_drift::judgement::Judgement>,
    /// Compared features: drifted ones first, then by p-value.
    #[schema(inline)]
    features: Vec<FeatureSchema>,
    /// Features that were not compared.
    #[schema(inline)]
    skipped: Vec<SkippedSchema>,
    /// Limitations of the comparison, as text: what the drift reference or the records lack.
    notes: Vec<String>,
    /// Earlier reports of the same model, the oldest first: id, time, outcome and families.
    #[schema(value_type = Vec<Object>)]
    trend: Vec<bcs_drift::report::Past>,
    /// Dice of each class: estimated for all images, measured for those with a corrected mask; null for records of earlier versions.
    #[schema(value_type = Option<Object>, required)]
    quality: Option<bcs_drift::quality::WindowQuality>,
    /// The most unusual images, those first that are most unusual.
    unusual: Vec<ImageSchema>,
    /// Images whose corrected masks would tell most, those first that tell most.
    to_label: Vec<ImageSchema>,
    /// The records behind the report.
    #[schema(inline)]
    records: Sources,
}

/// An image of the window of a report.
#[derive(ToSchema)]
#[schema(as = ReportImage)]
#[expect(dead_code, reason = "describes bcs_drift::report::ShownImage, a crate without utoipa")]
pub struct ImageSchema {
    /// Id of the prediction; the predictor takes the corrected mask at `PUT /predictions/{id}/label`.
    id: Uuid,
    /// Patient or slide.
    #[schema(required)]
    case: Option<String>,
    /// Mean probability of the predicted class.
    confidence: f64,
    /// Share of images like those of the drift reference that are at least as unusual as this one, in (0, 1].
    #[schema(required)]
    drift_score: Option<f64>,
    /// Key of the predicted mask in the bucket of the predictions.
    mask: String,
    /// Key of the record in the same bucket.
    record: String,
    /// Address of the prediction at the predictor, if PREDICTOR_URL is set.
    #[schema(required)]
    link: Option<String>,
}

/// Time window, from `from` (included) to `to` (excluded).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::Window")]
struct WindowSchema {
    /// Start.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    from: Option<Timestamp>,
    /// End, excluded.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    to: Option<Timestamp>,
}

/// Comparison of one feature.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::FeatureDrift")]
struct FeatureSchema {
    /// Name of the feature.
    name: String,
    /// Statistical test: `cases`, or one of Evidently's, as `ks`.
    test: String,
    /// Statistic of the test; of `cases`, the shift in standard deviations between cases.
    statistic: f64,
    /// Probability of a statistic at least as large without drift, in [0, 1].
    #[schema(required)]
    p_value: Option<f64>,
    /// The feature drifted if the p-value is below this threshold.
    threshold: f64,
    /// Whether the feature drifted.
    drifted: bool,
    /// Summary statistics of the reference.
    #[schema(inline)]
    reference: SummarySchema,
    /// Summary statistics of the current data.
    #[schema(inline)]
    current: SummarySchema,
    /// Histograms of both over the same bins.
    #[schema(inline)]
    histogram: HistogramSchema,
    /// Means of the cases in ascending order; empty with Evidently's preset.
    #[schema(inline)]
    cases: CasesSchema,
}

/// Means of the cases; of many cases, some at equal distances.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::CaseMeans")]
struct CasesSchema {
    /// Reference cases.
    reference: Vec<f64>,
    /// Current cases.
    current: Vec<f64>,
}

/// Summary statistics of a feature.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::Summary")]
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

/// Histograms of reference and current data over the same bins.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::Histogram")]
struct HistogramSchema {
    /// Edges of the bins, one more than bins.
    edges: Vec<f64>,
    /// Number of reference values in each bin.
    reference: Vec<u64>,
    /// Number of current values in each bin.
    current: Vec<u64>,
}

/// A feature that was not compared.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes bcs_drift::report::Skipped")]
struct SkippedSchema {
    /// Name of the feature.
    name: String,
    /// Reason, in words.
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
    fn the_schema_has_the_fields_of_the_stored_report() {
        let image = |value: f64| Features::from([("grey_mean".to_owned(), value)]);
        let table = Table::from_features([(None, image(0.1)), (None, image(0.2))]).unwrap();
        let about = About::new("r", Timestamp::UNIX_EPOCH);
        let drift = detect(&table, &table, Options::new(about)).unwrap();
        let stored = serde_json::to_value(StoredReport { drift, records: Sources::default() }).unwrap();
        let schema = serde_json::to_value(ReportSchema::schema()).unwrap();
        assert_eq!(keys(&schema["properties"]), keys(&stored));
        let (described, feature) = (&schema["properties"]["features"]["items"], &stored["features"][0]);
        assert_eq!(keys(&described["properties"]), keys(feature));
        for part in ["reference", "current", "histogram", "cases"] {
            // The schema combines the description of the field with the type.
            let described = &described["properties"][part]["allOf"][0];
            assert_eq!(keys(&described["properties"]), keys(&feature[part]), "{part}");
        }
        assert_eq!(described["required"].as_array().unwrap().len(), keys(feature).len());
    }
}
