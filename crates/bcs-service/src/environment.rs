//! Environment variables applied to settings. An empty variable counts as unset.

use std::str::FromStr;

/// A variable with an invalid value.
#[derive(Debug, thiserror::Error)]
#[error("{name}={value} is invalid; set it to {allowed}")]
pub struct InvalidVariable {
    name: String,
    value: String,
    allowed: &'static str,
}

/// Access to environment variables.
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    /// Creates an environment from a lookup function. For the process environment, it is
    /// `&|name| std::env::var(name).ok()`.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// Returns the value of a variable, or `None` if it is unset or empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Assigns the parsed variable to `target` if it is set. `allowed` describes valid values in the error.
    ///
    /// # Errors
    /// [`InvalidVariable`] if the value cannot be parsed.
    pub fn set<T: FromStr>(
        &self,
        target: &mut T,
        name: &str,
        allowed: &'static str,
    ) -> Result<(), InvalidVariable> {
        self.set_with(target, name, allowed, |value| value.parse().ok())
    }

    /// Assigns the variable to `target` if it is set.
    pub fn set_text(&self, target: &mut String, name: &str) {
        if let Some(value) = self.get(name) {
            *target = value;
        }
    }

    /// Assigns the variable to an optional text or path if it is set.
    pub fn set_optional<T: From<String>>(&self, target: &mut Option<T>, name: &str) {
        if let Some(value) = self.get(name) {
            *target = Some(value.into());
        }
    }

    /// Assigns the texts of a variable, separated by commas, to `target` if it is set.
    pub fn set_list(&self, target: &mut Vec<String>, name: &str) {
        if let Some(value) = self.get(name) {
            *target = value.split(',').map(|text| text.trim().to_owned()).collect();
        }
    }

    /// Assigns a boolean variable to `target` if it is set: `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off`, in
    /// any case.
    ///
    /// # Errors
    /// [`InvalidVariable`] for any other value.
    pub fn set_bool(&self, target: &mut bool, name: &str) -> Result<(), InvalidVariable> {
        self.set_with(target, name, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    fn set_with<T>(
        &self,
        target: &mut T,
        name: &str,
        allowed: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<(), InvalidVariable> {
        let Some(value) = self.get(name) else { return Ok(()) };
        *target = parse(&value).ok_or(InvalidVariable { name: name.to_owned(), value, allowed })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "PORT" => "80",
            "HOST" => "",
            "STORE_INPUTS" => "Yes",
            "MODEL_PATH" => "a model",
            "CORS_ORIGINS" => "https://a, https://b",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn set_variables_replace_settings_and_empty_ones_do_not() {
        let environment = Environment::new(&lookup);
        let (mut port, mut host, mut store, mut model) = (1_u16, "here".to_owned(), false, None::<String>);
        environment.set(&mut port, "PORT", "a number").unwrap();
        environment.set_text(&mut host, "HOST");
        environment.set_bool(&mut store, "STORE_INPUTS").unwrap();
        environment.set_optional(&mut model, "MODEL_PATH");
        assert_eq!((port, host.as_str(), store, model.as_deref()), (80, "here", true, Some("a model")));
        let mut origins = vec!["https://c".to_owned()];
        environment.set_list(&mut origins, "CORS_ORIGINS");
        assert_eq!(origins, ["https://a", "https://b"]);
    }

    #[test]
    fn invalid_values_are_named_with_the_valid_ones() {
        let environment = Environment::new(&lookup);
        let error = environment.set(&mut 1_u16, "MODEL_PATH", "a number").unwrap_err();
        assert_eq!(error.to_string(), "MODEL_PATH=a model is invalid; set it to a number");
        let mut store = true;
        let error = environment.set_bool(&mut store, "PORT").unwrap_err();
        assert!(error.to_string().ends_with("true or false"), "{error}");
        assert!(store);
    }
}
