//! What a user sees: messages, suggestions, origins, schemas and runs.

use std::path::{Path, PathBuf};

use bcs_config::{Composer, Composition, Error, Origin, Value, yaml};

fn trees() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/trees")
}

fn predecessor() -> Composer {
    Composer::new([trees().join("predecessor")])
}

fn layers() -> Composer {
    Composer::new([trees().join("layers")])
}

fn message(result: Result<Composition, Error>) -> String {
    result.expect_err("must be refused").to_string()
}

#[test]
fn an_unknown_key_says_what_is_missing_and_what_may_be_meant() {
    let cases = [
        (
            "train_hyp.max_epoch=5",
            "Could not override 'train_hyp.max_epoch'. Key 'max_epoch' is not in 'train_hyp'. Did you mean \
             'train_hyp.max_epochs'? To append to your config use +train_hyp.max_epoch=5",
        ),
        (
            "max_epochs=5",
            "Could not override 'max_epochs'. Key 'max_epochs' is not in the configuration. Did you mean \
             'train_hyp.max_epochs'? To append to your config use +max_epochs=5",
        ),
        (
            "train_hpy=train_hyp_gcp_gpu",
            "Could not override 'train_hpy'. Key 'train_hpy' is not in the configuration. Did you mean 'train_hyp'? To \
             append to your config use +train_hpy=train_hyp_gcp_gpu",
        ),
        (
            "train_hyp.loss.name=x",
            "Could not override 'train_hyp.loss.name'. 'train_hyp.loss' is a string, so it has no key 'name'. To \
             append to your config use +train_hyp.loss.name=x",
        ),
    ];
    for (given, expected) in cases {
        assert_eq!(message(predecessor().compose("config_hydra", &[given])), expected);
    }
}

#[test]
fn an_unknown_option_lists_the_options() {
    let error = message(predecessor().compose("config_hydra", &["train_hyp=train_hyp_gcp_cpu"]));
    assert_eq!(
        error,
        "In 'config_hydra': Could not find 'train_hyp/train_hyp_gcp_cpu'. Did you mean 'train_hyp_gcp_gpu'? \
         Available options in 'train_hyp': train_hyp_default, train_hyp_gcp_gpu."
    );
    let error = message(layers().compose::<&str>("mandatory", &[]));
    assert_eq!(
        error,
        "You must specify 'db', e.g. db=<OPTION>. Available options in 'db': layered, mysql, postgres."
    );
}

