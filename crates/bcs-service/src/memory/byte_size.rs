//! Sizes in settings: a number of bytes, or a number with a unit such as `512MB` or `2GiB`.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// Units, longest first; without `B` as Kubernetes writes them.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("gi", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("b", 1),
];

/// What a valid size looks like.
const EXPECTED: &str = "a size such as 512MB, 2GiB or 536870912";

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

/// A text that is not a size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not {EXPECTED}")]
pub struct InvalidByteSize(String);

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, InvalidByteSize> {
        let invalid = || InvalidByteSize(text.to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let unit = UNITS.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)));
        let (number, factor) = unit.unwrap_or((&lower, 1));
        let number = number.trim_end();
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(invalid);
        }
        // `parse` also accepts words such as 'inf' and exponents.
        let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        let bytes = number.parse::<f64>().ok().filter(|_| plain).ok_or_else(invalid)? * factor as f64;
        if bytes >= u64::MAX as f64 {
            return Err(invalid());
        }
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for ByteSize {
    /// Writes the size in decimal units, rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..1_000_000 => write!(f, "{bytes} bytes"),
            bytes @ 1_000_000..1_000_000_000 => write!(f, "{:.0} MB", bytes as f64 / 1e6),
            bytes => write!(f, "{:.1} GB", bytes as f64 / 1e9),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByteSizeVisitor)
    }
}

struct ByteSizeVisitor;

impl Visitor<'_> for ByteSizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        u64::try_from(bytes).map(ByteSize).map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units_are_read() {
        let cases = [
            ("0", 0),
            ("1024", 1024),
            ("512MB", 512_000_000),
            ("512 MiB", 512 << 20),
            ("1.5gb", 1_500_000_000),
            ("2Gi", 2 << 30),
            ("4k", 4_000),
            ("18446744073709551615B", u64::MAX),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MB", "-1", "1.2.3", "inf", "nan", "1e9", "12 parsecs", "18446744073709551615KB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_may_have_numbers_or_texts() {
        #[derive(Debug, Deserialize)]
        struct Limits {
            memory: Option<ByteSize>,
        }
        let read = |text: &str| bcs_config::yaml::parse(text, "test").unwrap().decode::<Limits>();
        assert_eq!(read("memory: 1000").unwrap().memory, Some(ByteSize(1000)));
        assert_eq!(read("memory: 1MB").unwrap().memory, Some(ByteSize(1_000_000)));
        assert_eq!(read("memory: null").unwrap().memory, None);
        for text in ["memory: -1", "memory: much", "memory: [1]"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("memory"), "{error}");
        }
    }

    #[test]
    fn sizes_are_written_rounded() {
        let text = [999, 512_000_000, 1_500_000_000].map(|bytes| ByteSize(bytes).to_string());
        assert_eq!(text, ["999 bytes", "512 MB", "1.5 GB"]);
    }
}
