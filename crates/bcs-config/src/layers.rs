//! The settings of a server: documented defaults, and a file over them.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{
    error::{Error, Result},
    yaml,
};

/// Lays a file over the defaults, and reads both together.
///
/// `defaults` is YAML with every setting; the file needs to name only those that it changes.
///
/// ```
/// use bcs_config::layer;
///
/// #[derive(serde::Deserialize)]
/// struct Server {
///     host: String,
///     port: u16,
/// }
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("server.yaml");
/// std::fs::write(&file, "port: 9000")?;
///
/// let server: Server = layer("host: localhost\nport: 8080", Some(&file))?;
/// assert_eq!((server.host.as_str(), server.port), ("localhost", 9000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A file that can't be read or is no YAML, and a setting that is unknown or of the wrong type, with the name of
/// the file.
pub fn layer<T: DeserializeOwned>(defaults: &str, file: Option<&Path>) -> Result<T> {
    let mut value = yaml::parse(defaults, "the built-in settings")?;
    let Some(path) = file else { return value.decode() };
    let over = yaml::read(path)?;
    // An empty file changes nothing.
    if !over.is_null() {
        value.merge(over);
    }
    value.decode().map_err(|error| Error::Settings { path: path.to_owned(), source: Box::new(error) })
}
