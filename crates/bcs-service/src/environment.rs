//! The environment over the settings of a server. A variable that is empty counts as not set.

use std::str::FromStr;

/// A variable whose value can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{name}={value} can't be used; give {allowed}")]
pub struct Refused {
    name: String,
    value: String,
    allowed: &'static str,
}

/// Where variables are looked up.
pub struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Environment<'a> {
    /// Over any lookup: that of the process is `&|name| std::env::var(name).ok()`.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// Replaces the target where the variable is set.
    ///
    /// # Errors
    /// [`Refused`], saying what is `allowed`, for a value that is no `T`.
    pub fn set<T: FromStr>(&self, target: &mut T, name: &str, allowed: &'static str) -> Result<(), Refused> {
        self.set_with(target, name, allowed, |value| value.parse().ok())
    }

    /// Replaces the target where the variable is set, by any text.
    pub fn set_text(&self, target: &mut String, name: &str) {
        if let Some(value) = self.get(name) {
            *target = value;
        }
    }

    /// Replaces the target where the variable is set, by some text or path.
    pub fn set_some<T: From<String>>(&self, target: &mut Option<T>, name: &str) {
        if let Some(value) = self.get(name) {
            *target = Some(value.into());
        }
    }

    /// Replaces the target where the variable is set: true, 1, yes and on, or false, 0, no and off.
    ///
    /// # Errors
    /// [`Refused`] for anything else.
    pub fn set_truth(&self, target: &mut bool, name: &str) -> Result<(), Refused> {
        self.set_with(target, name, "true or false", |value| match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// Replaces the target by what `read` makes of the variable, where it is set.
    ///
    /// # Errors
    /// [`Refused`], saying what is `allowed`, where that is nothing.
    pub fn set_with<T>(
        &self,
        target: &mut T,
        name: &str,
        allowed: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<(), Refused> {
        let Some(value) = self.get(name) else { return Ok(()) };
        *target = read(&value).ok_or(Refused { name: name.to_owned(), value, allowed })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str) -> Option<String> {
        let value = match name {
            "PORT" => "80",
            "HOST" => "",
            "STORE_INPUTS" => "Yes",
            "MODEL_PATH" => "a model",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn what_is_set_replaces_and_what_is_empty_does_not() {
        let environment = Environment::new(&given);
        let (mut port, mut host, mut store, mut model) = (1_u16, "here".to_owned(), false, None::<String>);
        environment.set(&mut port, "PORT", "a number").unwrap();
        environment.set_text(&mut host, "HOST");
        environment.set_truth(&mut store, "STORE_INPUTS").unwrap();
        environment.set_some(&mut model, "MODEL_PATH");
        assert_eq!((port, host.as_str(), store, model.as_deref()), (80, "here", true, Some("a model")));
    }

    #[test]
    fn what_cannot_be_used_is_named_with_what_can() {
        let environment = Environment::new(&given);
        let error = environment.set(&mut 1_u16, "MODEL_PATH", "a number").unwrap_err();
        assert_eq!(error.to_string(), "MODEL_PATH=a model can't be used; give a number");
        let mut store = true;
        assert!(
            environment.set_truth(&mut store, "PORT").unwrap_err().to_string().ends_with("true or false")
        );
        assert!(store);
    }
}
