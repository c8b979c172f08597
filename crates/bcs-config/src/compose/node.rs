//! An entry of a defaults list at its place: which file it means and which package that goes into.

use super::entry::{Choice, Entry, What};

/// Where a node hangs: the group and the package of the config whose defaults list holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Parent {
    pub(super) config: String,
    pub(super) group: String,
    pub(super) package: String,
}

/// An entry at its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) optional: bool,
    pub(super) overriding: bool,
    /// Appended on the command line, and so allowed behind `override` entries.
    pub(super) appended: bool,
    /// The main config.
    pub(super) primary: bool,
    pub(super) parent: Parent,
    package: Option<String>,
    header: Option<String>,
}

impl Node {
    pub(super) fn primary(name: &str) -> Self {
        let entry = Entry {
            what: What::Config { path: name.to_owned() },
            package: None,
            optional: false,
            overriding: false,
        };
        Self { primary: true, ..Self::new(entry, Parent::default()) }
    }

    pub(super) fn new(entry: Entry, parent: Parent) -> Self {
        let mut node = Self {
            what: entry.what,
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

    /// One of several options of this group, as a node of its own.
    pub(super) fn option(&self, group: &str, option: &str) -> Self {
        let entry = Entry {
            what: What::Config { path: format!("{group}/{option}") },
            package: self.package.clone(),
            optional: self.optional,
            overriding: false,
        };
        Self::new(entry, self.parent.clone())
    }

    /// Takes over the package in the header of the file; a header counts from the root.
    pub(super) fn set_header(&mut self, header: Option<&str>) {
        self.header = header.map(|header| {
            if header == "_global_" || header.starts_with("_global_.") {
                header.to_owned()
            } else {
                format!("_global_.{header}")
            }
        });
    }

    /// The option or file name; nothing for a group set to null or to several options.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.what {
            What::This => Some("_self_"),
            What::Config { path } => Some(path.rsplit('/').next().unwrap_or(path)),
            What::Group { choice: Choice::One(option), .. } => Some(option),
            What::Group { .. } => None,
        }
    }

    pub(super) fn is_missing(&self) -> bool {
        self.name().is_some_and(|name| name == crate::value::MISSING)
    }

    pub(super) fn is_interpolation(&self) -> bool {
        match &self.what {
            What::This => false,
            What::Config { path } => path.contains("${"),
            What::Group { .. } => self.name().is_some_and(|name| name.contains("${")),
        }
    }

    /// The group its file is in.
    pub(super) fn group_path(&self) -> String {
        let relative = self.relative_group();
        if self.is_absolute() { relative.to_owned() } else { join(&self.parent.group, relative, "/") }
    }

    /// Its file below the search path, without the extension.
    pub(super) fn config_path(&self) -> String {
        join(&self.group_path(), self.name().unwrap_or("null"), "/")
    }

    /// The package its file goes into.
    pub(super) fn final_package(&self) -> String {
        self.package_with(self.package.as_deref().or(self.header.as_deref()))
    }

    /// What the command line calls it: the group, and the package if that is not the usual one.
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
        match &self.what {
            What::This => "",
            What::Config { path } => path,
            What::Group { group, .. } => group,
        }
    }

    fn is_absolute(&self) -> bool {
        self.written().starts_with('/')
    }

    fn relative_group(&self) -> &str {
        let written = self.written();
        let written = written.strip_prefix('/').unwrap_or(written);
        match self.what {
            What::Group { .. } => written,
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