#[test]
fn an_unknown_group_names_the_known_ones() {
    let error = message(layers().compose("config", &["serve/tls=strict"]));
    assert!(error.contains("there is no group 'serve/tls'"), "{error}");
    let end = "Did you mean 'server/tls'? Known groups: combo, db, db/nested, extra, loss, server, server/tls, top.";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn a_missing_main_config_says_where_it_was_sought() {
    let error = message(predecessor().compose::<&str>("config_hidra", &[]));
    let start = "Cannot find primary config 'config_hidra'. Did you mean 'config_hydra'? Searched: ";
    assert!(error.starts_with(start), "{error}");
    assert!(error.ends_with("trees/predecessor. Available: config_hydra."), "{error}");
}

/// A config tree in memory, with a group within a group.
const BUILT_IN: bcs_config::BuiltIn = &[
    ("main.yaml", "defaults: [db: mysql, db/pool: small, _self_]\nseed: 1\n"),
    ("db/mysql.yaml", "port: 3306\n"),
    ("db/sqlite.yaml", "file: data.db\n"),
    ("db/pool/small.yaml", "size: 2\n"),
];

fn no_folders() -> Composer {
    Composer::new(std::iter::empty::<PathBuf>())
}

#[test]
fn built_in_configs_compose_without_any_folder() {
    let composer = no_folders().with_built_in(BUILT_IN);
    let composed = composer.compose("main", &["db=sqlite"]).expect("composes");
    assert_eq!(composed.value.to_yaml(), "db:\n  file: data.db\n  pool:\n    size: 2\nseed: 1\n");
    assert_eq!(composed.source_of("db.file"), Some(&Origin::BuiltIn("db/sqlite.yaml")));
    assert_eq!(Origin::BuiltIn("db/sqlite.yaml").to_string(), "built-in db/sqlite.yaml");
    assert_eq!(composer.groups(), ["db", "db/pool"]);
    assert_eq!(composer.options("db"), ["mysql", "sqlite"]);
    assert_eq!(composer.options(""), ["main"]);
    assert_eq!(composer.expand(&["db=glob(*)"]).expect("expands").len(), 2);
}

#[test]
fn folders_are_searched_before_built_in_configs() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("db")).expect("created");
    std::fs::write(folder.path().join("db/mysql.yaml"), "port: 1\n").expect("written");
    std::fs::write(folder.path().join("db/own.yaml"), "port: 2\n").expect("written");
    let composer = Composer::new([folder.path()]).with_built_in(BUILT_IN);
    let composed = composer.compose::<&str>("main", &[]).expect("composes");
    assert_eq!(composed.value.get_path("db.port"), Some(&Value::Int(1)));
    assert_eq!(composed.source_of("db.port"), Some(&Origin::File(folder.path().join("db/mysql.yaml"))));
    assert_eq!(composed.source_of("seed"), Some(&Origin::BuiltIn("main.yaml")));
    assert_eq!(composer.options("db"), ["mysql", "own", "sqlite"]);
}

#[test]
fn errors_name_the_built_in_configuration() {
    let composer = Composer::new([trees().join("second")]).with_built_in(BUILT_IN);
    let error = message(composer.compose::<&str>("foo", &[]));
    assert!(error.starts_with("Cannot find primary config 'foo'. Searched: "), "{error}");
    assert!(error.ends_with("trees/second, the built-in configuration. Available: main."), "{error}");
    let broken = no_folders().with_built_in(&[("main.yaml", "a: 1\na: 2\n")]);
    let error = message(broken.compose::<&str>("main", &[]));
    assert_eq!(error, "built-in main.yaml:2:1: duplicate key 'a'; keep one of them");
}

#[test]
fn a_sweep_outside_multirun_points_to_the_flag() {
    for given in ["train_hyp.max_epochs=1,2", "train_hyp=glob(*)", "train_hyp.max_epochs=range(1,3)"] {
        let error = message(predecessor().compose("config_hydra", &[given]));
        assert!(error.contains("add -m (--multirun)"), "{error}");
    }
}

#[test]
fn every_leaf_knows_its_origin() {
    let schema = yaml::parse("seed: 1\ntrain_hyp: {max_epochs: 1, amp: false}", "schema").expect("valid");
    let composer = predecessor().with_schema(schema);
    let composed =
        composer.compose("config_hydra", &["train_hyp.loss=Focal", "+a={b: 1}"]).expect("composes");
    let file = Origin::File(trees().join("predecessor/train_hyp/train_hyp_default.yaml"));
    assert_eq!(composed.source_of("seed"), Some(&Origin::Schema));
    assert_eq!(composed.source_of("train_hyp.amp"), Some(&Origin::Schema));
    assert_eq!(composed.source_of("train_hyp.max_epochs"), Some(&file));
    assert_eq!(
        composed.source_of("train_hyp.loss"),
        Some(&Origin::Override("train_hyp.loss=Focal".to_owned()))
    );
    assert_eq!(composed.source_of("a"), Some(&Origin::Override("+a={b: 1}".to_owned())));
    assert_eq!(composed.source_of("nothing"), None);
    assert_eq!(composed.sources.len(), composed.value.leaves().len());
}

