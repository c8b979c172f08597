//! Types of the node `hydra`, as in Hydra's structured config `HydraConf`.

use crate::{
    error::{Error, Result},
    text,
    value::Value,
};

/// Type of a value.
enum Type {
    Text,
    OptionalText,
    OptionalFlag,
    Integer,
    Mode,
    Texts,
    TextMap,
}

use Type::{Integer, Mode, OptionalFlag, OptionalText, Text, TextMap, Texts};

/// Values that have a type, by their path below `hydra`.
const TYPES: [(&str, Type); 28] = [
    ("mode", Mode),
    ("searchpath", Texts),
    ("run.dir", Text),
    ("sweep.dir", Text),
    ("sweep.subdir", Text),
    ("help.app_name", Text),
    ("help.header", Text),
    ("help.footer", Text),
    ("help.template", Text),
    ("hydra_help.hydra_help", Text),
    ("hydra_help.template", Text),
    ("output_subdir", OptionalText),
    ("overrides.hydra", Texts),
    ("overrides.task", Texts),
    ("job.name", Text),
    ("job.chdir", OptionalFlag),
    ("job.override_dirname", Text),
    ("job.id", Text),
    ("job.num", Integer),
    ("job.config_name", OptionalText),
    ("job.env_copy", Texts),
    ("job.env_set", TextMap),
    ("job.config.override_dirname.kv_sep", Text),
    ("job.config.override_dirname.item_sep", Text),
    ("job.config.override_dirname.exclude_keys", Texts),
    ("runtime.version", Text),
    ("runtime.cwd", Text),
    ("runtime.output_dir", Text),
];

/// Converts the values to their types, as OmegaConf does: a number where a text belongs becomes its text.
///
/// # Errors
/// [`Error::Type`] with the key and the type.
pub(super) fn convert(node: &mut Value) -> Result<()> {
    for (path, kind) in &TYPES {
        let Some(value) = path.split('.').try_fold(&mut *node, Value::child_mut) else { continue };
        if value.is_missing() || value.as_str().is_some_and(|text| text.contains("${")) {
            continue;
        }
        match converted(value, kind) {
            Some(converted) => *value = converted,
            None => {
                let message = format!("must be {}, got {}", kind.name(), value.kind());
                return Err(Error::Type { key: format!("hydra.{path}"), message });
            }
        }
    }
    Ok(())
}

impl Type {
    fn name(&self) -> &'static str {
        match self {
            Text => "a string",
            OptionalText => "a string or null",
            OptionalFlag => "true, false or null",
            Integer => "an integer",
            Mode => "RUN, MULTIRUN or null",
            Texts => "a list of strings",
            TextMap => "a mapping to strings",
        }
    }
}

fn converted(value: &Value, kind: &Type) -> Option<Value> {
    match (kind, value) {
        (OptionalText | OptionalFlag | Mode, Value::Null) => Some(Value::Null),
        (Text | OptionalText, value) if !value.is_container() && !value.is_null() => {
            Some(text::display(value).into())
        }
        (OptionalFlag, Value::Bool(_)) | (Integer, Value::Int(_)) => Some(value.clone()),
        (OptionalFlag, Value::Int(number)) => Some(Value::Bool(*number != 0)),
        (OptionalFlag, Value::Str(text)) => match text.to_ascii_lowercase().as_str() {
            "on" | "y" | "true" | "yes" | "1" => Some(Value::Bool(true)),
            "off" | "n" | "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        (Integer, Value::Str(text)) => text::parse_python_int(text).map(Value::Int),
        (Mode, Value::Str(text)) => {
            let name = text.strip_prefix("RunMode.").unwrap_or(text);
            ["RUN", "MULTIRUN"].contains(&name).then(|| name.into())
        }
        (Texts, Value::List(items)) => {
            items.iter().map(|item| converted(item, &Text)).collect::<Option<_>>().map(Value::List)
        }
        (TextMap, Value::Map(map)) => {
            let pairs = map.iter().map(|(key, item)| Some((key.clone(), converted(item, &Text)?)));
            pairs.collect::<Option<_>>().map(Value::Map)
        }
        _ => None,
    }
}
