//! Walks the tree of defaults lists and returns the configs to compose, in order.
//!
//! As in Hydra, each list is walked from its end, so that an `override` in a later entry is known before
//! the earlier entry that it applies to.

use indexmap::IndexSet;

use super::{
    choices::Choices,
    entry::{Choice, Entry, EntryKind},
    node::{Node, Parent},
    repository::{Config, Repository},
    schema::Schema,
};
use crate::{
    error::{Error, Result},
    interpolation::Interpolator,
    suggest,
    value::{Map, Value},
};

/// Maximum nesting of defaults lists; catches configs that include each other.
const MAX_DEPTH: usize = 50;

/// Config to compose, with its package.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) config: String,
    pub(super) package: String,
    override_key: Option<String>,
    /// Whether it is the `_self_` of a defaults list.
    pub(super) is_self: bool,
    /// Config whose defaults list has it; `<root>` for the primary config.
    pub(super) parent: String,
}

/// Node of the printed tree of defaults lists.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) label: String,
    pub(super) children: Vec<Tree>,
}

/// What visiting a node gives.
struct Visited {
    steps: Vec<Step>,
    tree: Tree,
}

/// Name of the node above the primary config.
const ROOT: &str = "<root>";

/// State of the walk.
pub(super) struct Walk<'a> {
    pub(super) repository: &'a Repository<'a>,
    pub(super) choices: Choices,
    pub(super) warnings: Vec<String>,
    interpolator: &'a Interpolator,
    schema: Option<&'a Schema>,
    depth: usize,
}