#[test]
fn keys_of_the_schema_need_no_plus() {
    let schema = yaml::parse("train_hyp: {amp: false}\nseed: 1", "schema").expect("valid");
    let composer = predecessor().with_schema(schema);
    let composed = composer.compose("config_hydra", &["train_hyp.amp=true", "seed=2"]).expect("composes");
    assert_eq!(composed.value.get_path("train_hyp.amp"), Some(&Value::Bool(true)));
    assert_eq!(composed.value.get_path("train_hyp.max_epochs"), Some(&Value::Int(3)));
    assert_eq!(composed.value.get_path("seed"), Some(&Value::Int(2)));
}

#[test]
fn a_main_config_without_self_is_warned_about() {
    let composed = layers().compose::<&str>("self_absent", &[]).expect("composes");
    assert_eq!(composed.warnings.len(), 1);
    assert!(composed.warnings[0].contains("`_self_`"));
    assert!(layers().compose::<&str>("self_last", &[]).expect("composes").warnings.is_empty());
    assert!(predecessor().compose::<&str>("config_hydra", &[]).expect("composes").warnings.is_empty());
}

#[test]
fn runs_are_every_combination_and_compose() {
    let composer = predecessor();
    let runs =
        composer.expand(&["train_hyp=glob(*,exclude=*_default)", "train_hyp.max_epochs=1,2"]).expect("runs");
    let texts: Vec<Vec<&str>> =
        runs.iter().map(|run| run.iter().map(|one| one.text.as_str()).collect()).collect();
    assert_eq!(
        texts,
        [
            ["train_hyp=train_hyp_gcp_gpu", "train_hyp.max_epochs=1"],
            ["train_hyp=train_hyp_gcp_gpu", "train_hyp.max_epochs=2"]
        ]
    );
    let composed = composer.compose_parsed("config_hydra", &runs[1]).expect("composes");
    assert_eq!(composed.value.get_path("train_hyp.optimizer"), Some(&Value::from("AdamW")));
    assert_eq!(composed.value.get_path("train_hyp.max_epochs"), Some(&Value::Int(2)));
    assert_eq!(composed.overrides, texts[1]);
}

#[test]
fn sweeps_without_end_or_without_values_are_refused() {
    for (given, part) in [
        (vec!["a=range(0,1000000000)"], "more than"),
        (vec!["a=range(0,1e9,1e-3)"], "more than"),
        (vec!["a=range(1000)", "b=range(1000)", "c=range(1000)"], "more than"),
        (vec!["a=range(3,1)"], "no values"),
        (vec!["train_hyp=glob(nothing*)"], "no values"),
    ] {
        let error = predecessor().expand(&given).expect_err("refused").to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn configs_that_include_each_other_are_refused() {
    let error = message(layers().compose::<&str>("loops", &[]));
    assert!(error.contains("leads back to itself"), "{error}");
}

#[test]
fn broken_files_are_named_with_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("twice.yaml", "a: 1\nb: 2\na: 3\n");
    write("header.yaml", "# @package a b\n");
    write("list.yaml", "defaults: [{a: 1}]\n");
    let composer = Composer::new([folder.path()]);
    let error = message(composer.compose::<&str>("twice", &[]));
    assert!(error.ends_with("twice.yaml:3:1: duplicate key 'a'; keep one of them"), "{error}");
    let error = message(composer.compose::<&str>("header", &[]));
    assert!(error.contains("header.yaml:1:1: expected a header such as"), "{error}");
    let error = message(composer.compose::<&str>("list", &[]));
    assert_eq!(error, "In 'list': 'a' needs an option, a list of options or null, not an integer");
}

#[test]
fn numbers_without_a_place_in_json_name_their_key() {
    let value = yaml::parse("a:\n- 1\n- .inf\n", "example").expect("valid");
    let error = value.to_json().expect_err("infinite").to_string();
    assert_eq!(error, "'a.1': JSON has no number inf; give a finite one");
    let error = Value::from_serialize(&[u64::MAX]).expect_err("too large").to_string();
    assert_eq!(error, "'0': 18446744073709551615 does not fit into a signed 64-bit integer");
}
