//! Resolution of plain scalars: PyYAML's YAML 1.1 rules with OmegaConf's changes.

use crate::value::Value;

/// Error message for a scalar that matches a number but has no value.
pub(super) type Refusal = String;

/// Resolves a plain (unquoted) scalar.
pub(super) fn resolve(text: &str) -> Result<Value, Refusal> {
    if let Some(value) = keyword(text) {
        return Ok(value);
    }
    // No number starts with another character.
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return Ok(Value::from(text));
    }
    if is_float(text) {
        return float(text).map(Value::Float);
    }
    if is_int(text) {
        return int(text).map(Value::Int);
    }
    Ok(Value::from(text))
}

fn keyword(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => return None,
    })
}

/// Splits off the sign; true for a minus.
pub(super) fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

pub(super) fn only(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

pub(super) fn digits(text: &str) -> bool {
    only(text, |b| b.is_ascii_digit())
}

fn digits_or_underscores(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `[0-9][0-9_]*`
fn number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && digits_or_underscores(text)
}

/// `[0-9]+(_[0-9]+)*`
fn strict_number(text: &str) -> bool {
    text.split('_').all(digits)
}

/// `(:[0-5]?[0-9])+`, without the first colon.
pub(super) fn sexagesimal(text: &str) -> bool {
    text.split(':').all(|part| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    })
}

fn is_int(text: &str) -> bool {
    let (_, body) = unsigned(text);
    if let Some(bits) = body.strip_prefix("0b") {
        return only(bits, |b| matches!(b, b'0' | b'1' | b'_'));
    }
    if let Some(hex) = body.strip_prefix("0x") {
        return only(hex, |b| b.is_ascii_hexdigit() || b == b'_');
    }
    if let Some(octal) = body.strip_prefix('0') {
        return octal.bytes().all(|b| matches!(b, b'0'..=b'7' | b'_'));
    }
    match body.split_once(':') {
        Some((head, tail)) => number(head) && sexagesimal(tail),
        None => number(body),
    }
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (_, body) = unsigned(text);
    if matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if let Some((head, tail)) = body.split_once(':') {
        let Some((minutes, fraction)) = tail.split_once('.') else { return false };
        return number(head) && sexagesimal(minutes) && digits_or_underscores(fraction);
    }
    let (mantissa, exponent) = split_exponent(body);
    if exponent.is_some_and(|exponent| !digits(unsigned(exponent).1)) {
        return false;
    }
    let Some((whole, fraction)) = mantissa.split_once('.') else {
        return exponent.is_some() && strict_number(mantissa);
    };
    if !whole.is_empty() {
        // PyYAML's pattern requires a sign in the exponent; OmegaConf's, which does not, is stricter on underscores.
        let signed = exponent.is_none_or(|exponent| exponent.starts_with(['+', '-']));
        let head = if signed { number(whole) } else { strict_number(whole) };
        return head && digits_or_underscores(fraction);
    }
    // `.5` cannot have a sign, and its exponent must have one.
    let bare = body.len() == text.len();
    bare && number(fraction) && exponent.is_none_or(|exponent| exponent.starts_with(['+', '-']))
}

fn split_exponent(text: &str) -> (&str, Option<&str>) {
    match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn int(text: &str) -> Result<i64, Refusal> {
    let plain = text.replace('_', "");
    let (negative, body) = unsigned(&plain);
    let magnitude = if let Some(bits) = body.strip_prefix("0b") {
        i128::from_str_radix(bits, 2).ok()
    } else if let Some(hex) = body.strip_prefix("0x") {
        i128::from_str_radix(hex, 16).ok()
    } else if body.len() > 1 && body.starts_with('0') {
        i128::from_str_radix(body, 8).ok()
    } else {
        body.split(':').try_fold(0_i128, |total, part| {
            let part: i128 = part.parse().ok()?;
            total.checked_mul(60)?.checked_add(part)
        })
    };
    magnitude
        .and_then(|value| i64::try_from(if negative { -value } else { value }).ok())
        .ok_or_else(|| format!("'{text}' does not fit into a signed 64-bit integer; for a string, quote it"))
}

fn float(text: &str) -> Result<f64, Refusal> {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let (negative, body) = unsigned(&plain);
    let magnitude = match body {
        ".inf" => Some(f64::INFINITY),
        ".nan" => Some(f64::NAN),
        _ => body.split(':').try_fold(0.0, |total, part| Some(total * 60.0 + part.parse::<f64>().ok()?)),
    };
    magnitude
        .map(|value| if negative { -value } else { value })
        .ok_or_else(|| format!("'{text}' is not a number; for a string, quote it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_yaml_1_1_with_omegaconfs_floats() {
        let ints = [("010", 8), ("0x_1F", 31), ("-0b11", -3), ("1_000", 1000), ("1:30", 90), ("+7", 7)];
        for (text, expected) in ints {
            assert_eq!(resolve(text), Ok(Value::Int(expected)), "{text}");
        }
        let floats = [
            ("1e-4", 1e-4),
            ("1.", 1.0),
            (".5", 0.5),
            ("1.5e3", 1500.0),
            ("1:30.5", 90.5),
            ("-.inf", f64::NEG_INFINITY),
        ];
        for (text, expected) in floats {
            assert_eq!(resolve(text), Ok(Value::Float(expected)), "{text}");
        }
        for text in ["08", "0o17", "-.5", ".5e3", "1e", "2020-01-01", "1.2.3", "y", "nan", "-", "."] {
            assert_eq!(resolve(text), Ok(Value::from(text)), "{text}");
        }
        assert!(resolve("99999999999999999999").is_err());
    }
}
