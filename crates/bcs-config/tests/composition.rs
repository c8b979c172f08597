//! Composition as a user sees it: messages, suggestions, origins, schemas and multiruns.

use std::path::{Path, PathBuf};

use bcs_config::{Composer, Composition, Error, Interpolator, Origin, Schema, Value, yaml};

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
    result.expect_err("an error").to_string()
}

#[test]
fn unknown_keys_get_a_suggestion_the_known_keys_and_hydras_advice() {
    let keys = "Keys of the configuration: train_hyp, model_hyp, unittest, evidently.";
    let train_keys = "Keys of 'train_hyp': max_epochs, limit_train_batches, learning_rate, training_batch_size, \
                      training_num_workers, validation_batch_size, validation_num_workers, train_img_location, \
                      train_mask_location, validation_img_location, validation_mask_location, test_location, \
                      wandb_enabled, model_repo_location, optimizer, profiling, loss.";
    let cases = [
        (
            "train_hyp.max_epoch=5",
            format!(
                "key 'max_epoch' is not in 'train_hyp'. Did you mean 'train_hyp.max_epochs'? {train_keys}"
            ),
        ),
        ("train_hyp.foo=5", format!("key 'foo' is not in 'train_hyp'. {train_keys}")),
        (
            "max_epochs=5",
            format!(
                "key 'max_epochs' is not in the configuration. Did you mean 'train_hyp.max_epochs'? {keys}"
            ),
        ),
        (
            "train_hpy=train_hyp_gcp_gpu",
            format!("key 'train_hpy' is not in the configuration. Did you mean 'train_hyp'? {keys}"),
        ),
        ("train_hyp.loss.name=x", "'train_hyp.loss' is a string and has no key 'name'.".to_owned()),
    ];
    for (given, expected) in cases {
        let expected = format!("override '{given}': {expected} To append to your config use +{given}");
        assert_eq!(message(predecessor().compose("config_hydra", &[given])), expected);
    }
}

fn schema() -> Schema {
    let text = "{train_hyp: {max_epochs: 20, loss: DiceCE}, augmentation: {flip: true}, unittest: {count: 1}, notes: {}}";
    Schema::new(yaml::parse(text, "schema").expect("valid")).open("unittest")
}

/// A config tree without an `augmentation` group in its primary config `bare`.
const TREE: bcs_config::BuiltIn = &[
    ("main.yaml", "defaults: [train_hyp: short, augmentation: he, _self_]\n"),
    ("bare.yaml", "defaults: [train_hyp: short]\n"),
    ("off.yaml", "defaults: [train_hyp: short, augmentation: null]\n"),
    ("train_hyp/short.yaml", "max_epochs: 2\n"),
    ("augmentation/he.yaml", "flip: false\n"),
    ("train_hyp/misspelled.yaml", "max_epoch: 2\n"),
];

fn with_schema() -> Composer {
    no_folders().with_built_in("tree", TREE).with_schema(schema())
}

#[test]
fn unknown_keys_of_a_closed_schema_are_errors_without_advice_to_append() {
    let end = "key 'max_epoch' is not in 'train_hyp'. Did you mean 'train_hyp.max_epochs'? \
               Keys of 'train_hyp': max_epochs, loss.";
    for given in [
        "train_hyp.max_epoch=3",
        "+train_hyp.max_epoch=3",
        "++train_hyp.max_epoch=3",
        "+train_hyp={max_epoch:3}",
    ] {
        let error = message(with_schema().compose("main", &[given]));
        assert_eq!(error, format!("override '{given}': {end}"));
    }
    let error = message(with_schema().compose("main", &["train_hyp=misspelled"]));
    assert_eq!(error, format!("built-in train_hyp/misspelled.yaml: {end}"));
    let error = message(with_schema().compose("main", &["+extra.deep=1"]));
    let end = "key 'extra' is not in the configuration. Keys of the configuration: train_hyp, augmentation, unittest, notes.";
    assert_eq!(error, format!("override '+extra.deep=1': {end}"));
}

#[test]
fn open_mappings_of_a_schema_take_any_key() {
    let given = ["+unittest.paths.a=1", "+notes.title=x", "unittest.count={nested:1}"];
    let composed = with_schema().compose("main", &given).expect("composes");
    assert_eq!(composed.value.get_path("unittest.paths.a"), Some(&Value::Int(1)));
    assert_eq!(composed.value.get_path("notes.title"), Some(&Value::from("x")));
    let error = message(with_schema().compose("main", &["unittest.path=1"]));
    assert!(error.ends_with("To append to your config use +unittest.path=1"), "{error}");
}

