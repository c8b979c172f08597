//! Layer table of a network.

use bcs_model::nets::{LayerSummary, Summary};

use super::table::aligned;

/// Formats a row per layer with its path, class, output shape and number of parameters, and the totals.
pub(crate) fn layers(summary: &Summary) -> String {
    let rows: Vec<Vec<String>> = summary.layers.iter().map(row).collect();
    let table = aligned(&["layer", "kind", "output", "parameters", "buffers"], &rows, 2);
    format!(
        "{table}\n\n\
         parameters  {}, trainable\n\
         buffers     {}\n\
         size        {:.2} MB\n\
         forward     {:.2} G multiply–accumulate operations per image",
        grouped(summary.parameters),
        grouped(summary.buffers),
        summary.bytes as f64 / 1e6,
        summary.macs as f64 / 1e9,
    )
}

fn row(layer: &LayerSummary) -> Vec<String> {
    let output = layer.output.as_ref().map_or_else(
        || "not in inference".to_owned(),
        // Without the one image of the batch.
        |shape| shape.iter().skip(1).map(i64::to_string).collect::<Vec<_>>().join("×"),
    );
    let count = |count: usize| if count == 0 { String::new() } else { grouped(count) };
    vec![layer.name.clone(), layer.kind.to_owned(), output, count(layer.parameters), count(layer.buffers)]
}

/// Formats a number with commas between groups of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_625_737, "1,625,737")] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn the_table_ends_with_totals() {
        let layer = |name: &str, output| LayerSummary {
            name: name.to_owned(),
            kind: "Conv2d",
            output,
            parameters: 1200,
            buffers: 0,
        };
        let summary = Summary {
            layers: vec![layer("first", Some(vec![1, 4, 8, 9])), layer("head", None)],
            parameters: 2400,
            buffers: 0,
            bytes: 9_600_000,
            macs: 1_234_000_000,
        };
        let expected = "\
layer  kind              output  parameters  buffers
────────────────────────────────────────────────────
first  Conv2d             4×8×9       1,200
head   Conv2d  not in inference       1,200

parameters  2,400, trainable
buffers     0
size        9.60 MB
forward     1.23 G multiply–accumulate operations per image";
        assert_eq!(layers(&summary), expected);
    }
}
