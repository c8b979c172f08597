use bcs_contracts::record::READABLE;
use bcs_contracts::{PredictionRecord, keys};

/// Largest magnitude of a feature; whatever is larger is an overflow or a damaged number.
const LARGEST: f64 = 1e12;

/// Reads a record and checks what the comparison relies on.
///
/// # Errors
/// Why the record is damaged.
pub(crate) fn parse(key: &str, bytes: &[u8]) -> Result<PredictionRecord, String> {
    let record: PredictionRecord = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !READABLE.contains(&record.format_version) {
        return Err(format!(
            "has format_version {}; this program reads {} to {}",
            record.format_version,
            READABLE.start(),
            READABLE.end()
        ));
    }
    let own = keys::day_of(record.id).map(|day| keys::record(day, record.id));
    if own.as_deref() != Some(key) {
        return Err(format!("is a copy, or misplaced: its id is {}", record.id));
    }
    let measured = record.features.iter().map(|(name, value)| (name.as_str(), *value));
    let stated = [("confidence", record.confidence), ("entropy", record.entropy)];
    if let Some((name, value)) =
        measured.chain(stated).find(|(_, value)| !value.is_finite() || value.abs() > LARGEST)
    {
        return Err(format!("has the {name} {value:e}, which nothing measures"));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::{key, record};

    #[test]
    fn copies_and_impossible_values_are_damaged() {
        let (id, text) = record("v1", "2026-11-22T10:00:00Z", 2);
        assert!(parse(&key(id), text.as_bytes()).is_ok());
        let reason = |key: &str, text: &str| parse(key, text.as_bytes()).unwrap_err();
        assert!(reason(&key(id).replace(".json", "-copy.json"), &text).contains("copy"));
        assert!(reason(&key(id).replace("11-22", "11-23"), &text).contains("misplaced"));
        let large = text.replace("\"grey_mean\":0.5", "\"grey_mean\":1e308");
        assert!(reason(&key(id), &large).contains("grey_mean 1e308"), "{large}");
        assert!(reason(&key(id), &text.replace("\"entropy\":0.5", "\"entropy\":-1e300")).contains("entropy"));
    }
}
