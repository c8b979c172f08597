//! The results of an evaluation: files, report and what is printed.

use std::path::{Path, PathBuf};

use bcs_contracts::TissueClass;
use bcs_data::{LabelMap, TileSet};
use bcs_model::metrics::ValMetric;
use fs_err as fs;
use serde_json::{Value, json};

use super::Evaluation;
use super::cases::Cases;
use super::comparison::{Comparison, percent};
use super::estimates::{Clusters, Estimates};
use super::page::EvaluationPage;
use super::rows::Row;
use super::{csv_file, scores};
use crate::error::Result;
use crate::output::sheet::{Example, sheet};
use crate::output::table;
use crate::report::examples::Examples;
use crate::statistics::bootstrap::Bootstrap;
use crate::training::validate::Scores;

/// A model with its segmentations of a data set, scored.
pub(crate) struct Assessed {
    /// Path of the model.
    pub model: PathBuf,
    /// Version of the model.
    pub version: String,
    /// Classes of the model.
    pub classes: Vec<TissueClass>,
    /// Resolution in µm/px, where known.
    pub mpp: Option<f64>,
    /// Pooled scores.
    pub scores: Scores,
    /// Metrics.
    pub evaluation: Evaluation,
    /// Examples for the picture.
    pub sheet: Vec<Example>,
    /// Best and worst images.
    pub examples: Examples,
}

/// The results of an evaluation.
pub(crate) struct Results<'a> {
    tiles: &'a TileSet,
    map: &'a LabelMap,
    metric: &'a ValMetric,
    cases: &'a Cases,
    bootstrap: Bootstrap,
    model: &'a Assessed,
    rows: Vec<Vec<Row>>,
    estimates: Estimates,
    other: Option<Other<'a>>,
}

/// The model that is compared.
struct Other<'a> {
    model: &'a Assessed,
    estimates: Estimates,
    comparison: Comparison,
}

impl<'a> Results<'a> {
    /// Computes confidence intervals, and compares the models if there are two.
    pub(crate) fn new(
        tiles: &'a TileSet,
        map: &'a LabelMap,
        metric: &'a ValMetric,
        cases: &'a Cases,
        bootstrap: Bootstrap,
        model: &'a Assessed,
        other: Option<&'a Assessed>,
    ) -> Self {
        let counted = metric.counted();
        let estimates = |rows: &[Vec<Row>]| Estimates::new(&Clusters::new(rows, cases, counted), &bootstrap);
        let rows = model.evaluation.rows();
        let other = other.map(|model| {
            let of_other = model.evaluation.rows();
            let comparison = Comparison::new([&rows, &of_other], cases, counted, &bootstrap);
            Other { model, estimates: estimates(&of_other), comparison }
        });
        let estimates = estimates(&rows);
        Self { tiles, map, metric, cases, bootstrap, model, rows, estimates, other }
    }

    /// Writes all files to a folder, and prints the scores.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] and errors of pictures.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let file = |extension: &str| folder.join("evaluation").with_extension(extension);
        let classes = &self.model.classes;
        sheet(&self.model.sheet, classes, self.map.background())?.save(file("png"))?;
        csv_file::write(&file("csv"), self.tiles, self.cases, &self.names(), &self.rows)?;
        fs::write(file("html"), self.page()?.render()?)?;
        fs::write(file("json"), format!("{:#}\n", self.to_json()?))?;
        self.print();
        println!("report            {}", file("html").display());
        println!("figures           {}", file("json").display());
        println!("images            {}", file("csv").display());
        println!("picture           {}  (image, truth, prediction)", file("png").display());
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        self.model.classes.iter().map(|class| class.name.clone()).collect()
    }

    fn to_json(&self) -> Result<Value> {
        let Assessed { model, version, mpp, scores, evaluation, .. } = self.model;
        let names = self.names();
        let confusion = evaluation.confusion()?;
        let mut result = json!({
            "model": model, "model_version": version, "label_map": self.map.name(), "images": scores.images,
            "dice": scores.val_metric, "counted": scores.counted, "classes": scores.classes, "mpp": mpp,
            "metrics": evaluation.figures(),
            "patients": self.cases.len(),
            "bootstrap": self.bootstrap,
            "intervals": self.estimates.to_json(&names),
            "notes": self.cases.notes(),
            "confusion_matrix": confusion.rows().collect::<Vec<_>>(),
        });
        if let Some(other) = &self.other {
            let mut comparison = other.comparison.to_json(&names);
            comparison["model"] = json!(other.model.model);
            comparison["model_version"] = json!(other.model.version);
            comparison["metrics"] = other.model.evaluation.figures();
            comparison["intervals"] = other.estimates.to_json(&names);
            result["comparison"] = comparison;
        }
        Ok(result)
    }

    fn page(&self) -> Result<EvaluationPage<'_>> {
        let model = self.model;
        let mut facts = vec![
            (if self.other.is_some() { "Model A" } else { "Model" }, model.version.clone()),
            ("Model file", model.model.display().to_string()),
        ];
        if let Some(other) = &self.other {
            facts.push(("Model B", other.model.version.clone()));
            facts.push(("Model file of B", other.model.model.display().to_string()));
        }
        facts.extend([
            ("Images", model.scores.images.to_string()),
            ("Patients", self.cases.len().to_string()),
            ("Label map", self.map.name().to_owned()),
            ("Resolution", model.mpp.map_or_else(String::new, |mpp| format!("{mpp} µm/px"))),
            ("Surface tolerance", format!("{} px", model.evaluation.tolerance())),
            (
                "Intervals",
                format!("{}, {} resamples", percent(self.bootstrap.confidence), self.bootstrap.resamples),
            ),
            ("Program", format!("bcs-trainer {}", env!("CARGO_PKG_VERSION"))),
            ("Created", jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string()),
        ]);
        Ok(EvaluationPage {
            facts,
            notes: self.cases.notes(),
            classes: &model.classes,
            background: self.map.background(),
            counted: model.scores.counted.clone(),
            bootstrap: self.bootstrap,
            estimates: &self.estimates,
            rows: &self.rows,
            confusion: model.evaluation.confusion()?.rows().map(<[u64]>::to_vec).collect(),
            examples: &model.examples,
            other: self.other.as_ref().map(|other| (&other.estimates, &other.comparison)),
        })
    }

    fn print(&self) {
        let Assessed { version, scores, evaluation, .. } = self.model;
        println!(
            "{version} on {} images of {} patients\n\n{}\n",
            scores.images,
            self.cases.len(),
            evaluation.table()
        );
        println!("{} confidence intervals by patient:\n", percent(self.bootstrap.confidence));
        println!("{}\n", scores::intervals(&self.names(), &self.estimates));
        if let Some(other) = &self.other {
            println!("B, {}, compared with A:\n", other.model.version);
            println!("{}\n", scores::differences(&self.names(), &other.comparison));
            println!("{}\n", other.comparison.verdict());
        }
        for note in self.cases.notes() {
            println!("{note}\n");
        }
        println!("pooled Dice       {:.4}  ({})", scores.val_metric, table::counted(self.metric, self.map));
    }
}