#[test]
fn deleted_and_null_groups_get_no_defaults_from_the_schema() {
    for (config, given) in [("main", vec!["~augmentation"]), ("bare", vec!["~augmentation"]), ("off", vec![])]
    {
        let composed = with_schema().compose(config, &given).expect("composes");
        assert_eq!(composed.value.get_path("augmentation"), None, "{config}");
        assert_eq!(composed.value.get_path("train_hyp.loss"), Some(&Value::from("DiceCE")));
        assert!(composed.source_of("augmentation").is_none());
    }
    let composed = with_schema().compose("main", &["~train_hyp"]).expect("composes");
    assert_eq!(composed.value.get_path("train_hyp"), None);
    let composed =
        with_schema().compose("main", &["~augmentation", "+augmentation.flip=true"]).expect("composes");
    assert_eq!(composed.value.get_path("augmentation.flip"), Some(&Value::Bool(true)));
    let composed = with_schema().compose::<&str>("bare", &[]).expect("composes");
    assert_eq!(composed.value.get_path("augmentation.flip"), Some(&Value::Bool(true)));
    assert!(
        message(with_schema().compose("bare", &["~augmentation=he"]))
            .contains("No match in the defaults list")
    );
}

#[test]
fn unknown_options_list_the_options_of_the_group() {
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
fn unknown_groups_list_the_known_groups() {
    let error = message(layers().compose("config", &["serve/tls=strict"]));
    assert!(error.contains("there is no group 'serve/tls'"), "{error}");
    let end = "Did you mean 'server/tls'? Known groups: combo, db, db/nested, extra, loss, server, server/tls, top.";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn a_missing_primary_config_lists_the_search_path() {
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
    let composer = no_folders().with_built_in("tree", BUILT_IN);
    let composed = composer.compose("main", &["db=sqlite"]).expect("composes");
    assert_eq!(composed.value.to_yaml(), "db:\n  file: data.db\n  pool:\n    size: 2\nseed: 1\n");
    assert_eq!(composed.source_of("db.file"), Some(&Origin::BuiltIn("db/sqlite.yaml")));
    assert_eq!(Origin::BuiltIn("db/sqlite.yaml").to_string(), "built-in db/sqlite.yaml");
    assert_eq!(composer.groups(), ["db", "db/pool"]);
    assert_eq!(composer.options("db"), ["mysql", "sqlite"]);
    assert_eq!(composer.options(""), ["main"]);
    assert_eq!(composer.expand("main", &["db=glob(*)"]).expect("expands").len(), 2);
}

#[test]
fn folders_are_searched_before_built_in_configs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("db")).expect("created");
    std::fs::write(folder.path().join("db/mysql.yaml"), "port: 1\n").expect("written");
    std::fs::write(folder.path().join("db/own.yaml"), "port: 2\n").expect("written");
    let composer = Composer::new([folder.path()]).with_built_in("tree", BUILT_IN);
    let composed = composer.compose::<&str>("main", &[]).expect("composes");
    assert_eq!(composed.value.get_path("db.port"), Some(&Value::Int(1)));
    assert_eq!(composed.source_of("db.port"), Some(&Origin::File(folder.path().join("db/mysql.yaml"))));
    assert_eq!(composed.source_of("seed"), Some(&Origin::BuiltIn("main.yaml")));
    assert_eq!(composer.options("db"), ["mysql", "own", "sqlite"]);
}

#[test]
fn errors_name_the_built_in_configuration() {
    let composer = Composer::new([trees().join("second")]).with_built_in("tree", BUILT_IN);
    let error = message(composer.compose::<&str>("foo", &[]));
    assert!(error.starts_with("Cannot find primary config 'foo'. Searched: "), "{error}");
    assert!(error.ends_with("trees/second, the built-in configuration. Available: main."), "{error}");
    let broken = no_folders().with_built_in("tree", &[("main.yaml", "a: 1\na: 2\n")]);
    let error = message(broken.compose::<&str>("main", &[]));
    assert_eq!(error, "built-in main.yaml:2:1: duplicate key 'a'; keep one of them");
}

#[test]
fn a_sweep_in_a_single_run_advises_multirun() {
    for given in ["train_hyp.max_epochs=1,2", "train_hyp=glob(*)", "train_hyp.max_epochs=range(1,3)"] {
        let error = message(predecessor().compose("config_hydra", &[given]));
        assert!(error.contains("add -m (--multirun)"), "{error}");
    }
}

