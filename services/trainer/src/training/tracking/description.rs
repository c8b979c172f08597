//! Description of a run, without secrets.

use std::collections::BTreeMap;

use bcs_config::{Interpolator, Value, yaml};
use bcs_tracking::Secrets;

use crate::config::Composed;
use crate::training::run::Run;

/// Describes a run without secrets.
pub(super) fn description(run: &Run<'_>, name: &str, secrets: &Secrets) -> bcs_tracking::Run {
    bcs_tracking::Run {
        name: name.to_owned(),
        config: config(run.composed, secrets),
        classes: run.map.classes().to_vec(),
        background: run.map.background(),
        arguments: run.composed.saved_overrides(),
        revision: run.metadata.provenance.git_revision.clone(),
        first_step: run.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.step as u64),
    }
}

/// Returns the configuration of a run with interpolations resolved, except those of environment variables, and without
/// secrets.
fn config(composed: &Composed, secrets: &Secrets) -> serde_json::Map<String, serde_json::Value> {
    let mut config = yaml::parse(&composed.yaml, "the configuration").unwrap_or_else(|_| Value::empty_map());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let references: BTreeMap<String, String> =
        names.map(|name| (name.clone(), format!("${{oc.env:{name}}}"))).collect();
    // Where an interpolation needs the value of a variable, all are left as they are written.
    _ = Interpolator::new(references).resolve(&mut config);
    secrets.mask_config(&mut config);
    match config.to_json() {
        Ok(serde_json::Value::Object(config)) => config,
        _ => serde_json::Map::new(),
    }
}
