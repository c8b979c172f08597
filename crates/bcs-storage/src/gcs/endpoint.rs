use std::path::PathBuf;

/// Variable that names an emulator.
const VARIABLE: &str = "STORAGE_EMULATOR_HOST";

/// Address of Google Cloud Storage.
const GOOGLE: &str = "https://storage.googleapis.com";

/// Where Google Cloud Storage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Google, with application-default credentials.
    Google,
    /// Google, with the key of a service account in a file.
    KeyFile(PathBuf),
    /// An emulator at this address, such as `http://127.0.0.1:4443`, without credentials.
    Emulator(String),
}

impl Endpoint {
    /// Returns the emulator that the environment variable `STORAGE_EMULATOR_HOST` names, else Google.
    pub fn from_environment() -> Self {
        std::env::var(VARIABLE).map_or(Self::Google, |host| Self::named(&host))
    }

    /// Returns the emulator at `HOST:PORT` or a URL, or Google if it is empty.
    pub fn named(host: &str) -> Self {
        let host = host.trim().trim_end_matches('/');
        if host.is_empty() {
            return Self::Google;
        }
        let is_url = host.starts_with("http://") || host.starts_with("https://");
        Self::Emulator(if is_url { host.to_owned() } else { format!("http://{host}") })
    }

    /// Returns the URL without a slash at its end.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Google | Self::KeyFile(_) => GOOGLE,
            Self::Emulator(url) => url,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulators_are_named_by_address_or_url() {
        for host in ["127.0.0.1:4443", "http://127.0.0.1:4443", " http://127.0.0.1:4443/ "] {
            assert_eq!(Endpoint::named(host).url(), "http://127.0.0.1:4443", "{host}");
        }
        assert_eq!(Endpoint::named("https://gcs:443").url(), "https://gcs:443");
        assert_eq!(Endpoint::named(""), Endpoint::Google);
    }
}
