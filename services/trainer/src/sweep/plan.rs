//! The trials of a sweep: combinations of the values of its overrides, or random draws.

use std::collections::HashSet;

use bcs_config::overrides::{self, Override};
use indexmap::IndexMap;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::domain::Domain;
use super::settings::{Sampler, Settings};
use crate::error::{Error, Result};

/// Number of draws without a new combination after which a space counts as exhausted.
const ATTEMPTS: usize = 1000;

/// A trial to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    /// All overrides of the run.
    pub overrides: Vec<Override>,
    /// Values of the swept keys.
    pub parameters: Vec<Override>,
}

/// An override with the values that it may have; `None` for a single one.
type Axis = (Override, Option<Domain>);

/// Returns the trials of a sweep. `options` returns the options of a config group.
///
/// # Errors
/// [`Error::Config`] for overrides that cannot be parsed, and sweeps without values or with too many runs; [`Error::Usage`]
/// for an interval in a grid.
pub(crate) fn plan(
    texts: &[String],
    settings: &Settings,
    options: impl Fn(&str) -> Vec<String>,
) -> Result<Vec<Planned>> {
    let axes = axes(texts, settings, &options)?;
    match settings.sampler {
        Sampler::Grid => grid(&axes, options),
        Sampler::Random => random(&axes, settings),
    }
}

/// Parses the overrides. As in Hydra, a later one replaces an earlier one with the same prefix and key.
fn axes(texts: &[String], settings: &Settings, options: &impl Fn(&str) -> Vec<String>) -> Result<Vec<Axis>> {
    let configured = settings.params.iter().map(|(key, value)| match value {
        serde_json::Value::String(text) => format!("{key}={text}"),
        other => format!("{key}={other}"),
    });
    let mut axes: IndexMap<String, Axis> = IndexMap::new();
    for text in configured.chain(texts.iter().cloned()) {
        let parsed = overrides::parse(&text)?;
        let domain = Domain::of(&parsed, options)?;
        axes.insert(format!("{}{}", parsed.action.prefix(), parsed.key_with_package()), (parsed, domain));
    }
    Ok(axes.into_values().collect())
}

/// Every combination; the last key varies fastest.
fn grid(axes: &[Axis], options: impl Fn(&str) -> Vec<String>) -> Result<Vec<Planned>> {
    if let Some((parsed, _)) = axes.iter().find(|(_, domain)| matches!(domain, Some(Domain::Interval(_)))) {
        let Override { text, key, .. } = parsed;
        return Err(Error::Usage(format!(
            "{text}: a grid needs single values, as {key}=1,2 or range(1,4); draw from an interval with sweep=random"
        )));
    }
    let parsed: Vec<Override> = axes.iter().map(|(parsed, _)| parsed.clone()).collect();
    let runs = overrides::expand(&parsed, options)?;
    Ok(runs.into_iter().map(|overrides| Planned::new(axes, overrides)).collect())
}

/// Random draws without repetition. The values of a trial follow from the seed and from those of the trials before.
fn random(axes: &[Axis], settings: &Settings) -> Result<Vec<Planned>> {
    let mut drawn = HashSet::new();
    let mut trials = Vec::new();
    for number in 0..settings.n_trials {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        random.set_stream(number as u64);
        let fresh = (0..ATTEMPTS).find_map(|_| {
            let run = draw(axes, &mut random);
            let is_fresh = run.as_ref().map_or(true, |run| drawn.insert(texts(run)));
            is_fresh.then_some(run)
        });
        match fresh {
            Some(run) => trials.push(Planned::new(axes, run?)),
            None => break,
        }
    }
    Ok(trials)
}

fn draw(axes: &[Axis], random: &mut ChaCha8Rng) -> Result<Vec<Override>> {
    let value = |(parsed, domain): &Axis| match domain {
        None => Ok(parsed.clone()),
        Some(domain) => domain.draw(parsed, random),
    };
    axes.iter().map(value).collect()
}

fn texts(overrides: &[Override]) -> Vec<String> {
    overrides.iter().map(|parsed| parsed.text.clone()).collect()
}

