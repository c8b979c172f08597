//! Program, machine and source of a run.

use std::path::Path;

use bcs_contracts::package::Provenance;
use bcs_tracking::secrets::names_a_secret;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::config::without_user;

/// File in the output folder that describes the environment.
const ENVIRONMENT_FILE: &str = "environment.json";

/// Longest value that is shown in full, in characters.
const LONGEST: usize = 400;

/// Renders the origin of a model, and what `environment.json` in the output folder says, if there is one.
pub(crate) fn environment(provenance: &Provenance, output: &Path) -> Markup {
    let seed = provenance.seed.map_or_else(String::new, |seed| seed.to_string());
    let mut rows: Vec<(String, String)> = [
        ("program", provenance.created_by.as_str()),
        ("git revision", &provenance.git_revision),
        ("libtorch", &provenance.libtorch),
        ("seed", &seed),
        ("SHA-256 of the configuration", &provenance.config_sha256),
        (
            "threads",
            &std::thread::available_parallelism().map_or_else(|_| String::new(), |count| count.to_string()),
        ),
        ("system", &format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let file = std::fs::read(output.join(ENVIRONMENT_FILE)).ok();
    if let Some(more) = file.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok()) {
        flatten(&mut rows, "", &more);
    }
    rows.retain(|(_, value)| !value.is_empty());
    html! {
        details {
            summary { "Program, machine and source" }
            table { tbody { @for (name, value) in &rows { tr { th scope="row" { (name) } td { (value) } } } } }
        }
    }
}

fn flatten(rows: &mut Vec<(String, String)>, prefix: &str, map: &Map<String, Value>) {
    for (key, value) in map {
        let name = if prefix.is_empty() {
            key.replace('_', " ")
        } else {
            format!("{prefix} · {}", key.replace('_', " "))
        };
        match value {
            Value::Object(map) => flatten(rows, &name, map),
            _ if names_a_secret(key) => {}
            Value::Null => {}
            Value::String(text) => rows.push((name, shortened(text))),
            Value::Array(values) => {
                let texts: Vec<String> = values.iter().map(plain).collect();
                rows.push((name, shortened(&texts.join(", "))));
            }
            _ => rows.push((name, plain(value))),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn shortened(text: &str) -> String {
    let text = without_user(text);
    match text.chars().count() {
        count if count > LONGEST => {
            format!("{}… ({count} characters)", text.chars().take(LONGEST).collect::<String>())
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_shown_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = r#"{"hardware": {"cpu_model": "X", "gpus": []}, "git": {"diff": "DIFF"}, "WANDB_API_KEY": "abc123"}"#;
        let file = file.replace("DIFF", &"d".repeat(500));
        std::fs::write(folder.path().join(ENVIRONMENT_FILE), file).unwrap();
        let provenance = Provenance { created_by: "bcs-trainer 1".to_owned(), ..Provenance::default() };
        let page = environment(&provenance, folder.path()).into_string();
        assert!(page.contains("hardware · cpu model</th><td>X"), "{page}");
        assert!(page.contains("… (500 characters)") && page.contains("bcs-trainer 1"), "{page}");
        assert!(!page.contains("abc123") && !page.contains("gpus"), "{page}");
    }
}
