//! Where a configuration comes from, printed as `--info` of Hydra does.

use std::fmt::Write;

use super::tree::{Step, Tree};

/// The defaults lists of a composition.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Config, package, whether it is `_self_`, and parent.
    rows: Vec<[String; 4]>,
    tree: Tree,
}

impl Defaults {
    pub(super) fn new(steps: &[Step], tree: Tree) -> Self {
        let row = |step: &Step| {
            let is_self = if step.is_self { "True" } else { "False" };
            [step.config.clone(), step.package.clone(), is_self.to_owned(), step.parent.clone()]
        };
        Self { rows: steps.iter().map(row).collect(), tree }
    }

    /// Returns the final defaults list as a table, as `--info defaults` prints it.
    pub fn list(&self) -> String {
        let header = ["Config path", "Package", "_self_", "Parent"].map(str::to_owned);
        let widths: Vec<usize> = (0..header.len())
            .map(|column| {
                let cells = self.rows.iter().chain([&header]).map(|row| row[column].chars().count());
                cells.max().unwrap_or_default()
            })
            .collect();
        let line = |row: &[String; 4]| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$} |"));
            format!("| {}", cells.collect::<Vec<_>>().join(" "))
        };
        // Hydra's header has a space at its end.
        let header = format!("{} ", line(&header));
        let rule = "-".repeat(header.chars().count());
        let mut out = format!("\nDefaults List\n*************\n{header}\n{rule}\n");
        for row in &self.rows {
            out.push_str(&line(row));
            out.push('\n');
        }
        out + &rule + "\n"
    }

    /// Returns the tree of defaults lists, as `--info defaults-tree` prints it.
    pub fn tree(&self) -> String {
        let mut out = "\nDefaults Tree\n*************\n".to_owned();
        write_tree(&mut out, &self.tree, 0);
        out
    }
}

fn write_tree(out: &mut String, tree: &Tree, depth: usize) {
    let colon = if tree.children.is_empty() { "" } else { ":" };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}{}{colon}", "  ".repeat(depth), tree.label);
    for child in &tree.children {
        write_tree(out, child, depth + 1);
    }
}

/// Returns the search path as a table, as `--info searchpath` prints it; `hydra` is the node of a composition.
pub(super) fn search_path(hydra: &crate::Value) -> String {
    let sources =
        hydra.get_path("runtime.config_sources").and_then(crate::Value::as_list).unwrap_or_default();
    let text = |source: &crate::Value, key: &str| {
        source.get_path(key).and_then(crate::Value::as_str).unwrap_or_default().to_owned()
    };
    let row =
        |source| (text(source, "provider"), format!("{}://{}", text(source, "schema"), text(source, "path")));
    let rows: Vec<(String, String)> = sources.iter().map(row).collect();
    let header = ("Provider".to_owned(), "Search path".to_owned());
    let widest =
        |width: fn(&(String, String)) -> usize| rows.iter().chain([&header]).map(width).max().unwrap_or(0);
    let (left, right) = (widest(|row| row.0.chars().count()), widest(|row| row.1.chars().count()));
    let line = |row: &(String, String)| format!("| {:left$} | {:right$} |", row.0, row.1);
    let rule = "-".repeat(line(&header).chars().count());
    let mut out = format!("\nConfig search path\n******************\n{}\n{rule}\n", line(&header));
    for row in &rows {
        out.push_str(&line(row));
        out.push('\n');
    }
    out + &rule + "\n"
}