impl Planned {
    fn new(axes: &[Axis], overrides: Vec<Override>) -> Self {
        let swept = axes.iter().zip(&overrides).filter(|((_, domain), _)| domain.is_some());
        let parameters = swept.map(|(_, parsed)| parsed.clone()).collect();
        Self { overrides, parameters }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::settings;
    use super::*;

    fn planned(overrides: &[&str], settings: &Settings) -> Result<Vec<Planned>> {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        plan(&overrides, settings, |_| vec!["a".to_owned(), "b".to_owned()])
    }

    fn random(n_trials: usize) -> Settings {
        Settings { sampler: Sampler::Random, n_trials, ..settings() }
    }

    /// Values of a key in all trials.
    fn values(trials: &[Planned], key: &str) -> Vec<f64> {
        let value = |trial: &Planned| {
            let parsed = trial.parameters.iter().find(|parsed| parsed.key == key).unwrap();
            parsed.value().unwrap().as_f64().unwrap()
        };
        trials.iter().map(value).collect()
    }

    #[test]
    fn a_grid_has_every_combination_with_the_last_key_fastest() {
        let trials = planned(&["lr=0.1,0.2", "epochs=3", "net=glob(*)"], &settings()).unwrap();
        let all: Vec<Vec<String>> = trials.iter().map(|trial| texts(&trial.parameters)).collect();
        let expected = [["lr=0.1", "net=a"], ["lr=0.1", "net=b"], ["lr=0.2", "net=a"], ["lr=0.2", "net=b"]];
        assert_eq!(all, expected);
        assert!(trials.iter().all(|trial| trial.overrides[1].text == "epochs=3"));
    }

    #[test]
    fn parameters_of_the_configuration_yield_to_the_command_line() {
        let params = serde_json::json!({"lr": "0.1,0.2", "seed": 7, "decay": "choice(1,2)"});
        let settings = Settings { params: params.as_object().unwrap().clone(), ..settings() };
        let trials = planned(&["lr=0.5"], &settings).unwrap();
        let all: Vec<Vec<String>> = trials.iter().map(|trial| texts(&trial.overrides)).collect();
        assert_eq!(all, [["lr=0.5", "seed=7", "decay=1"], ["lr=0.5", "seed=7", "decay=2"]]);
    }

    #[test]
    fn intervals_are_refused_in_a_grid() {
        let error = planned(&["lr=interval(0,1)"], &settings()).unwrap_err().to_string();
        assert!(error.contains("sweep=random") && error.contains("lr=interval(0,1)"), "{error}");
    }

    #[test]
    fn draws_follow_from_seed_and_number() {
        let overrides = ["lr=tag(log, interval(1e-4,1e-2))", "net=a,b,c", "epochs=int(interval(2,5))"];
        let few = planned(&overrides, &random(5)).unwrap();
        let many = planned(&overrides, &random(50)).unwrap();
        assert_eq!(few[..], many[..5], "more trials begin with the same ones");
        let other = planned(&overrides, &Settings { seed: 1, ..random(5) }).unwrap();
        assert_ne!(few, other);
    }

    #[test]
    fn intervals_are_covered_on_their_scale() {
        let overrides =
            ["lr=tag(log, interval(1e-4,1e-2))", "drop=interval(0,1)", "epochs=int(interval(2,5))"];
        let trials = planned(&overrides, &random(400)).unwrap();
        let share = |key: &str, below: f64| {
            let values = values(&trials, key);
            values.iter().filter(|value| **value < below).count() as f64 / values.len() as f64
        };
        assert!((share("lr", 1e-3) - 0.5).abs() < 0.08, "{}", share("lr", 1e-3));
        assert!((share("drop", 0.25) - 0.25).abs() < 0.08, "{}", share("drop", 0.25));
        let epochs = values(&trials, "epochs");
        for whole in [2.0, 3.0, 4.0, 5.0] {
            let count = epochs.iter().filter(|value| **value == whole).count();
            assert!((70..130).contains(&count), "{whole}: {count}");
        }
        assert!(values(&trials, "lr").iter().all(|value| (1e-4..=1e-2).contains(value)));
        assert!(trials[0].overrides[0].text.len() < "lr=".len() + 13, "{}", trials[0].overrides[0].text);
    }

    #[test]
    fn combinations_are_drawn_once() {
        let trials = planned(&["a=1,2", "b=range(0,3)"], &random(20)).unwrap();
        assert_eq!(trials.len(), 6, "the space has six");
    }
}
