//! What must change in the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::object::ObjectId;

/// A file as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Object with its content.
    pub object: ObjectId,
    /// Whether it is executable.
    pub is_executable: bool,
}

/// A file as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Object that its content makes.
    pub object: ObjectId,
    /// Whether it is executable by its owner.
    pub is_executable: bool,
}

/// Changes to the workspace. Paths are relative to the root of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files that are missing or have another content.
    pub place: BTreeMap<PathBuf, Wanted>,
    /// Number of files to place that replace others.
    pub replaced: usize,
    /// Files that are tracked no longer.
    pub remove: BTreeSet<PathBuf>,
    /// Files with the right content that are not executable, but must be.
    pub make_executable: BTreeSet<PathBuf>,
    /// Files with the right content.
    pub right: BTreeMap<PathBuf, ObjectId>,
    /// Contents that the changes remove from the workspace.
    pub lost: BTreeMap<PathBuf, ObjectId>,
}

impl Plan {
    /// Compares the files that must be there with those that are.
    pub fn new(wanted: &BTreeMap<PathBuf, Wanted>, present: &BTreeMap<PathBuf, Present>) -> Self {
        let mut plan = Self::default();
        for (path, wanted) in wanted {
            match present.get(path) {
                Some(found) if found.object == wanted.object => {
                    plan.right.insert(path.clone(), wanted.object.clone());
                    if wanted.is_executable && !found.is_executable {
                        plan.make_executable.insert(path.clone());
                    }
                }
                found => {
                    plan.place.insert(path.clone(), wanted.clone());
                    if let Some(found) = found {
                        plan.replaced += 1;
                        plan.lost.insert(path.clone(), found.object.clone());
                    }
                }
            }
        }
        for (path, found) in present.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
            plan.remove.insert(path.clone());
            plan.lost.insert(path.clone(), found.object.clone());
        }
        plan
    }

    /// Returns the objects that must be in the cache: those of files to place.
    pub fn objects(&self) -> BTreeSet<&ObjectId> {
        self.place.values().map(|wanted| &wanted.object).collect()
    }
}

/// Returns the folders that files are in, up to `root`, which is among them.
pub fn folders<'a>(files: impl IntoIterator<Item = &'a PathBuf>, root: &Path) -> BTreeSet<PathBuf> {
    let above =
        move |file: &'a PathBuf| file.ancestors().skip(1).take_while(move |folder| folder.starts_with(root));
    files.into_iter().flat_map(above).map(Path::to_owned).chain([root.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::HashName;

    fn object(digit: char) -> ObjectId {
        ObjectId::parse(&digit.to_string().repeat(32), HashName::Md5).unwrap()
    }

    #[test]
    fn only_what_differs_is_changed() {
        let wanted = |digit, is_executable| Wanted { object: object(digit), is_executable };
        let present = |digit| Present { object: object(digit), is_executable: false };
        let plan = Plan::new(
            &BTreeMap::from([
                ("d/new".into(), wanted('1', false)),
                ("d/changed".into(), wanted('2', false)),
                ("d/same".into(), wanted('3', false)),
                ("d/run.sh".into(), wanted('4', true)),
            ]),
            &BTreeMap::from([
                ("d/changed".into(), present('a')),
                ("d/same".into(), present('3')),
                ("d/run.sh".into(), present('4')),
                ("d/extra".into(), present('b')),
            ]),
        );
        assert_eq!(plan.place.keys().collect::<Vec<_>>(), [Path::new("d/changed"), Path::new("d/new")]);
        assert_eq!((plan.replaced, plan.right.len()), (1, 2));
        assert_eq!(plan.remove, BTreeSet::from(["d/extra".into()]));
        assert_eq!(plan.make_executable, BTreeSet::from(["d/run.sh".into()]));
        assert_eq!(
            plan.lost,
            BTreeMap::from([("d/changed".into(), object('a')), ("d/extra".into(), object('b'))])
        );
        assert_eq!(plan.objects(), BTreeSet::from([&object('1'), &object('2')]));
    }

    #[test]
    fn folders_end_at_the_root() {
        let files = ["data/a/b/c".into(), "data/d".into()];
        let expected = ["data", "data/a", "data/a/b"].map(PathBuf::from);
        assert_eq!(folders(&files, Path::new("data")), BTreeSet::from(expected));
    }
}
