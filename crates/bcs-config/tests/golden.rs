//! Compares this crate with Hydra and OmegaConf, case by case.
//!
//! `golden/golden.json` has their results; `golden/make_golden.py` generates it and, with `--check`, compares it with
//! the installed versions. Intended differences are listed in [`DIFFERENCES`].
//!
//! The variable `BCS_CONFIG_GOLDEN` names another file of that format, such as one of `golden/fuzz.py`.

use std::{collections::BTreeMap, path::PathBuf};

use bcs_config::{Composer, Error, Interpolator, Key, Map, Override, Value, overrides, yaml};
use serde_json::Value as Json;

/// Intended differences: section, case, reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("overrides", "key={null:1}", "null as a key is refused here; OmegaConf refuses it when it is merged"),
    ("overrides", "=1", "an empty key is an error"),
    ("yaml", "x: <<", "a plain << is a string; PyYAML has no constructor for it"),
    ("yaml", "x: =", "a plain = is a string; PyYAML has no constructor for it"),
    ("yaml", "x: {a: ???}", "a plain scalar may start with ? in a flow mapping, as in YAML 1.2"),
    ("yaml", "x: \ta", "a tab is a separator, as in YAML 1.2"),
    ("yaml", "x: a\tb", "a plain scalar may have tabs, as in YAML 1.2"),
];

fn golden() -> Json {
    let text = std::fs::read_to_string(file()).expect("golden.json exists");
    serde_json::from_str(&text).expect("golden.json is JSON")
}

fn file() -> PathBuf {
    let committed = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/golden.json");
    std::env::var_os("BCS_CONFIG_GOLDEN").map_or_else(committed, PathBuf::from)
}

fn trees(case: &Json) -> Vec<PathBuf> {
    let folder = file().parent().expect("a folder").join("trees");
    strings(&case["search"]).into_iter().map(|tree| folder.join(tree)).collect()
}

fn interpolator(golden: &Json) -> Interpolator {
    let environment: BTreeMap<String, String> =
        serde_json::from_value(golden["environment"].clone()).expect("names and values");
    Interpolator::new(environment)
}

fn strings(json: &Json) -> Vec<String> {
    serde_json::from_value(json.clone()).expect("a list of strings")
}

/// Reads a value of golden.json, in which infinities and NaN are `{"$float": …}`.
fn value(json: &Json) -> Value {
    match json {
        Json::Object(map) => match map.get("$float").and_then(Json::as_str) {
            Some("nan") => Value::Float(f64::NAN),
            Some("inf") => Value::Float(f64::INFINITY),
            Some(_) => Value::Float(f64::NEG_INFINITY),
            None if map.contains_key("$pairs") => {
                let pairs = map["$pairs"].as_array().expect("a list of pairs");
                Value::Map(pairs.iter().map(|pair| (key(&pair[0]), value(&pair[1]))).collect::<Map>())
            }
            None => Value::Map(map.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect::<Map>()),
        },
        Json::Array(list) => Value::List(list.iter().map(value).collect()),
        other => Value::from_json(other.clone()).expect("a scalar"),
    }
}

fn key(json: &Json) -> Key {
    match value(json) {
        Value::Bool(flag) => Key::Bool(flag),
        Value::Int(number) => Key::Int(number),
        Value::Float(number) => Key::Float(number),
        Value::Str(text) => Key::Str(text),
        other => panic!("{other:?} is no key"),
    }
}

/// Returns the kind of an error, in the words of make_golden.py.
fn kind(error: &Error) -> &'static str {
    match error {
        Error::OverrideSyntax { .. } => "syntax",
        Error::PrimaryNotFound { .. } | Error::ConfigNotFound { .. } => "not found",
        Error::Interpolation { .. } => "interpolation",
        Error::SweepOutsideMultirun { .. } => "sweep",
        Error::UnknownKey { .. } => "unknown key",
        _ => "other",
    }
}

