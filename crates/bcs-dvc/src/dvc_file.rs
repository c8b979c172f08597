use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::listing;
use crate::object::{HashName, ObjectId};
use crate::path::join;

/// A `.dvc` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DvcFile {
    /// Files and directories that it tracks.
    pub outs: Vec<Out>,
    /// URL of the repository that the data was imported from (`dvc import`), which is not in the remote of this one.
    pub imported_from: Option<String>,
}

/// A tracked file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    /// Path relative to the root of the repository.
    pub path: PathBuf,
    /// Object with the file, or with the list of the files of the directory; `None` before the first commit, and for a
    /// directory whose files are in `files`.
    pub object: Option<ObjectId>,
    /// Files of the directory by their paths in it, if the `.dvc` file lists them (remotes with versions).
    pub files: Option<BTreeMap<String, TrackedFile>>,
    /// Whether the file is executable.
    pub is_executable: bool,
    /// Versions of the file by the names of the remotes.
    pub versions: BTreeMap<String, String>,
    /// Whether DVC caches it. What it does not cache is not pulled.
    pub is_cached: bool,
    /// Whether it is pushed to remotes.
    pub is_pushed: bool,
    /// Name of its remote in place of the default one.
    pub remote: Option<String>,
}

/// A file of a directory that a `.dvc` file lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedFile {
    /// Object with the content.
    pub object: ObjectId,
    /// Whether the file is executable.
    pub is_executable: bool,
    /// Versions of the file by the names of the remotes.
    pub versions: BTreeMap<String, String>,
}

/// A `.dvc` file as it is written. Keys that a pull does not need are left out.
#[derive(Deserialize)]
struct RawFile {
    wdir: Option<String>,
    #[serde(default)]
    outs: Vec<RawOut>,
    #[serde(default)]
    deps: Vec<RawDependency>,
}

#[derive(Deserialize)]
struct RawOut {
    path: String,
    /// Name of the hash; DVC 2 did not write it.
    hash: Option<String>,
    md5: Option<String>,
    #[serde(default)]
    isexec: bool,
    cache: Option<bool>,
    push: Option<bool>,
    remote: Option<String>,
    files: Option<Vec<RawTracked>>,
    #[serde(default)]
    cloud: BTreeMap<String, RawVersion>,
}

#[derive(Deserialize)]
struct RawTracked {
    relpath: String,
    md5: Option<String>,
    #[serde(default)]
    isexec: bool,
    #[serde(default)]
    cloud: BTreeMap<String, RawVersion>,
}

#[derive(Deserialize)]
struct RawVersion {
    version_id: Option<String>,
}

#[derive(Deserialize)]
struct RawDependency {
    repo: Option<RawRepository>,
}

#[derive(Deserialize)]
struct RawRepository {
    url: String,
}

impl DvcFile {
    /// Parses a `.dvc` file in `folder`, which is relative to the root of the repository. `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Malformed`], also for paths outside the repository.
    pub fn parse(text: &str, folder: &Path, origin: &str) -> Result<Self> {
        let malformed = |reason: String| Error::Malformed { origin: origin.to_owned(), reason };
        let value = bcs_config::yaml::parse(text, origin).map_err(|error| {
            // The message starts with the origin.
            let message = error.to_string();
            malformed(message.strip_prefix(&format!("{origin}:")).unwrap_or(&message).to_owned())
        })?;
        let raw: RawFile = value.decode().map_err(|error| malformed(error.to_string()))?;
        let wdir = raw.wdir.as_deref().unwrap_or(".");
        let folder = join(folder, wdir).ok_or_else(|| malformed(format!("wdir: {}", outside(wdir))))?;
        let outs = raw.outs.into_iter().map(|out| out.check(&folder));
        let outs = outs.collect::<Result<_, String>>().map_err(malformed)?;
        let imported_from = raw.deps.into_iter().find_map(|dependency| Some(dependency.repo?.url));
        Ok(Self { outs, imported_from })
    }
}

impl RawOut {
    fn check(self, folder: &Path) -> Result<Out, String> {
        let path = join(folder, &self.path).filter(|path| path != Path::new(""));
        let path = path.filter(|_| !self.path.contains("://")).ok_or_else(|| outside(&self.path))?;
        let hash = match self.hash.as_deref() {
            None => HashName::Md5Dos2Unix,
            Some("md5") => HashName::Md5,
            Some(other) => return Err(format!("{}: the hash '{other}' is not supported; md5 is", self.path)),
        };
        let md5 = self.md5.filter(|md5| !md5.is_empty());
        let object = md5.map(|md5| object(&md5, hash, &self.path)).transpose()?;
        let files = self.files.map(|files| tracked(files, hash)).transpose()?;
        Ok(Out {
            path,
            object: object.filter(|_| files.is_none()),
            files,
            is_executable: self.isexec,
            versions: versions(self.cloud),
            is_cached: self.cache.unwrap_or(true),
            is_pushed: self.push.unwrap_or(true),
            remote: self.remote,
        })
    }
}