#[test]
fn every_leaf_has_its_origin() {
    let schema = yaml::parse("seed: 1\ntrain_hyp: {max_epochs: 1, amp: false}", "schema").expect("valid");
    let composer = predecessor().with_schema(Schema::new(schema).open(""));
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
fn keys_of_the_schema_can_be_overridden_without_plus() {
    let schema = yaml::parse("train_hyp: {amp: false}\nseed: 1", "schema").expect("valid");
    let composer = predecessor().with_schema(Schema::new(schema).open(""));
    let composed = composer.compose("config_hydra", &["train_hyp.amp=true", "seed=2"]).expect("composes");
    assert_eq!(composed.value.get_path("train_hyp.amp"), Some(&Value::Bool(true)));
    assert_eq!(composed.value.get_path("train_hyp.max_epochs"), Some(&Value::Int(3)));
    assert_eq!(composed.value.get_path("seed"), Some(&Value::Int(2)));
}

#[test]
fn a_primary_config_without_self_gives_a_warning() {
    let composed = layers().compose::<&str>("self_absent", &[]).expect("composes");
    assert_eq!(composed.warnings.len(), 1);
    assert!(composed.warnings[0].contains("`_self_`"));
    assert!(layers().compose::<&str>("self_last", &[]).expect("composes").warnings.is_empty());
    assert!(predecessor().compose::<&str>("config_hydra", &[]).expect("composes").warnings.is_empty());
}

#[test]
fn a_multirun_has_every_combination_of_its_sweeps() {
    let composer = predecessor();
    let runs = composer
        .expand("config_hydra", &["train_hyp=glob(*,exclude=*_default)", "train_hyp.max_epochs=1,2"])
        .expect("runs");
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
fn empty_and_oversized_sweeps_are_errors() {
    for (given, part) in [
        (vec!["a=range(0,1000000000)"], "more than"),
        (vec!["a=range(0,1e9,1e-3)"], "more than"),
        (vec!["a=range(1000)", "b=range(1000)", "c=range(1000)"], "more than"),
        (vec!["a=range(3,1)"], "no values"),
        (vec!["train_hyp=glob(nothing*)"], "no values"),
    ] {
        let error = predecessor().expand("config_hydra", &given).expect_err("an error").to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn configs_that_include_each_other_are_errors() {
    let error = message(layers().compose::<&str>("loops", &[]));
    assert!(error.contains("includes itself"), "{error}");
}

#[test]
fn errors_in_files_have_path_line_and_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
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
    assert_eq!(error, "In 'list': 'a' must be an option, a list of options or null, not an integer");
}

#[test]
fn overrides_are_written_as_a_yaml_list_of_the_same_strings() {
    let overrides =
        ["a: b", "- x", "null", "1e-3", "lr=${x}", "~foo", "#", "", "two\nlines", "+a=[1,2]", "a='b'", "yes"];
    let written = Value::from(overrides.to_vec()).to_yaml();
    let expected = "- 'a: b'\n- '- x'\n- 'null'\n- '1e-3'\n- lr=${x}\n- ~foo\n- '#'\n- ''\n- 'two\n\n  lines'\n\
                    - +a=[1,2]\n- a='b'\n- 'yes'\n";
    assert_eq!(written, expected);
    assert_eq!(
        yaml::parse(&written, "overrides.yaml").expect("valid").decode::<Vec<String>>().expect("strings"),
        overrides
    );
    assert_eq!(Value::from(Vec::<String>::new()).to_yaml(), "[]\n");
}

#[test]
fn a_composition_keeps_interpolations_unresolved() {
    let tree: bcs_config::BuiltIn = &[
        (
            "main.yaml",
            "defaults: [data: bucket, _self_]\ntoken: ${oc.env:TOKEN}\nurl: 'https://x/?t=${oc.env:TOKEN,none}'\n",
        ),
        ("data/bucket.yaml", "root: gs://${oc.env:BUCKET}\ntrain: ${data.root}/train\n"),
    ];
    let environment = [("TOKEN", "secret"), ("BUCKET", "tiles")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let interpolator = Interpolator::new(environment.into());
    let composer = no_folders().with_built_in("tree", tree).with_interpolator(interpolator);
    let composed = composer.compose("main", &["+copy=${token}"]).expect("composes");
    let expected = "data:\n  root: gs://${oc.env:BUCKET}\n  train: ${data.root}/train\ntoken: ${oc.env:TOKEN}\n\
                    url: https://x/?t=${oc.env:TOKEN,none}\ncopy: ${token}\n";
    assert_eq!(composed.value.to_yaml(), expected);
    assert!(!format!("{composed:?}").contains("secret"));
    let mut resolved = composed.value;
    composer.interpolator.resolve(&mut resolved).expect("resolves");
    assert_eq!(resolved.get_path("copy"), Some(&Value::from("secret")));
}

#[test]
fn numbers_that_do_not_fit_are_errors_with_their_key() {
    let value = yaml::parse("a:\n- 1\n- .inf\n", "example").expect("valid");
    let error = value.to_json().expect_err("infinite").to_string();
    assert_eq!(error, "a.1: must be a finite number in JSON, got inf");
    let error = Value::from_serialize(&[u64::MAX]).expect_err("too large").to_string();
    assert_eq!(error, "0: 18446744073709551615 does not fit into a signed 64-bit integer");
}
