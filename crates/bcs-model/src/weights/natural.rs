//! Order of names in which numbers count as numbers: `layer.2` comes before `layer.10`.

use std::cmp::Ordering;

/// Compares two names, runs of digits by their value and everything else by its bytes.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(first), Some(second)) = (a.first(), b.first()) {
        let (order, a_rest, b_rest) = if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((a_number, a_rest), (b_number, b_rest)) = (split_number(a), split_number(b));
            // Without leading zeros, the longer number is the larger one.
            (a_number.len().cmp(&b_number.len()).then(a_number.cmp(b_number)), a_rest, b_rest)
        } else {
            (first.cmp(second), &a[1..], &b[1..])
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.len().cmp(&b.len())
}

/// Splits digits, without leading zeros, from what follows them.
fn split_number(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    let zeros = digits.iter().position(|digit| *digit != b'0').unwrap_or(end);
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let sorted =
            ["", "a", "a.1.b", "a.2", "a.02.c", "a.10", "a.10.x", "a.99999999999999999999999", "a_", "b"];
        for (index, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), index.cmp(&other), "{a} {b}");
            }
        }
    }
}
