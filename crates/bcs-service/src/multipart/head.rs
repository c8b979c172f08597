//! Headers of a part.

use super::Error;

/// What the headers of a part say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Name of the field.
    pub name: Option<String>,
    /// Name of the file.
    pub file_name: Option<String>,
}

impl Head {
    /// Parses header lines, each ended by CRLF.
    ///
    /// # Errors
    /// [`Error::Head`] for lines that are not headers or not UTF-8.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Head)?;
        let mut head = Self::default();
        for line in text.split("\r\n").filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Error::Head)?;
            if name.trim().eq_ignore_ascii_case("content-disposition") {
                let (_, parameters) = value.split_once(';').unwrap_or((value, ""));
                head.name = parameter(parameters, "name");
                head.file_name = parameter(parameters, "filename");
            }
        }
        Ok(head)
    }
}

/// Returns the value of the parameter `name` in parameters separated by `;`, such as `name="data"; filename=a.png`.
pub(super) fn parameter(mut text: &str, name: &str) -> Option<String> {
    loop {
        let (key, rest) = text.split_once('=')?;
        let (value, rest) = value(rest.trim_start())?;
        if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(value);
        }
        text = rest;
    }
}

/// Returns the value of a parameter, a quoted string or a token, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text[..end].trim_end().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            // Only quotes are escaped by browsers: other backslashes are those of paths.
            '\\' if quoted[at + 1..].starts_with('"') => {
                value.extend(chars.next().map(|(_, escaped)| escaped));
            }
            _ => value.push(c),
        }
    }
    None
}
