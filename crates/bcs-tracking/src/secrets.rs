//! Masking of secrets in what is saved: values of keys that name a secret, values of environment variables that name one,
//! and passwords in URLs.

use bcs_config::Value;

/// What replaces a secret.
const MASK: &str = "***";

/// Words that name a secret, in keys without separators and in lower case.
const WORDS: [&str; 8] =
    ["apikey", "accesskey", "privatekey", "token", "password", "passwd", "secret", "credential"];

/// Least length of the value of a variable that is replaced wherever it occurs; shorter ones are parts of other words.
const MIN_LEN: usize = 8;

/// The secrets of a process.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("values", &self.values.len()).finish()
    }
}

impl Secrets {
    /// Remembers the values of variables whose names name a secret, as `WANDB_API_KEY`.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = variables
            .into_iter()
            .filter(|(name, value)| names_a_secret(name) && value.len() >= MIN_LEN)
            .map(|(_, value)| value);
        Self { values: values.collect() }
    }

    /// Remembers the secrets among the environment variables of this process.
    pub fn from_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    /// Returns a text without the values of secret variables and without passwords in URLs.
    pub fn mask_text(&self, text: &str) -> String {
        let masked =
            self.values.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK));
        without_passwords(&masked)
    }

    /// Masks an override of the command line, as `+service.token=x`.
    pub fn mask_override(&self, text: &str) -> String {
        match text.split_once('=') {
            Some((key, value)) if names_a_secret(last_part(key)) && !is_reference(value) => {
                format!("{key}={MASK}")
            }
            _ => self.mask_text(text),
        }
    }

    /// Masks the secrets of a configuration. Interpolations, as `${oc.env:TOKEN}`, are no secrets.
    pub fn mask_config(&self, value: &mut Value) {
        match value {
            Value::Map(map) => {
                for (key, value) in map.iter_mut() {
                    let is_reference = value.as_str().is_some_and(is_reference);
                    if names_a_secret(&key.text())
                        && !value.is_container()
                        && !value.is_null()
                        && !is_reference
                    {
                        *value = Value::from(MASK);
                    } else {
                        self.mask_config(value);
                    }
                }
            }
            Value::List(list) => list.iter_mut().for_each(|value| self.mask_config(value)),
            Value::Str(text) => *text = self.mask_text(text),
            _ => {}
        }
    }
}

/// Whether a key or the name of a variable names a secret.
pub fn names_a_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    WORDS.iter().any(|word| name.contains(word))
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}')
}

/// Replaces the user part of URLs, `scheme://user:password@host`.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str("://");
        let authority = part.find(['/', ' ', '\n', '\'', '"']).unwrap_or(part.len());
        match part[..authority].rfind('@') {
            Some(at) if part[..at].contains(':') => {
                masked.push_str(MASK);
                masked.push_str(&part[at..]);
            }
            _ => masked.push_str(part),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let variables =
            [("WANDB_API_KEY", "0123456789abcdef"), ("HOME", "/home/researcher"), ("MY_TOKEN", "short")];
        Secrets::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn secrets_of_a_configuration_are_masked() {
        let text = "{service: {api_key: abc, token: '${oc.env:MY_TOKEN}', Password: 12, secret: null, \
                    url: 'https://me:pw@host/a', list: ['key 0123456789abcdef']}, home: /home/researcher, tokens: {a: 1}}";
        let mut config = bcs_config::yaml::parse(text, "").unwrap();
        secrets().mask_config(&mut config);
        let expected = "service:\n  api_key: '***'\n  token: ${oc.env:MY_TOKEN}\n  Password: '***'\n  secret: null\n  url: \
                        https://***@host/a\n  list:\n  - key ***\nhome: /home/researcher\ntokens:\n  a: 1\n";
        assert_eq!(config.to_yaml(), expected);
    }

    #[test]
    fn secrets_of_texts_are_masked() {
        let secrets = secrets();
        assert_eq!(secrets.mask_override("+service.api_key=abc"), "+service.api_key=***");
        assert_eq!(secrets.mask_override("a.token=${oc.env:T}"), "a.token=${oc.env:T}");
        assert_eq!(secrets.mask_override("train_hyp.seed=3"), "train_hyp.seed=3");
        assert_eq!(secrets.mask_text("key 0123456789abcdef."), "key ***.");
        assert_eq!(secrets.mask_text("see http://host:80/a@b and x"), "see http://host:80/a@b and x");
        assert!(!format!("{secrets:?}").contains("0123"));
    }
}
