//! Text tables and lists.

use bcs_contracts::package::ClassScores;
use bcs_data::LabelMap;
use bcs_model::metrics::ValMetric;

/// Formats rows as a table with aligned columns: the first column to the left, the others to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    aligned(header, rows, 1)
}

/// Formats rows as a table with aligned columns: the first `left` columns to the left, the others to the right.
pub(crate) fn aligned(header: &[&str], rows: &[Vec<String>], left: usize) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        cells.chain(header.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).enumerate();
        let padded = cells.map(|(column, (cell, width))| match column < left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len().saturating_sub(1)));
    let mut lines = vec![line(header), rule];
    lines.extend(rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>())));
    lines.join("\n")
}

/// Formats Dice and IoU per class.
pub(crate) fn scores(classes: &[ClassScores]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    let row = |class: &ClassScores| {
        vec![
            class.name.clone(),
            number(class.dice),
            number(class.iou),
            number(class.dice_per_image),
            class.images.to_string(),
        ]
    };
    table(
        &["class", "Dice pooled", "IoU pooled", "Dice per image", "images"],
        &classes.iter().map(row).collect::<Vec<_>>(),
    )
}

/// Says which classes a score averages, and which it leaves out.
pub(crate) fn counted(metric: &ValMetric, map: &LabelMap) -> String {
    let names = |classes: &[usize]| {
        classes.iter().map(|class| map.classes()[*class].name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let left_out = metric.left_out();
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => format!("; left out, as no mask has pixels of them: {}", names(&left_out)),
    };
    format!("mean of {}{left_out}", names(metric.counted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let text =
            table(&["name", "n"], &[vec!["tumour".into(), "7".into()], vec!["fat".into(), "1234".into()]]);
        assert_eq!(text, "name       n\n────────────\ntumour     7\nfat     1234");
        let text = aligned(&["a", "b", "c"], &[vec!["xy".into(), "z".into(), "10".into()]], 2);
        assert_eq!(text, "a   b   c\n─────────\nxy  z  10");
    }

    #[test]
    fn classes_without_truth_pixels_are_named_as_left_out() {
        let map = LabelMap::load("bcss-5class", "data.label_map").unwrap();
        let text = |pixels: &[u64]| counted(&ValMetric::new(pixels, None).unwrap(), &map);
        assert_eq!(
            text(&[9, 9, 0, 0, 9]),
            "mean of tumour, stroma, other; left out, as no mask has pixels of them: inflammatory, necrosis"
        );
        assert_eq!(text(&[1; 5]), "mean of tumour, stroma, inflammatory, necrosis, other");
    }
}
