//! Formatting of numbers.

use crate::scale::{Mapping, Scale};

/// Formats a number with three significant digits: `0.861`, `12.3`, `4,096`, `1e-5`.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    if !value.is_finite() {
        format!("{value}")
    } else if !(1e-3..1e6).contains(&magnitude) {
        scientific(value)
    } else if magnitude >= 100.0 {
        grouped(value)
    } else {
        let digits = (2 - magnitude.log10().floor() as i32).clamp(0, 5) as usize;
        without_zeros(&format!("{value:.digits$}"))
    }
}

/// Formats the ticks of an axis with as many digits as they need.
pub(crate) fn ticks(axis: &Mapping, values: &[f64], count: usize) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let step = axis.step(count);
    if axis.scale == Scale::Log || largest >= 1e6 || step < 1e-4 {
        return values.iter().map(|value| number(*value)).collect();
    }
    let digits = (-step.log10().floor()).max(0.0) as usize;
    values
        .iter()
        .map(|value| if digits == 0 { grouped(*value) } else { format!("{value:.digits$}") })
        .collect()
}

/// Formats a coordinate in units of the view box.
pub(crate) fn px(value: f64) -> String {
    without_zeros(&format!("{value:.1}"))
}

/// Formats a whole number with commas between groups of three digits.
pub(crate) fn grouped(value: f64) -> String {
    let text = format!("{:.0}", value.abs());
    let groups: Vec<&str> =
        text.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    let sign = if value < 0.0 && text != "0" { "−" } else { "" };
    format!("{sign}{}", groups.join(","))
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", without_zeros(mantissa)),
        None => text,
    }
}

fn without_zeros(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.8613, "0.861"),
            (0.001, "0.001"),
            (1e-5, "1e-5"),
            (3.16e-4, "3.16e-4"),
            (12.34, "12.3"),
            (2.0, "2"),
            (4096.0, "4,096"),
            (-1234.0, "−1,234"),
            (2.5e7, "2.5e7"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn ticks_have_equal_digits() {
        let text = |range: [f64; 2]| {
            let axis = Mapping::new(Scale::Linear, range, [0.0, 1.0]);
            ticks(&axis, &axis.ticks(4), 4)
        };
        assert_eq!(text([0.0, 1.0]), ["0.0", "0.5", "1.0"]);
        assert_eq!(text([0.0, 40.0]), ["0", "10", "20", "30", "40"]);
        assert_eq!(text([0.0, 2e4]), ["0", "5,000", "10,000", "15,000", "20,000"]);
    }
}
