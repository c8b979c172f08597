//! `evaluation.html`: the report of an evaluation.

use bcs_contracts::TissueClass;
use bcs_plot::{Bar, BarChart, Distribution, Distributions, HeatMap};
use maud::{Markup, html};

use super::comparison::{Comparison, Tests, p_value, percent, signed};
use super::estimates::{Estimate, Estimates};
use super::rows::Row;
use super::sums::METRICS;
use crate::error::Result;
use crate::report::examples::{Examples, swatch};
use crate::report::page::{Heading, Tone, colors, facts, notes, number, page, plots, section};
use crate::statistics::bootstrap::Bootstrap;

/// Columns of the table: position in [`METRICS`], heading and what is below it.
const COLUMNS: [(usize, &str, &str); 8] = [
    (0, "Dice", "all pixels"),
    (1, "IoU", "all pixels"),
    (2, "Precision", "all pixels"),
    (3, "Recall", "all pixels"),
    (4, "Dice", "mean of images"),
    (5, "IoU", "mean of images"),
    (8, "HD95", "px, mean"),
    (9, "Surface Dice", "mean of images"),
];

/// What the report shows.
pub(crate) struct EvaluationPage<'a> {
    /// Model, data and settings, by name.
    pub facts: Vec<(&'static str, String)>,
    /// Limitations.
    pub notes: Vec<String>,
    /// Classes.
    pub classes: &'a [TissueClass],
    /// Background class.
    pub background: Option<usize>,
    /// Names of the classes of the validation metric.
    pub counted: Vec<String>,
    /// How intervals were computed.
    pub bootstrap: Bootstrap,
    /// Scores with intervals.
    pub estimates: &'a Estimates,
    /// Scores of each image.
    pub rows: &'a [Vec<Row>],
    /// Pixels by class in truth and prediction.
    pub confusion: Vec<Vec<u64>>,
    /// Best and worst images.
    pub examples: &'a Examples,
    /// The other model, its scores, and how it compares.
    pub other: Option<(&'a Estimates, &'a Comparison)>,
}

