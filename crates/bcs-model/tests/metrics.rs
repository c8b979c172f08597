//! Metrics against MONAI's; `golden/golden_metrics.py` made the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::collections::BTreeMap;

use bcs_contracts::IGNORE;
use bcs_model::metrics::{
    ConfusionMatrixMetric, ConfusionScore, DiceMetric, GeneralizedDiceOptions, GeneralizedDiceScore,
    HausdorffDistanceMetric, HausdorffOptions, MeanIoU, OverlapOptions, Reduced, Reduction, ReductionOrder,
    SurfaceDiceMetric, SurfaceDistanceMetric, SurfaceDistanceOptions,
};
use bcs_model::weights::read_safetensors;
use proptest::prelude::*;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tch::Tensor;

#[derive(Debug, Deserialize)]
struct Golden {
    reductions: Vec<Reduction>,
    data_sets: Vec<DataSet>,
    aliases: BTreeMap<String, String>,
    #[serde(skip)]
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Debug, Deserialize)]
struct DataSet {
    name: String,
    classes: usize,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    metric: String,
    arguments: Map<String, Value>,
}

/// An image: truth, prediction and `[height, width]`.
type Image = (Vec<u8>, Vec<u8>, [usize; 2]);

impl Golden {
    fn read() -> Self {
        let bytes = include_bytes!("golden/metrics.safetensors");
        let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
        let golden: Self = serde_json::from_str(&header.metadata().as_ref().unwrap()["golden"]).unwrap();
        Self { tensors: read_safetensors(bytes, "metrics.safetensors").unwrap(), ..golden }
    }

    fn images(&self, data_set: usize) -> Vec<Image> {
        let [truth, prediction] =
            ["truth", "prediction"].map(|name| &self.tensors[&format!("{data_set}/{name}")]);
        let bytes = |masks: &Tensor, image| Vec::try_from(masks.get(image).flatten(0, -1)).unwrap();
        let size = [truth.size()[1] as usize, truth.size()[2] as usize];
        (0..truth.size()[0]).map(|image| (bytes(truth, image), bytes(prediction, image), size)).collect()
    }

    fn values(&self, key: &str) -> Option<Vec<f32>> {
        self.tensors.get(key).map(|tensor| Vec::try_from(tensor.flatten(0, -1)).unwrap())
    }
}

impl Case {
    fn options<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(Value::Object(self.arguments.clone())).unwrap()
    }

    fn flag(&self, name: &str) -> bool {
        self.arguments[name].as_bool().unwrap()
    }

    fn list<T: DeserializeOwned>(&self, name: &str) -> Vec<T> {
        serde_json::from_value(self.arguments[name].clone()).unwrap()
    }

    fn compute(&self, classes: usize, images: &[Image], reductions: &[Reduction]) -> Results {
        let all =
            |aggregate: &dyn Fn(Reduction) -> Reduced| reductions.iter().map(|one| aggregate(*one)).collect();
        match self.metric.as_str() {
            "DiceMetric" => {
                let mut metric = DiceMetric::new(classes, self.options::<OverlapOptions>()).unwrap();
                images.iter().for_each(|(truth, prediction, _)| metric.add(truth, prediction).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: metric.pooled() }
            }
            "MeanIoU" => {
                let mut metric = MeanIoU::new(classes, self.options::<OverlapOptions>()).unwrap();
                images.iter().for_each(|(truth, prediction, _)| metric.add(truth, prediction).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: metric.pooled() }
            }
            "GeneralizedDiceScore" => {
                let options: GeneralizedDiceOptions = self.options();
                let mut metric = GeneralizedDiceScore::new(classes, options).unwrap();
                images.iter().for_each(|(truth, prediction, _)| metric.add(truth, prediction).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: vec![metric.pooled()] }
            }
            "ConfusionMatrixMetric" => {
                let mut metric =
                    ConfusionMatrixMetric::new(classes, self.flag("include_background")).unwrap();
                images.iter().for_each(|(truth, prediction, _)| metric.add(truth, prediction).unwrap());
                let order = match self.flag("compute_sample") {
                    true => ReductionOrder::ScoresFirst,
                    false => ReductionOrder::CountsFirst,
                };
                let scores = self.list::<String>("names");
                let scores: Vec<ConfusionScore> = scores.iter().map(|name| name.parse().unwrap()).collect();
                let of_reduction = |one| scores.iter().map(move |score| (*score, one));
                let pairs = reductions.iter().flat_map(|one| of_reduction(*one));
                let reduced = pairs.map(|(score, one)| metric.aggregate(score, order, one)).collect();
                Results { reduced, pooled: vec![] }
            }
            "HausdorffDistanceMetric" => {
                let mut metric =
                    HausdorffDistanceMetric::new(classes, self.options::<HausdorffOptions>()).unwrap();
                images
                    .iter()
                    .for_each(|(truth, prediction, size)| metric.add(truth, prediction, *size).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: vec![] }
            }
            "SurfaceDistanceMetric" => {
                let options: SurfaceDistanceOptions = self.options();
                let mut metric = SurfaceDistanceMetric::new(classes, options).unwrap();
                images
                    .iter()
                    .for_each(|(truth, prediction, size)| metric.add(truth, prediction, *size).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: vec![] }
            }
            "SurfaceDiceMetric" => {
                let (thresholds, background) =
                    (self.list("class_thresholds"), self.flag("include_background"));
                let mut metric = SurfaceDiceMetric::new(classes, &thresholds, background).unwrap();
                images
                    .iter()
                    .for_each(|(truth, prediction, size)| metric.add(truth, prediction, *size).unwrap());
                Results { reduced: all(&|one| metric.aggregate(one)), pooled: vec![] }
            }
            name => panic!("the test does not know {name}"),
        }
    }
}

