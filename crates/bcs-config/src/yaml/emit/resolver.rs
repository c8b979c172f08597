//! Strings that OmegaConf quotes, since a YAML 1.1 reader or Python would take them for another type.

use super::super::scalar::{digits, only, sexagesimal, unsigned};

/// Whether the string is read as a string without quotes.
pub(super) fn is_plain_string(text: &str) -> bool {
    !(is_keyword(text) || is_python_number(text) || is_int(text) || is_float(text) || is_timestamp(text))
}

fn is_keyword(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = ["y", "n", "yes", "no", "true", "false", "on", "off", "null"];
    let capitalized = text.starts_with(|c: char| c.is_ascii_uppercase()) && text[1..] == lower[1..];
    let cases = text == lower || text == text.to_ascii_uppercase() || capitalized;
    (cases && words.contains(&lower.as_str())) || matches!(text, "" | "~" | "=" | "<<")
}

/// Whether Python's `int` or `float` accepts the string; they allow single underscores between digits.
fn is_python_number(text: &str) -> bool {
    crate::text::parse_python_float(text).is_some()
}

fn number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && rest(text)
}

fn rest(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

fn is_int(text: &str) -> bool {
    let (_, body) = unsigned(text);
    let based = |prefix: &str, allowed: fn(u8) -> bool| {
        body.strip_prefix(prefix).is_some_and(|digits| only(digits, |b| b == b'_' || allowed(b)))
    };
    let decimal = |text: &str| number(text) && !text.starts_with('0');
    based("0b", |b| matches!(b, b'0' | b'1'))
        || based("0x", |b| b.is_ascii_hexdigit())
        || based("0", |b| (b'0'..=b'7').contains(&b))
        || body == "0"
        || decimal(body)
        || body.split_once(':').is_some_and(|(head, tail)| decimal(head) && sexagesimal(tail))
}

fn is_float(text: &str) -> bool {
    let (_, body) = unsigned(text);
    if matches!(text, ".nan" | ".NaN" | ".NAN") || matches!(body, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    if exponent.is_some_and(|exponent| !exponent.strip_prefix(['+', '-']).is_some_and(digits)) {
        return false;
    }
    let Some((whole, fraction)) = mantissa.split_once('.') else { return false };
    match whole.split_once(':') {
        Some((head, minutes)) => exponent.is_none() && number(head) && sexagesimal(minutes) && rest(fraction),
        None if whole.is_empty() => body.len() == text.len() && number(fraction),
        None => number(whole) && rest(fraction),
    }
}

/// `2024-01-31`, or a date and a time such as `2024-1-31 10:00:00.5 +01:00`.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let short = |part: &str| (1..=2).contains(&part.len()) && digits(part);
    if !(year.len() == 4 && digits(year) && short(month)) {
        return false;
    }
    let day_len = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (day, time) = tail.split_at(day_len);
    if time.is_empty() {
        return month.len() == 2 && day.len() == 2;
    }
    let clock = match time.strip_prefix(['T', 't']) {
        Some(clock) => clock,
        None => time.trim_start_matches([' ', '\t']),
    };
    short(day) && clock.len() < time.len() && is_clock(clock)
}

fn is_clock(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let (Some(hour), Some(minute), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let second = tail.get(..2).is_some_and(digits);
    if !((1..=2).contains(&hour.len()) && digits(hour) && minute.len() == 2 && digits(minute) && second) {
        return false;
    }
    let tail = &tail[2..];
    let tail = tail
        .strip_prefix('.')
        .map_or(tail, |fraction| fraction.trim_start_matches(|c: char| c.is_ascii_digit()));
    let zone = tail.trim_start_matches([' ', '\t']);
    if tail.is_empty() || zone == "Z" {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return false };
    let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "00"));
    (1..=2).contains(&hours.len()) && digits(hours) && minutes.len() == 2 && digits(minutes)
}