impl EvaluationPage<'_> {
    /// Renders the report as HTML.
    ///
    /// # Errors
    /// Those of [`Examples::render`].
    pub(crate) fn render(&self) -> Result<String> {
        let level = percent(self.bootstrap.confidence);
        let contents = html! {
            (facts(&self.facts))
            (notes(&self.notes))
            @if let Some((_, comparison)) = self.other { (self.comparison(comparison)) }
            (section("classes", "Scores per class", &html! {
                p { "With " (level) " confidence intervals by patient." }
                (self.table())
                (plots(&[self.bars(), self.confusion_matrix(), self.distributions()]))
            }))
            @if !self.examples.is_empty() {
                (section("images", "Worst and best images", &self.examples.render(self.classes, self.background)?))
            }
            (self.explanation())
        };
        Ok(page(&self.heading(), &contents))
    }

    fn heading(&self) -> Heading<'_> {
        let value = &self.estimates.val_metric;
        let range = value.interval.map_or_else(String::new, |interval| {
            format!(
                " ({} interval {:.4} to {:.4})",
                percent(self.bootstrap.confidence),
                interval.low,
                interval.high
            )
        });
        let counted = self.counted.join(", ");
        Heading {
            title: "Evaluation",
            headline: format!("Dice {:.4}", value.value),
            explanation: html! {
                "Mean of " (counted) ", over all pixels" (range) "."
                @if let Some((_, comparison)) = self.other { " " strong { (comparison.verdict()) } }
            },
            tone: Tone::Neutral,
        }
    }

    fn table(&self) -> Markup {
        html! {
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Class" }
                    @for (_, name, what) in COLUMNS { th.number scope="col" { (name) small { (what) } } }
                } }
                tbody {
                    @for (index, (class, estimates)) in self.classes.iter().zip(&self.estimates.classes).enumerate() {
                        tr {
                            th scope="row" { (swatch(class, Some(index) == self.background)) (class.name) }
                            @for (metric, name, what) in COLUMNS {
                                (estimate(&format!("{name}, {what}"), &estimates[metric], digits(metric)))
                            }
                        }
                    }
                }
            } }
        }
    }

    fn bars(&self) -> Markup {
        let bar = |estimate: &Estimate| Bar {
            value: estimate.value,
            interval: estimate.interval.map(|interval| [interval.low, interval.high]),
        };
        let models: Vec<&Estimates> = std::iter::once(self.estimates)
            .chain(self.other.iter().map(|(estimates, _)| *estimates))
            .collect();
        let group = |(index, class): (usize, &TissueClass)| {
            (class.name.clone(), models.iter().map(|model| bar(&model.classes[index][0])).collect())
        };
        let series = if models.len() > 1 { vec!["model A", "model B"] } else { vec!["model"] };
        BarChart {
            title: "Dice over all pixels, by class".to_owned(),
            series: series.into_iter().map(str::to_owned).collect(),
            groups: self.classes.iter().enumerate().map(group).collect(),
            range: [0.0, 1.0],
        }
        .render()
    }

    fn confusion_matrix(&self) -> Markup {
        HeatMap {
            title: "Confusion matrix".to_owned(),
            row_label: "truth".to_owned(),
            column_label: "prediction".to_owned(),
            names: self.classes.iter().map(|class| class.name.clone()).collect(),
            counts: self.confusion.clone(),
        }
        .render()
    }

    fn distributions(&self) -> Markup {
        let row = |(index, class): (usize, &TissueClass)| Distribution {
            name: class.name.clone(),
            values: self.rows.iter().map(|image| image[index].dice).collect(),
        };
        let rows = self.classes.iter().enumerate().map(row).collect();
        Distributions {
            title: "Dice of single images".to_owned(),
            range: [0.0, 1.0],
            colors: colors(self.classes),
            rows,
        }
        .render()
    }

    fn comparison(&self, comparison: &Comparison) -> Markup {
        let names = std::iter::once("mean of the counted classes")
            .chain(self.classes.iter().map(|class| class.name.as_str()));
        let tests = std::iter::once(&comparison.val_metric).chain(&comparison.classes);
        let p = |p: Option<f64>| p.map_or_else(|| "–".to_owned(), p_value);
        section(
            "comparison",
            "Model B compared with model A",
            &html! {
                div.scroll { table {
                    thead { tr {
                        th scope="col" { "Dice over all pixels" }
                        th.number scope="col" { "Model A" }
                        th.number scope="col" { "Model B" }
                        th.number scope="col" { "B − A" small { (percent(comparison.confidence)) " interval" } }
                        th.number scope="col" { "p by patient" small { "sign flips" } }
                        th.number scope="col" { "p by image" small { "Wilcoxon" } }
                        th scope="col" { "Verdict" }
                    } }
                    tbody {
                        @for (name, tests) in names.zip(tests) {
                            tr {
                                th scope="row" { (name) }
                                td.number data-label="Model A" { (number(Some(tests.a), 4)) }
                                td.number data-label="Model B" { (number(Some(tests.b), 4)) }
                                (difference(&tests.difference))
                                td.number data-label="p by patient" { (p(tests.patients.p_value)) }
                                td.number data-label="p by image" { (p(tests.images.p_value)) }
                                td data-label="Verdict" { (badge(tests, comparison.confidence)) }
                            }
                        }
                    }
                } }
            },
        )
    }

    fn explanation(&self) -> Markup {
        let Bootstrap { resamples, confidence, seed } = self.bootstrap;
        html! {
            footer {
                h2 { "How to read this" }
                p {
                    "Over all pixels: the pixels of all images are added up first, so that large regions count more. Mean of "
                    "images: each image with the class counts equally. HD95 is the 95th percentile of the distances between "
                    "the boundaries, of the images where both masks have the class; surface Dice is the share of the "
                    "boundaries within the tolerance, of the images where either mask has it. Pixels without a label are not counted."
                }
                p {
                    "Intervals: patients are drawn with replacement " (resamples) " times, each with all images "
                    "(percentile bootstrap, " (percent(confidence)) ", seed " (seed) "). They tell how much the scores "
                    "would vary with other patients of the same kind, not how the model does elsewhere."
                }
                @if self.other.is_some() {
                    p {
                        "Comparison: both models have segmented the same images. The test by patient flips the signs of "
                        "the differences of patients; it decides the verdict, together with the interval. The test by "
                        "image (Wilcoxon's signed-rank test) takes images of one patient as independent, which they are "
                        "not, so that its p-values are too small."
                    }
                }
            }
        }
    }
}

/// Number of decimals of a score; distances in pixels need fewer.
fn digits(metric: usize) -> usize {
    if METRICS[metric].starts_with("hd95") { 1 } else { 4 }
}

fn estimate(label: &str, estimate: &Estimate, digits: usize) -> Markup {
    html! {
        td.number data-label=(label) {
            (number(Some(estimate.value), digits))
            @if let Some(interval) = estimate.interval {
                @let digits = digits.min(3);
                span.interval { (format!("{:.digits$} – {:.digits$}", interval.low, interval.high)) }
            }
        }
    }
}

fn difference(estimate: &Estimate) -> Markup {
    html! {
        td.number data-label="B − A" {
            @if estimate.value.is_finite() { (signed(estimate.value)) } @else { "–" }
            @if let Some(interval) = estimate.interval {
                span.interval { (signed(interval.low)) " – " (signed(interval.high)) }
            }
        }
    }
}

fn badge(tests: &Tests, confidence: f64) -> Markup {
    let verdict = tests.verdict(confidence);
    let (class, text) = match tests.difference.value {
        difference if !tests.is_clear(confidence) || difference == 0.0 => {
            let few = verdict.starts_with("Too few");
            ("badge unknown", if few { "too few patients" } else { "no clear difference" })
        }
        difference if difference > 0.0 => ("badge stable", "B is better"),
        _ => ("badge drift", "A is better"),
    };
    html! { span class=(class) title=(verdict) { (text) } }
}