/// Results of a case: those of all reductions, and the pooled values that the golden file has.
struct Results {
    reduced: Vec<Reduced>,
    pooled: Vec<f64>,
}

/// Returns the largest difference, relative to values above 1; infinite if one value is NaN or infinite and its
/// counterpart is another.
fn largest_difference(ours: &[f64], monais: &[f32]) -> f64 {
    assert_eq!(ours.len(), monais.len());
    let difference = |(ours, monais): (&f64, &f32)| {
        let monais = f64::from(*monais);
        if *ours == monais || (ours.is_nan() && monais.is_nan()) {
            return 0.0;
        }
        let difference = (ours - monais).abs() / monais.abs().max(1.0);
        if difference.is_finite() { difference } else { f64::INFINITY }
    };
    ours.iter().zip(monais).map(difference).fold(0.0, f64::max)
}

#[test]
fn values_and_counts_equal_monais() {
    let golden = Golden::read();
    let mut largest = BTreeMap::new();
    for (number, data_set) in golden.data_sets.iter().enumerate() {
        let images = golden.images(number);
        for (index, case) in data_set.cases.iter().enumerate() {
            let results = case.compute(data_set.classes, &images, &golden.reductions);
            let expected = golden.values(&format!("{number}/{index}")).unwrap();
            let (values, not_nans) = expected.split_at(expected.len() / 2);
            let ours: Vec<f64> = results.reduced.iter().flat_map(|reduced| reduced.values.clone()).collect();
            let counts = results.reduced.iter().flat_map(|reduced| reduced.not_nans.clone());
            let counts: Vec<f32> = counts.map(|count| count as f32).collect();
            let pooled = golden.values(&format!("{number}/{index}/pooled")).unwrap_or_default();
            let difference =
                largest_difference(&ours, values).max(largest_difference(&results.pooled, &pooled));
            let context = format!("{}: {case:?}\nours {ours:?}\nMONAI's {values:?}", data_set.name);
            assert!(difference <= 1e-6, "{context}: differs by {difference}");
            assert_eq!(counts, not_nans, "{context}");
            let (cases, so_far) = largest.entry(case.metric.as_str()).or_insert((0, 0.0));
            *cases += 1;
            *so_far = difference.max(*so_far);
        }
    }
    println!("number of cases and largest difference: {largest:?}");
    let cases: Vec<_> = largest.iter().map(|(metric, (cases, _))| (*metric, *cases)).collect();
    let expected = [
        ("ConfusionMatrixMetric", 16),
        ("DiceMetric", 16),
        ("GeneralizedDiceScore", 24),
        ("HausdorffDistanceMetric", 64),
        ("MeanIoU", 16),
        ("SurfaceDiceMetric", 24),
        ("SurfaceDistanceMetric", 16),
    ];
    assert_eq!(cases, expected);
}

