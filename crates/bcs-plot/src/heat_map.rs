//! Matrix of fractions and counts, such as a confusion matrix.

use maud::{Markup, html};

use crate::frame;
use crate::number::{grouped, px};

/// Width and height of a cell.
const CELL: [f64; 2] = [86.0, 42.0];
/// Maximum width of the names of rows.
const MAX_LABEL: f64 = 120.0;
/// Fraction from which a cell is so dark that its text is white.
const DARK: f64 = 0.6;

/// A matrix of counts, coloured by the fraction of their row.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Title; may be empty.
    pub title: String,
    /// What rows are, such as `truth`.
    pub row_label: String,
    /// What columns are, such as `prediction`.
    pub column_label: String,
    /// Names of the rows and of the columns.
    pub names: Vec<String>,
    /// Counts by row.
    pub counts: Vec<Vec<u64>>,
}

impl HeatMap {
    /// Renders the matrix. A cell has its percentage of the row, and its count below; a row without counts has dashes.
    pub fn render(&self) -> Markup {
        let count = self.names.len();
        if count == 0 {
            return frame::without_values(&self.title, CELL[0] * 3.0);
        }
        let label_width = self.names.iter().map(|name| 1.1 * frame::text_width(name)).fold(30.0, f64::max);
        let left = label_width.min(MAX_LABEL).max(frame::text_width(&self.row_label) + 14.0) + 10.0;
        let top = frame::title_height(&self.title) + 38.0;
        let size = [left + CELL[0] * count as f64 + 1.0, top + CELL[1] * count as f64 + 4.0];
        let contents = html! {
            (frame::title(&self.title))
            text class="p-muted" x=(px(left)) y=(px(top - 24.0)) { (self.column_label) " →" }
            text class="p-muted p-end" x=(px(left - 8.0)) y=(px(top - 7.0)) { (self.row_label) " ↓" }
            @for (index, name) in self.names.iter().enumerate() {
                text class="p-middle" font-weight="600" x=(px(left + CELL[0] * (index as f64 + 0.5))) y=(px(top - 7.0)) {
                    (frame::shortened(name, CELL[0] - 4.0))
                }
                text class="p-end" font-weight="600" x=(px(left - 8.0)) y=(px(top + CELL[1] * (index as f64 + 0.5) + 4.0)) {
                    (frame::shortened(name, MAX_LABEL))
                }
            }
            @for (row, counts) in self.counts.iter().enumerate() {
                @let sum: u64 = counts.iter().sum();
                @for (column, count) in counts.iter().enumerate() {
                    (cell([left + CELL[0] * column as f64, top + CELL[1] * row as f64], *count, sum))
                }
            }
        };
        frame::svg(size, &self.description(), &contents)
    }

    fn description(&self) -> String {
        let row = |(name, counts): (&String, &Vec<u64>)| {
            let sum: u64 = counts.iter().sum();
            let cells = self.names.iter().zip(counts).filter(|(_, count)| **count > 0);
            let cells: Vec<String> =
                cells.map(|(column, count)| format!("{} {column}", percent(*count, sum))).collect();
            match cells.is_empty() {
                true => format!("{name}: none"),
                false => format!("{name}: {}", cells.join(", ")),
            }
        };
        let rows: Vec<String> = self.names.iter().zip(&self.counts).map(row).collect();
        format!("{}, {} by {}: {}", self.title, self.row_label, self.column_label, rows.join("; "))
    }
}

fn cell([x, y]: [f64; 2], count: u64, sum: u64) -> Markup {
    let fraction = if sum == 0 { 0.0 } else { count as f64 / sum as f64 };
    let (on, muted) = if fraction > DARK { (" p-on", "") } else { ("", " p-muted") };
    let (middle, upper, lower) = (x + CELL[0] / 2.0, y + 18.0, y + 33.0);
    let [x, y, width, height] = [x, y, CELL[0], CELL[1]].map(px);
    html! {
        rect class="p-heat" x=(x) y=(y) width=(width) height=(height) fill-opacity=(format!("{fraction:.3}")) {}
        rect class="p-cell" x=(x) y=(y) width=(width) height=(height) {}
        text class={ "p-middle" (on) } font-weight="600" x=(px(middle)) y=(px(upper)) { (percent(count, sum)) }
        text class={ "p-middle p-small" (muted) (on) } x=(px(middle)) y=(px(lower)) { (short(count)) }
    }
}

/// Percentage of a sum; a dash of none.
fn percent(count: u64, sum: u64) -> String {
    if sum == 0 { "–".to_owned() } else { format!("{:.1} %", count as f64 / sum as f64 * 100.0) }
}

/// Count with at most four digits: `9,731`, `12.3 k`, `4.56 M`.
fn short(count: u64) -> String {
    let value = count as f64;
    let scaled = |value: f64, unit: &str| {
        let digits = if value < 10.0 {
            2
        } else if value < 100.0 {
            1
        } else {
            0
        };
        format!("{value:.digits$} {unit}")
    };
    match count {
        0..10_000 => grouped(value),
        10_000..1_000_000 => scaled(value / 1e3, "k"),
        1_000_000..1_000_000_000 => scaled(value / 1e6, "M"),
        _ => scaled(value / 1e9, "G"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_fractions_and_empty_rows_dashes() {
        let map = HeatMap {
            title: "Confusion".to_owned(),
            row_label: "truth".to_owned(),
            column_label: "prediction".to_owned(),
            names: vec!["other".to_owned(), "tumour".to_owned()],
            counts: vec![vec![900, 100], vec![0, 0]],
        };
        let svg = map.render().into_string();
        assert!(svg.contains("other: 90.0 % other, 10.0 % tumour; tumour: none"), "{svg}");
        assert!(svg.contains("fill-opacity=\"0.900\"") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn counts_are_short() {
        let counts = [0, 9_731, 12_345, 456_789, 4_560_000, 12_000_000_000];
        assert_eq!(counts.map(short), ["0", "9,731", "12.3 k", "457 k", "4.56 M", "12.0 G"]);
    }
}
