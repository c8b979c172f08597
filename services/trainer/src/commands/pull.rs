//! `bcs-trainer pull`: data tracked by DVC.

use std::path::Path;

use bcs_dvc::{Options, Repository};

use crate::cli::PullArguments;
use crate::error::{Error, Result};
use crate::remote::dvc;

/// Pulls.
pub(super) fn run(arguments: &PullArguments) -> Result<()> {
    let PullArguments { files, remote, jobs, force } = arguments;
    if *jobs == 0 {
        return Err(Error::Usage("--jobs is 0; it must be at least 1".to_owned()));
    }
    let repository = Repository::discover(files.first().map_or(Path::new("."), |file| file))?;
    let files = match files.is_empty() {
        true => repository.dvc_files()?,
        false => files.iter().map(|file| repository.dvc_file(file)).collect::<Result<_, _>>()?,
    };
    dvc::pull(&repository, &files, &Options { remote: remote.clone(), jobs: *jobs, force: *force })
}
