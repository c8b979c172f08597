//! Where a model comes from.

use std::process::Command;

use bcs_contracts::package::Provenance;
use bcs_model::package::sha256;

/// The version of libtorch that the build is pinned to.
const LIBTORCH: &str = "2.11.0";

/// Who makes a package now, of this configuration.
pub(crate) fn provenance(config_yaml: &str, seed: Option<i64>) -> Provenance {
    Provenance {
        created_by: format!("bcs-trainer {}", env!("CARGO_PKG_VERSION")),
        created: jiff::Timestamp::now().to_string(),
        git_revision: git_revision().unwrap_or_default(),
        config_sha256: sha256(config_yaml.as_bytes()),
        seed,
        libtorch: LIBTORCH.to_owned(),
    }
}

/// The revision of the working folder, with `-dirty` where it had changes; none outside a checkout.
fn git_revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { revision } else { format!("{revision}-dirty") })
}