fn tracked(files: Vec<RawTracked>, hash: HashName) -> Result<BTreeMap<String, TrackedFile>, String> {
    let mut tracked = BTreeMap::new();
    for RawTracked { relpath, md5, isexec, cloud } in files {
        let object = object(md5.as_deref().unwrap_or_default(), hash, &relpath)?;
        let file = TrackedFile { object, is_executable: isexec, versions: versions(cloud) };
        listing::insert(&mut tracked, relpath, file)?;
    }
    listing::check_folders(&tracked)?;
    Ok(tracked)
}

fn object(md5: &str, hash: HashName, path: &str) -> Result<ObjectId, String> {
    ObjectId::parse(md5, hash)
        .ok_or_else(|| format!("{path}: the md5 is '{md5}', where 32 hexadecimal digits are expected"))
}

fn versions(cloud: BTreeMap<String, RawVersion>) -> BTreeMap<String, String> {
    cloud.into_iter().filter_map(|(remote, version)| Some((remote, version.version_id?))).collect()
}

fn outside(path: &str) -> String {
    format!("the path '{path}' is outside the repository, where DVC 3 does not track files either")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "b84ee194ec3c44a456bc33f0ca2b8ff9";

    fn parse(text: &str) -> Result<DvcFile> {
        DvcFile::parse(text, Path::new("data/raw"), "data/raw/x.dvc")
    }

    #[test]
    fn files_of_dvc_3_are_parsed() {
        let text = format!(
            "outs:\n- md5: {MD5}.dir\n  size: 6\n  nfiles: 2\n  hash: md5\n  path: train\n  desc: tiles\n  meta: {{a: 1}}\n\
             - md5: {MD5}\n  isexec: true\n  hash: md5\n  path: run.sh\n  cache: false\n  push: false\n  remote: other\n"
        );
        let outs = parse(&text).unwrap().outs;
        let directory = outs[0].object.clone().unwrap();
        assert!(directory.is_directory && outs[0].path == Path::new("data/raw/train"));
        assert_eq!(directory.key(), format!("files/md5/b8/{}.dir", &MD5[2..]));
        assert!(outs[0].is_cached && outs[0].is_pushed && !outs[0].is_executable);
        assert!(!outs[1].is_cached && !outs[1].is_pushed && outs[1].is_executable);
        assert_eq!(outs[1].remote.as_deref(), Some("other"));
    }

    #[test]
    fn files_of_dvc_2_are_parsed() {
        let text =
            format!("wdir: ..\nmd5: {MD5}\nouts:\n- md5: {MD5}\n  size: 3\n  path: a.csv\n- path: new\n");
        let outs = parse(&text).unwrap().outs;
        assert_eq!(
            (outs[0].path.as_path(), outs[0].object.clone().unwrap().hash),
            (Path::new("data/a.csv"), HashName::Md5Dos2Unix)
        );
        assert_eq!(outs[1].object, None);
    }

    #[test]
    fn files_with_versions_and_imports_are_parsed() {
        let text = format!(
            "deps:\n- path: data\n  repo: {{url: https://example.com/x, rev_lock: abc}}\nouts:\n- hash: md5\n  path: train\n  files:\n  - \
             relpath: sub/a.txt\n    md5: {MD5}\n    size: 3\n    isexec: true\n    cloud:\n      store: {{etag: x, version_id: '17'}}\n"
        );
        let file = parse(&text).unwrap();
        assert_eq!(file.imported_from.as_deref(), Some("https://example.com/x"));
        let files = file.outs[0].files.as_ref().unwrap();
        assert_eq!(files["sub/a.txt"].versions["store"], "17");
        assert!(files["sub/a.txt"].is_executable);
    }

    #[test]
    fn malformed_and_unsafe_files_are_errors() {
        let out = |line: &str| format!("outs:\n- md5: {MD5}\n  hash: md5\n  {line}\n");
        for (text, reason) in [
            (out("path: /etc/passwd"), "'/etc/passwd' is outside the repository"),
            (out("path: ../../../x"), "outside the repository"),
            (out("path: gs://bucket/x"), "outside the repository"),
            (out("path: ../.."), "outside the repository"),
            (format!("wdir: ../../..\n{}", out("path: x")), "wdir: the path"),
            (out("size: 3"), "outs.0.path: is required"),
            ("outs:\n- md5: ../../etc\n  path: x\n".to_owned(), "x: the md5 is '../../etc'"),
            ("outs:\n- md5: x\n  hash: etag\n  path: x\n".to_owned(), "the hash 'etag' is not supported"),
            ("outs:\n- path: x\n  files: [{relpath: ../y, md5: x}]\n".to_owned(), "../y: the md5"),
            (
                format!("outs:\n- path: x\n  files: [{{relpath: ../y, md5: {MD5}}}]\n"),
                "the path '../y' of a file is invalid",
            ),
            ("outs: [".to_owned(), "while parsing a node"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with("data/raw/x.dvc: ") && error.contains(reason), "{error}");
        }
    }
}