/// Child of a node; one with interpolations is visited after all others, when their choices are known.
enum Child {
    Done(Visited),
    Interpolated(Node),
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        repository: &'a Repository<'a>,
        choices: Choices,
        interpolator: &'a Interpolator,
        schema: Option<&'a Schema>,
    ) -> Self {
        Self { repository, choices, warnings: Vec::new(), interpolator, schema, depth: 0 }
    }

    /// Returns the configs that Hydra's config and the primary config compose, in order, and the tree of their lists.
    pub(super) fn run(&mut self, config_name: &str) -> Result<(Vec<Step>, Tree)> {
        let primary = self.visit(Node::primary(config_name), false)?;
        let hydra = self.visit(Node::config("hydra/config"), false)?;
        self.choices.check_used(self.schema)?;
        let tree = Tree { label: ROOT.to_owned(), children: vec![hydra.tree, primary.tree] };
        let steps: Vec<Step> = hydra.steps.into_iter().chain(primary.steps).collect();
        let mut seen = IndexSet::new();
        for key in steps.iter().filter_map(|step| step.override_key.as_ref()) {
            if !seen.insert(key) {
                let message = format!("{key} appears more than once in the final defaults list");
                return Err(Error::Defaults { config: config_name.to_owned(), message });
            }
        }
        Ok((steps, tree))
    }

    fn visit(&mut self, mut node: Node, interpolated: bool) -> Result<Visited> {
        if self.depth > MAX_DEPTH {
            let message = "its defaults list includes itself".to_owned();
            return Err(Error::Defaults { config: node.config_path(), message });
        }
        let named = node.name().is_some() && !node.is_missing();
        let loaded = if named { self.repository.load(&node.config_path())? } else { None };
        node.set_header(loaded.as_ref().and_then(|config| config.package.as_deref()));
        let nothing = |node: &Node| Visited {
            steps: Vec::new(),
            tree: Tree { label: node.label(), children: Vec::new() },
        };
        if self.choices.delete(&node) {
            return Ok(nothing(&node));
        }
        self.choices.record(&node)?;
        if node.name().is_none() {
            self.choices.emptied.push(node.final_package());
            return Ok(nothing(&node));
        }
        if node.is_missing() {
            return Err(self.mandatory(&node));
        }
        match loaded {
            Some(config) => {
                self.depth += 1;
                let steps = self.descend(&node, &config, interpolated);
                self.depth -= 1;
                steps
            }
            None if node.optional => Ok(nothing(&node)),
            None => Err(self.not_found(&node)),
        }
    }

    fn descend(&mut self, node: &Node, config: &Config, interpolated: bool) -> Result<Visited> {
        let entries = self.entries(node, config)?;
        let parent =
            Parent { config: node.config_path(), group: node.group_path(), package: node.final_package() };
        let appended_from = entries.len() - if node.primary { self.choices.appended.len() } else { 0 };
        let nodes: Vec<Node> = entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                let mut child = Node::new(entry, parent.clone());
                child.appended = index >= appended_from;
                child
            })
            .collect();
        self.record_overrides(&nodes, &parent, interpolated)?;

        let mut children = Vec::new();
        for child in nodes.into_iter().rev().filter(|child| !child.overriding) {
            if child.kind == EntryKind::OwnConfig {
                let step = Step {
                    config: parent.config.clone(),
                    package: parent.package.clone(),
                    override_key: None,
                    is_self: true,
                    parent: node.parent_config(ROOT),
                };
                let tree = Tree { label: node.label_of_self(), children: Vec::new() };
                children.push(Child::Done(Visited { steps: vec![step], tree }));
            } else {
                self.child(child, interpolated, &mut children)?;
            }
        }
        let mut visited = Vec::new();
        for child in children {
            visited.push(match child {
                Child::Done(done) => done,
                Child::Interpolated(node) => {
                    let node = self.resolve(node)?;
                    self.visit(node, true)?
                }
            });
        }
        let mut tree = Tree { label: node.label(), children: Vec::new() };
        if visited.is_empty() {
            let group = matches!(node.kind, EntryKind::Group { .. });
            let override_key = group.then(|| node.override_key());
            let (config, package) = (parent.config, parent.package);
            let parent = node.parent_config(ROOT);
            return Ok(Visited {
                steps: vec![Step { config, package, override_key, is_self: false, parent }],
                tree,
            });
        }
        let mut steps = Vec::new();
        for child in visited.into_iter().rev() {
            steps.extend(child.steps);
            tree.children.push(child.tree);
        }
        Ok(Visited { steps, tree })
    }

    /// Returns the entries of a defaults list, with `_self_` and those appended on the command line.
    fn entries(&mut self, node: &Node, config: &Config) -> Result<Vec<Entry>> {
        let mut entries = config.defaults.clone();
        let appends = node.primary && !self.choices.appended.is_empty();
        if entries.is_empty() && !appends {
            return Ok(entries);
        }
        let selves = entries.iter().filter(|entry| entry.kind == EntryKind::OwnConfig).count();
        let composes = entries.iter().any(|entry| !entry.overriding);
        if selves > 1 {
            let message = "duplicate _self_ in its defaults list; keep one".to_owned();
            return Err(Error::Defaults { config: node.config_path(), message });
        }
        if selves == 0 && (composes || entries.is_empty()) {
            if node.primary && composes && has_content(config) {
                self.warnings.push(format!(
                    "In '{}': the defaults list has no `_self_`, so this config is composed last and overrides \
                     the configs of its groups. Add `- _self_` to set its position",
                    node.config_path()
                ));
            }
            entries.push(Entry::own_config());
        }
        if appends {
            entries.extend(self.choices.appended.iter().cloned());
        }
        Ok(entries)
    }

    fn record_overrides(&mut self, nodes: &[Node], parent: &Parent, interpolated: bool) -> Result<()> {
        let refuse = |message: String| Error::Defaults { config: parent.config.clone(), message };
        let mut last: Option<&Node> = None;
        for node in nodes.iter().filter(|node| node.kind != EntryKind::OwnConfig) {
            if let Some(last) = last
                && !node.overriding
                && !node.appended
            {
                return Err(refuse(format!(
                    "override '{}' precedes '{}'; overrides must be at the end of the defaults list",
                    last.override_key(),
                    node.override_key()
                )));
            }
            if node.overriding {
                if interpolated {
                    return Err(refuse(format!(
                        "override {} is not allowed below a group whose option is an interpolation",
                        node.override_key()
                    )));
                }
                self.choices.add_override(&parent.config, node);
                last = Some(node);
            }
        }
        Ok(())
    }

    fn child(&mut self, mut node: Node, interpolated: bool, children: &mut Vec<Child>) -> Result<()> {
        self.choices.replace(&mut node);
        if let EntryKind::Group { group, choice: Choice::Many(options) } = &node.kind {
            for option in options.iter().rev() {
                if option.contains("${") {
                    let message = format!("'{option}': a list of options cannot have interpolations");
                    return Err(Error::Defaults { config: node.parent.config.clone(), message });
                }
                let node = node.option(group, option);
                children.push(Child::Done(self.visit(node, interpolated)?));
            }
        } else if node.is_interpolation() {
            children.push(Child::Interpolated(node));
        } else {
            children.push(Child::Done(self.visit(node, interpolated)?));
        }
        Ok(())
    }

    /// Resolves references to the choices of other groups, such as `model_data: ${model}_${data}`.
    fn resolve(&self, mut node: Node) -> Result<Node> {
        let known = self.choices.known.iter().map(|(key, option)| {
            let option = option.as_deref().map_or(Value::Null, Value::from);
            (key.as_str().into(), option)
        });
        let known = Value::Map(known.collect::<Map>());
        let key = node.override_key();
        let config_path = node.config_path();
        match &mut node.kind {
            EntryKind::Config { path } => {
                *path = self.interpolator.text(&key, &config_path, &known)?;
                node.parent.group.clear();
            }
            EntryKind::Group { choice: Choice::One(option), .. } => {
                *option = self.interpolator.text(&key, option, &known)?;
            }
            _ => {}
        }
        Ok(node)
    }

    fn mandatory(&self, node: &Node) -> Error {
        let group = node.group_path();
        let options = self.repository.options(&group);
        Error::MandatoryGroup { key: node.override_key(), group, options }
    }

    fn not_found(&self, node: &Node) -> Error {
        let name = node.name().unwrap_or_default();
        let group = node.group_path();
        let options = self.repository.options(&group);
        let hint = suggest::hint(suggest::nearest(name, options.iter().map(String::as_str)));
        if node.primary {
            let searched = self.repository.search_path();
            return Error::PrimaryNotFound { name: node.config_path(), searched, available: options, hint };
        }
        let parent = node.parent.config.clone();
        Error::ConfigNotFound { parent, config: node.config_path(), group, options, hint }
    }
}

fn has_content(config: &Config) -> bool {
    config.body.as_map().is_some_and(|body| body.values().any(|value| !value.is_missing()))
}
