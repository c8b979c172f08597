//! Tables that line up.

use bcs_contracts::package::ClassScores;

/// Rows of text in columns: the first to the left, numbers to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        cells.chain(header.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).enumerate();
        let padded = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len().saturating_sub(1)));
    let mut lines = vec![line(header), rule];
    lines.extend(rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>())));
    lines.join("\n")
}

/// Dice and IoU by class.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text =
            table(&["name", "n"], &[vec!["tumour".into(), "7".into()], vec!["fat".into(), "1234".into()]]);
        assert_eq!(text, "name       n\n────────────\ntumour     7\nfat     1234");
    }
}
