//! Choice of the engine by measurement.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::engine::{Border, Engine};
use crate::error::Error;
use crate::model::Model;
use crate::options::Precision;

/// Number of forward passes that are timed, after one that is not.
const PASSES: usize = 3;

/// A model opened by an engine, with the time of a forward pass and the probabilities of a test image.
struct Measured {
    model: Model,
    time: Duration,
    probabilities: Vec<f32>,
}

/// Largest accepted difference of the probabilities from those of the first engine. What quantization costs is measured on
/// tissue when a package gets its quantized graph.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::Int8 => f32::INFINITY,
        Precision::Float32 | Precision::Bfloat16 => 0.02,
    }
}

/// Returns the fastest of the models that the engines have opened. The first one decides what is right: another engine
/// that gives other probabilities is passed over.
///
/// # Errors
/// That of the first engine if all have failed.
pub(crate) fn fastest(
    opened: Vec<(&'static str, Result<Model, Error>)>,
    precision: Precision,
) -> Result<Model, Error> {
    let mut best: Option<Measured> = None;
    let mut first_error = None;
    for (engine, model) in opened {
        match model.and_then(measure) {
            Ok(measured) => {
                tracing::info!(
                    engine,
                    milliseconds = measured.time.as_secs_f64() * 1e3,
                    "An engine was timed."
                );
                best = Some(match best {
                    Some(best) => faster(best, measured, tolerance(precision)),
                    None => measured,
                });
            }
            Err(error) => {
                tracing::warn!(engine, error = error.to_string(), "An engine can't run the model.");
                first_error.get_or_insert(error);
            }
        }
    }
    match (best, first_error) {
        (Some(best), _) => Ok(best.model),
        (None, Some(error)) => Err(error),
        (None, None) => Err(Error::Model("no engine was built in".to_owned())),
    }
}

fn faster(best: Measured, other: Measured, tolerance: f32) -> Measured {
    let difference = largest_difference(&best.probabilities, &other.probabilities);
    if difference > tolerance {
        let engine = other.model.info.engine;
        tracing::warn!(engine, difference, "An engine gives other probabilities and is not used.");
        return best;
    }
    if other.time < best.time { other } else { best }
}

fn largest_difference(one: &[f32], other: &[f32]) -> f32 {
    if one.len() != other.len() {
        return f32::INFINITY;
    }
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

fn measure(model: Model) -> Result<Measured, Error> {
    let mut engine = model.engine()?;
    // As a worker of the scheduler has by default.
    engine.set_threads(NonZeroUsize::MIN);
    let [height, width] = model.info.tile;
    let classes = model.info.classes.len();
    let mut logits = crate::Logits::zeros(classes, [height, width]);
    let pixels = test_image(height * width * 3);
    let mut pass = |engine: &mut Box<dyn Engine>| -> Result<Duration, Error> {
        let start = Instant::now();
        engine.run(&pixels, [1, height, width], &Border::default(), &mut logits.values)?;
        Ok(start.elapsed())
    };
    pass(&mut engine)?;
    let mut time = Duration::MAX;
    for _ in 0..PASSES {
        time = time.min(pass(&mut engine)?);
    }
    drop(engine);
    Ok(Measured { model, time, probabilities: logits.into_probabilities().values })
}

/// Bytes without a visible pattern.
fn test_image(bytes: usize) -> Vec<u8> {
    (0..bytes as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use bcs_contracts::features::Embedding;

    use super::*;
    use crate::engine::ModelInfo;
    use crate::fake::{Colors, red};
    use crate::model::Weights;

    /// An engine that takes its time.
    #[derive(Clone)]
    struct Slow {
        colors: Colors,
        pause: Duration,
    }

    impl Weights for Slow {
        fn engine(&self) -> Result<Box<dyn Engine>, Error> {
            Ok(Box::new(self.clone()))
        }
    }

    impl Engine for Slow {
        fn info(&self) -> &ModelInfo {
            self.colors.info()
        }

        fn set_threads(&mut self, _threads: NonZeroUsize) {}

        fn run(
            &mut self,
            pixels: &[u8],
            shape: [usize; 3],
            border: &Border,
            logits: &mut [f32],
        ) -> Result<Vec<Embedding>, Error> {
            thread::sleep(self.pause);
            self.colors.run(pixels, shape, border, logits)
        }
    }

    fn model(
        engine: &'static str,
        milliseconds: u64,
        colors: Colors,
    ) -> (&'static str, Result<Model, Error>) {
        let colors = colors.with(|info| info.engine = engine);
        let info = Arc::new(colors.info().clone());
        let slow = Slow { colors, pause: Duration::from_millis(milliseconds) };
        (engine, Ok(Model::new(info, None, slow)))
    }

    fn chosen(opened: Vec<(&'static str, Result<Model, Error>)>) -> &'static str {
        fastest(opened, Precision::Float32).unwrap().info.engine
    }

    #[test]
    fn the_fastest_engine_is_chosen() {
        assert_eq!(chosen(vec![model("one", 200, red()), model("two", 0, red())]), "two");
        assert_eq!(chosen(vec![model("one", 0, red()), model("two", 200, red())]), "one");
    }

    #[test]
    fn an_engine_that_fails_is_passed_over() {
        let broken = || ("broken", Err(Error::Model("no library".to_owned())));
        assert_eq!(chosen(vec![broken(), model("one", 0, red())]), "one");
        assert!(fastest(vec![broken()], Precision::Float32).unwrap_err().to_string().contains("no library"));
    }

    #[test]
    fn an_engine_that_disagrees_with_the_first_is_passed_over() {
        let metadata = serde_json::json!({
            "architecture": {"name": "Fake", "arguments": {"weights": [[0, 0, 0], [-1, 1, 0]]}},
            "input": {"tile": [32, 32]},
        });
        let green = Colors::new(serde_json::from_value(metadata).unwrap()).unwrap();
        assert_eq!(chosen(vec![model("one", 100, red()), model("two", 0, green)]), "one");
    }
}
