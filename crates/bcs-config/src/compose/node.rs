//! Nodes of the defaults tree: entries with their config file and package.

use super::entry::{Choice, Entry, EntryKind};

/// Config whose defaults list has the entry, with its group and package.
#[derive(Debug, Clone, Default)]
pub(super) struct Parent {
    pub(super) config: String,
    pub(super) group: String,
    pub(super) package: String,
}

/// Node of the defaults tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: EntryKind,
    pub(super) optional: bool,
    pub(super) overriding: bool,
    /// Whether it is appended on the command line, and so may follow `override` entries.
    pub(super) appended: bool,
    /// Whether it is the primary config.
    pub(super) primary: bool,
    pub(super) parent: Parent,
    package: Option<String>,
    header: Option<String>,
}

impl Node {
    pub(super) fn primary(name: &str) -> Self {
        Self { primary: true, ..Self::config(name) }
    }

    /// Returns the node of a config that no defaults list has.
    pub(super) fn config(name: &str) -> Self {
        let entry = Entry {
            kind: EntryKind::Config { path: name.to_owned() },
            package: None,
            optional: false,
            overriding: false,
        };
        Self::new(entry, Parent::default())
    }

    pub(super) fn new(entry: Entry, parent: Parent) -> Self {
        let mut node = Self {
            kind: entry.kind,
            optional: entry.optional,
            overriding: entry.overriding,
            appended: false,
            primary: false,
            parent,
            package: None,
            header: None,
        };
        node.package = entry.package.map(|package| {
            if package.contains("_group_") {
                format!("_global_.{}", package.replace("_group_", &node.default_package()))
            } else {
                package
            }
        });
        node
    }

    /// Returns the node of one of several options of this group.
    pub(super) fn option(&self, group: &str, option: &str) -> Self {
        let entry = Entry {
            kind: EntryKind::Config { path: format!("{group}/{option}") },
            package: self.package.clone(),
            optional: self.optional,
            overriding: false,
        };
        Self::new(entry, self.parent.clone())
    }

    /// Sets the package from the header of the file, which is absolute.
    pub(super) fn set_header(&mut self, header: Option<&str>) {
        self.header = header.map(|header| {
            if header == "_global_" || header.starts_with("_global_.") {
                header.to_owned()
            } else {
                format!("_global_.{header}")
            }
        });
    }

    /// Returns the option or file name; `None` for a group set to null or to several options.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            EntryKind::OwnConfig => Some("_self_"),
            EntryKind::Config { path } => Some(path.rsplit('/').next().unwrap_or(path)),
            EntryKind::Group { choice: Choice::One(option), .. } => Some(option),
            EntryKind::Group { .. } => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.name().is_some_and(|name| name == crate::value::MISSING)
    }

    pub(super) fn is_interpolation(&self) -> bool {
        match &self.kind {
            EntryKind::OwnConfig => false,
            EntryKind::Config { path } => path.contains("${"),
            EntryKind::Group { .. } => self.name().is_some_and(|name| name.contains("${")),
        }
    }

    /// Returns its line in the printed tree of defaults lists.
    pub(super) fn label(&self) -> String {
        match &self.kind {
            EntryKind::Group { .. } => format!("{}: {}", self.override_key(), self.name().unwrap_or("null")),
            _ => self.config_path(),
        }
    }

    /// Returns the line of the `_self_` in its defaults list.
    pub(super) fn label_of_self(&self) -> String {
        join(&self.parent.group, "_self_", "/")
    }

    /// Returns the config whose defaults list has it, or `root`.
    pub(super) fn parent_config(&self, root: &str) -> String {
        if self.parent.config.is_empty() { root.to_owned() } else { self.parent.config.clone() }
    }

    /// Returns the group of its file.
    pub(super) fn group_path(&self) -> String {
        let relative = self.relative_group();
        if self.is_absolute() { relative.to_owned() } else { join(&self.parent.group, relative, "/") }
    }

    /// Returns its file relative to the search path, without the extension.
    pub(super) fn config_path(&self) -> String {
        join(&self.group_path(), self.name().unwrap_or("null"), "/")
    }

    /// Returns the package of its content.
    pub(super) fn final_package(&self) -> String {
        self.package_with(self.package.as_deref().or(self.header.as_deref()))
    }

    /// Returns its key on the command line: the group, with the package unless it is the default one.
    pub(super) fn override_key(&self) -> String {
        let group = self.group_path();
        let package = self.package_with(self.package.as_deref());
        match package.as_str() {
            package if package == self.default_package() => group,
            "" => format!("{group}@_global_"),
            package => format!("{group}@{package}"),
        }
    }

    fn default_package(&self) -> String {
        self.group_path().replace('/', ".")
    }

    fn package_with(&self, package: Option<&str>) -> String {
        let relative = self.relative_group().replace('/', ".");
        let package = join(&self.parent.package, package.unwrap_or(&relative), ".");
        match package.rfind("_global_") {
            Some(at) => package[at + "_global_".len()..].trim_start_matches('.').to_owned(),
            None => package,
        }
    }

    fn written(&self) -> &str {
        match &self.kind {
            EntryKind::OwnConfig => "",
            EntryKind::Config { path } => path,
            EntryKind::Group { group, .. } => group,
        }
    }

    fn is_absolute(&self) -> bool {
        self.written().starts_with('/')
    }

    fn relative_group(&self) -> &str {
        let written = self.written();
        let written = written.strip_prefix('/').unwrap_or(written);
        match self.kind {
            EntryKind::Group { .. } => written,
            _ => written.rsplit_once('/').map_or("", |(group, _)| group),
        }
    }
}

fn join(a: &str, b: &str, separator: &str) -> String {
    match (a, b) {
        ("", only) | (only, "") => only.to_owned(),
        _ => format!("{a}{separator}{b}"),
    }
}