#[test]
fn aliases_of_confusion_scores_are_monais() {
    let golden = Golden::read();
    assert_eq!(golden.aliases.len(), 48);
    for (alias, canonical) in &golden.aliases {
        let parse = |name: &str| name.parse::<ConfusionScore>().unwrap();
        assert_eq!(parse(alias), parse(canonical), "{alias}");
    }
}

const CLASSES: usize = 3;

/// Draws masks of two images of 6 × 8 with ignored pixels.
fn masks() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let truth = prop::collection::vec(prop_oneof![4 => 0..CLASSES as u8, 1 => Just(IGNORE)], 48);
    prop::collection::vec((truth, prop::collection::vec(0..CLASSES as u8, 48)), 2)
}

/// Returns a value that compares equal where both values are NaN.
fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| if value.is_nan() { u64::MAX } else { value.to_bits() }).collect()
}

/// Returns the values of all metrics that do not depend on where a pixel is.
fn values_without_places(images: &[(Vec<u8>, Vec<u8>)]) -> Vec<u64> {
    let mut dice = DiceMetric::new(CLASSES, OverlapOptions::default()).unwrap();
    let mut iou = MeanIoU::new(CLASSES, OverlapOptions::default()).unwrap();
    let mut generalized = GeneralizedDiceScore::new(CLASSES, GeneralizedDiceOptions::default()).unwrap();
    let mut confusion = ConfusionMatrixMetric::new(CLASSES, true).unwrap();
    for (truth, prediction) in images {
        dice.add(truth, prediction).unwrap();
        iou.add(truth, prediction).unwrap();
        generalized.add(truth, prediction).unwrap();
        confusion.add(truth, prediction).unwrap();
    }
    let order = ReductionOrder::ScoresFirst;
    let values = [
        dice.aggregate(Reduction::None).values,
        dice.pooled(),
        iou.aggregate(Reduction::None).values,
        iou.pooled(),
        generalized.aggregate(Reduction::None).values,
        vec![generalized.pooled()],
        confusion.aggregate(ConfusionScore::Specificity, order, Reduction::None).values,
        confusion.pooled(ConfusionScore::Accuracy),
    ];
    bits(&values.concat())
}

/// Returns the values of all surface metrics.
fn surface_values(truth: &[u8], prediction: &[u8], size: [usize; 2]) -> Vec<u64> {
    let options = HausdorffOptions { include_background: true, ..Default::default() };
    let mut hausdorff = HausdorffDistanceMetric::new(CLASSES, options).unwrap();
    let options = SurfaceDistanceOptions { include_background: true, symmetric: true };
    let mut distance = SurfaceDistanceMetric::new(CLASSES, options).unwrap();
    let mut dice = SurfaceDiceMetric::new(CLASSES, &[1.0; CLASSES], true).unwrap();
    hausdorff.add(truth, prediction, size).unwrap();
    distance.add(truth, prediction, size).unwrap();
    dice.add(truth, prediction, size).unwrap();
    let reduced = [hausdorff.aggregate(Reduction::None), distance.aggregate(Reduction::None)];
    let pooled = [distance.pooled(), dice.pooled()];
    assert_eq!(bits(&reduced[1].values), bits(&pooled[0]), "pooled over one image, which is that image");
    bits(&[reduced.map(|reduced| reduced.values).concat(), pooled.concat()].concat())
}

proptest! {
    #[test]
    fn ignoring_pixels_is_cropping_them_away(images in masks()) {
        let crop = |(truth, prediction): &(Vec<u8>, Vec<u8>)| {
            let valid = truth.iter().zip(prediction).filter(|(truth, _)| **truth != IGNORE);
            valid.map(|(truth, prediction)| (*truth, *prediction)).unzip()
        };
        let cropped: Vec<_> = images.iter().map(crop).collect();
        prop_assert_eq!(values_without_places(&images), values_without_places(&cropped));
    }

    #[test]
    fn ignoring_the_margin_of_an_image_is_cropping_it_away_for_surfaces(images in masks(), margin in 1usize..4) {
        let (mut truth, prediction) = images[0].clone();
        let width = 8 - margin;
        let keep = |masks: &[u8]| masks.chunks(8).flat_map(|row| row[..width].to_vec()).collect::<Vec<_>>();
        let cropped = surface_values(&keep(&truth), &keep(&prediction), [6, width]);
        truth.chunks_mut(8).for_each(|row| row[width..].fill(IGNORE));
        prop_assert_eq!(surface_values(&truth, &prediction, [6, 8]), cropped);
    }
}
