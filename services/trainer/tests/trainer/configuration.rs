//! Configuration on the command line, as Hydra prints it, and what a run saves about it.

use std::path::Path;

use bcs_tests::run_ok;

use crate::support::{json, outcome, trained, write_tissue};

/// Writes a config tree that has nothing to do with this program.
fn write_tree(folder: &Path) {
    for (name, text) in [
        (
            "main.yaml",
            "defaults:\n- db: mysql\n- _self_\nname: app ${db.port}\njob: ${hydra:job.name}\n0: zero\n'1': one\n",
        ),
        ("db/mysql.yaml", "port: 3306\nhosts: [a, b]\n"),
        ("db/sqlite.yaml", "port: ???\n"),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Runs the program on that tree.
fn print(arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    write_tree(&folder.path().join("conf"));
    outcome(folder.path(), &[&["-cp", "conf", "-cn", "main"], arguments].concat(), &[])
}

#[test]
fn any_tree_is_printed_as_hydra_composes_it() {
    let all = "db:\n  port: 3306\n  hosts:\n  - a\n  - b\nname: app ${db.port}\njob: ${hydra:job.name}\n0: zero\n'1': one\n";
    let cases: [(&[&str], &str); 8] = [
        (&["--cfg", "job"], all),
        (
            &["-c", "job", "-p", "db", "+db.user='x'"],
            "# @package db\nport: 3306\nhosts:\n- a\n- b\nuser: x\n",
        ),
        (&["--cfg=job", "--package", "name"], "app 3306\n"),
        (&["--cfg=job", "--package=db.hosts"], "# @package db.hosts\n- a\n- b\n"),
        (&["--cfg=job", "--resolve", "-p", "job"], "bcs-trainer\n"),
        (&["--cfg=job", "-p", "db", "db=sqlite"], "# @package db\nport: ???\n"),
        (
            &["--cfg=hydra", "-p", "hydra.run"],
            "# @package hydra.run\ndir: outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}\n",
        ),
        (
            &["--cfg=all", "-p", "hydra.overrides", "db.port=1", "hydra.run.dir=x"],
            "# @package hydra.overrides\nhydra:\n- hydra.run.dir=x\ntask:\n- db.port=1\n",
        ),
    ];
    for (arguments, expected) in cases {
        let (code, printed, error) = print(arguments);
        assert_eq!((code, printed.as_str()), (Some(0), expected), "{arguments:?}: {error}");
    }
}

#[test]
fn what_hydra_refuses_is_an_error() {
    for arguments in [
        ["--cfg=job", "db.prt=1"],
        ["--cfg=job", "db=oracle"],
        ["--cfg=job", "db.port=1,2"],
        ["--cfg=job", "+db.port=1"],
        ["--cfg=job", "~db.user"],
        ["--cfg=job", "--package=nothing"],
        ["--cfg=job", "a=[1"],
        ["--cfg=hydra", "hydra.nothing=1"],
    ] {
        let (code, printed, error) = print(&arguments);
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{arguments:?}: {error}");
    }
    let (_, _, error) = print(&["--cfg=job", "db.prt=1"]);
    assert!(error.contains("Did you mean 'db.port'?") && error.contains("use +db.prt=1"), "{error}");
}

#[test]
fn information_tells_where_a_configuration_comes_from() {
    let (_, defaults, _) = print(&["--info", "defaults"]);
    assert!(
        defaults.contains("| db/mysql                    | db                  | False  | main         |\n"),
        "{defaults}"
    );
    let (_, tree, _) = print(&["--info", "defaults-tree"]);
    assert!(tree.ends_with("  main:\n    db: mysql\n    _self_\n"), "{tree}");
    let (_, path, _) = print(&["--info", "searchpath"]);
    assert!(
        path.contains("| hydra    | pkg://hydra.conf") && path.contains("| main     | file:///"),
        "{path}"
    );
    let (_, all, _) = print(&["--info"]);
    assert!(all.contains(&defaults) && all.contains(&tree) && all.ends_with("'1': one\n\n"), "{all}");
}

#[test]
fn a_run_saves_what_it_depends_on_in_the_folder_that_the_configuration_names() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let overrides = [
        "hydra.run.dir=runs/${hydra.job.override_dirname}",
        "hydra.job.config.override_dirname.exclude_keys=[data.root,unittest.api_key]",
    ];
    let arguments =
        [&bcs_tests::SMALL[..], &overrides, &["train_hyp.max_epochs=1", "+unittest.api_key=hidden"]].concat();
    run_ok("bcs-trainer", &arguments, here, &[("BCS_REVISION", "abc"), ("PASSPHRASE", "hidden")]);
    let run = std::fs::read_dir(here.join("runs")).unwrap().next().unwrap().unwrap();
    assert!(run.file_name().to_str().unwrap().contains("train_hyp.max_epochs=1"), "{run:?}");
    let saved = run.path().join(".hydra");
    let hydra = bcs_config::yaml::read(&saved.join("hydra.yaml")).unwrap();
    let output_dir = hydra.get_path("hydra.runtime.output_dir").unwrap().as_str().unwrap();
    assert_eq!(Path::new(output_dir).canonicalize().unwrap(), run.path().canonicalize().unwrap());
    assert_eq!(hydra.get_path("hydra.mode").unwrap().as_str(), Some("RUN"));
    let environment = json(saved.join("environment.json"));
    assert_eq!(environment["variables"]["BCS_REVISION"], "abc");
    assert!(
        environment["cpu"]["cores"].as_u64().unwrap() > 0
            && environment["memory_bytes"].as_u64().unwrap() > 0
    );
    assert!(!environment.to_string().contains("hidden"), "{environment}");
    let overrides = std::fs::read_to_string(saved.join("overrides.yaml")).unwrap();
    assert!(
        overrides.contains("train_hyp.max_epochs=1") && !overrides.contains("hydra.run.dir"),
        "{overrides}"
    );
}

#[test]
fn a_sweep_has_the_folders_that_the_configuration_names() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    trained(
        here,
        &[
            "-m",
            "train_hyp.max_epochs=1",
            "train_hyp.seed=1,2",
            "hydra.sweep.dir=grid",
            "hydra.sweep.subdir=n${hydra.job.num}",
        ],
    );
    for (run, seed) in [("n0", "1"), ("n1", "2")] {
        let hydra = std::fs::read_to_string(here.join("grid").join(run).join(".hydra/hydra.yaml")).unwrap();
        assert!(
            hydra.contains(&format!("train_hyp.seed={seed}")) && hydra.contains("mode: MULTIRUN"),
            "{hydra}"
        );
    }
    assert!(!here.join("multirun").exists() && !here.join("outputs").exists());
}