/// Runs all cases of a section; fails for differences that are not listed and for listed cases that agree.
fn check(section: &str, name: impl Fn(&Json) -> String, run: impl Fn(&Json) -> Result<String, String>) {
    let golden = golden();
    let cases = golden[section].as_array().expect("a list of cases");
    let listed = |name: &str| DIFFERENCES.iter().any(|(of, case, _)| *of == section && *case == name);
    let mut wrong = Vec::new();
    let mut agreed = 0;
    for case in cases {
        let name = name(case);
        match (run(case), listed(&name)) {
            (Ok(_), false) => agreed += 1,
            (Err(_), true) => {}
            (Ok(_), true) => wrong.push(format!("{name:?} agrees; remove it from DIFFERENCES")),
            (Err(why), false) => wrong.push(format!("{name:?}: {why}")),
        }
    }
    println!("{section}: {agreed} of {} agree", cases.len());
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Compares `Debug` output, in which NaN equals itself and the order of keys matters.
fn same(name: &str, ours: &Value, theirs: &Json) -> Result<String, String> {
    let (ours, theirs) = (format!("{ours:?}"), format!("{:?}", value(theirs)));
    if ours == theirs { Ok(ours) } else { Err(format!("{name}: ours {ours}, theirs {theirs}")) }
}

fn same_error(error: &Error, expect: &Json, exact: bool) -> Result<String, String> {
    let theirs = expect["error"].as_str();
    let ours = kind(error);
    // Hydra reports unknown groups as unknown keys or in other ways.
    let loose = !exact || matches!(error, Error::UnknownGroup { .. });
    match theirs {
        Some(theirs) if loose || ours == theirs => Ok(error.to_string()),
        theirs => Err(format!("ours is an error ({ours}: {error}), theirs {}", theirs.unwrap_or("is none"))),
    }
}

fn expected_error(expect: &Json, ours: impl std::fmt::Debug) -> Result<(), String> {
    match expect["error"].as_str() {
        Some(theirs) => Err(format!("theirs is an error ({theirs}), ours {ours:?}")),
        None => Ok(()),
    }
}

#[test]
fn compositions_agree() {
    let golden = golden();
    let interpolator = interpolator(&golden);
    check("compose", composition_name, |case| {
        let composer = Composer::new(trees(case));
        let config = case["config"].as_str().expect("a name");
        let expect = &case["expect"];
        let composed = composer.compose(config, &strings(&case["overrides"])).and_then(|composed| {
            let mut resolved = composed.value.clone();
            interpolator.resolve(&mut resolved)?;
            Ok((composed, resolved))
        });
        let (composed, resolved) = match composed {
            Ok(both) => both,
            Err(error) => return same_error(&error, expect, true),
        };
        expected_error(expect, &composed.value)?;
        let choices = composed.choices.iter().filter(|(group, _)| !group.starts_with("hydra/")).map(
            |(group, option)| (group.as_str().into(), option.as_deref().map_or(Value::Null, Value::from)),
        );
        same("choices", &Value::Map(choices.collect()), &expect["choices"])?;
        same("value", &composed.value, &expect["value"])?;
        same("resolved", &resolved, &expect["resolved"])?;
        same("yaml", &Value::from(composed.value.to_yaml()), &expect["yaml"])
    });
}

#[test]
fn information_agrees() {
    check("info", composition_name, |case| {
        let composer = Composer::new(trees(case));
        let config = case["config"].as_str().expect("a name");
        let expect = &case["expect"];
        let mut composed = match composer.compose(config, &strings(&case["overrides"])) {
            Ok(composed) => composed,
            Err(error) => return same_error(&error, expect, false),
        };
        expected_error(expect, &composed.hydra)?;
        same("defaults", &composed.defaults.list().into(), &expect["defaults"])?;
        same("defaults-tree", &composed.defaults.tree().into(), &expect["defaults-tree"])?;
        composed.hydra.set("runtime.cwd", "".into()).map_err(|error| error.to_string())?;
        let none = Value::List(Vec::new());
        composed.hydra.set("runtime.config_sources", none).map_err(|error| error.to_string())?;
        same("hydra", &composed.hydra_without_help().to_yaml().into(), &expect["hydra"])
    });
}

/// The primary config and the overrides of a case.
fn composition_name(case: &Json) -> String {
    let config = case["config"].as_str().expect("a name");
    std::iter::once(config.to_owned()).chain(strings(&case["overrides"])).collect::<Vec<_>>().join(" ")
}

fn text_of(case: &Json) -> String {
    case["text"].as_str().expect("a string").to_owned()
}

#[test]
fn overrides_agree() {
    check("overrides", text_of, |case| {
        let expect = &case["expect"];
        match overrides::parse(&text_of(case)) {
            Err(error) => same_error(&error, expect, true),
            Ok(parsed) => match parsed.value() {
                None if expect["error"] == "sweep" => Ok("sweep".to_owned()),
                None => Err("ours is a sweep".to_owned()),
                Some(ours) => {
                    expected_error(expect, &ours)?;
                    let key = format!("{}{}", parsed.action.prefix(), parsed.key_with_package());
                    same("key", &Value::from(key), &expect["key"])?;
                    same("value", &ours, &expect["value"])
                }
            },
        }
    });
}

/// Returns actions, keys and values of overrides, independent of their formatting.
fn meaning(run: &[Override]) -> String {
    let meaning = run.iter().map(|one| (one.action, one.key_with_package(), one.value()));
    format!("{:?}", meaning.collect::<Vec<_>>())
}

#[test]
fn sweeps_agree() {
    check(
        "sweeps",
        |case| strings(&case["texts"]).join(" "),
        |case| {
            let expect = &case["expect"];
            let parsed = overrides::parse_all(&strings(&case["texts"]));
            let runs = match parsed.and_then(|parsed| overrides::expand(&parsed, |_| Vec::new())) {
                Ok(runs) => runs,
                Err(error) => return same_error(&error, expect, false),
            };
            let ours: Vec<String> = runs.iter().map(|run| meaning(run)).collect();
            expected_error(expect, &ours)?;
            // The formatted text must parse to the same value.
            for run in &runs {
                let texts: Vec<&str> = run.iter().map(|one| one.text.as_str()).collect();
                let again = overrides::parse_all(&texts).map_err(|error| error.to_string())?;
                assert_eq!(meaning(&again), meaning(run));
            }
            let theirs: Vec<String> = expect["runs"]
                .as_array()
                .expect("a list of runs")
                .iter()
                .map(|run| meaning(&overrides::parse_all(&strings(run)).expect("formatted by Hydra")))
                .collect();
            if ours == theirs { Ok(String::new()) } else { Err(format!("ours {ours:?}, theirs {theirs:?}")) }
        },
    );
}

#[test]
fn yaml_parsing_agrees() {
    check("yaml", text_of, |case| {
        let expect = &case["expect"];
        match yaml::parse(&text_of(case), "case") {
            Err(error) => same_error(&error, expect, false),
            Ok(ours) => {
                expected_error(expect, &ours)?;
                same("value", &ours, &expect["value"])
            }
        }
    });
}

#[test]
fn yaml_emitting_agrees() {
    check(
        "emit",
        |case| case["value"].to_string(),
        |case| {
            let ours = value(&case["value"]);
            same("yaml", &Value::from(ours.to_yaml()), &case["yaml"])?;
            same(
                "read back",
                &yaml::parse(&ours.to_yaml(), "case").map_err(|e| e.to_string())?,
                &case["value"],
            )
        },
    );
}

#[test]
fn interpolations_agree() {
    let golden = golden();
    let interpolator = interpolator(&golden);
    check("interpolate", text_of, |case| {
        let expect = &case["expect"];
        let mut ours = yaml::parse(&text_of(case), "case").map_err(|error| error.to_string())?;
        match interpolator.resolve(&mut ours) {
            Err(error) => same_error(&error, expect, false),
            Ok(()) => {
                expected_error(expect, &ours)?;
                same("value", &ours, &expect["value"])
            }
        }
    });
}
