//! Hydra-style composition of configuration.
//!
//! Parses YAML as OmegaConf does, composes defaults lists and config groups as Hydra 1.3 does, and applies
//! Hydra's command-line overrides.
//!
//! # Layout
//!
//! - [`compose`]: [`Composer`] composes config files, a [`Schema`] and overrides into a [`Composition`].
//! - [`overrides`]: the grammar of command-line overrides; sweeps.
//! - [`interpolation`]: interpolations such as `${a.b}` and resolvers such as `${oc.env:HOME}`.
//! - [`suggest`]: suggestions for misspelled names.
//! - [`yaml`]: YAML parser and emitter.
//! - [`value`]: [`Value`], the tree of a configuration; conversion to and from JSON and Rust types.
//! - [`error`]: the [`Error`] type of this crate.
//!
//! # Example
//!
//! ```
//! use bcs_config::{Composer, missing_keys};
//!
//! #[derive(serde::Deserialize)]
//! struct Training {
//!     max_epochs: u32,
//!     learning_rate: f64,
//! }
//!
//! let folder = tempfile::tempdir()?;
//! std::fs::create_dir(folder.path().join("train_hyp"))?;
//! std::fs::write(folder.path().join("config.yaml"), "defaults:\n  - train_hyp: default\n  - _self_\n")?;
//! std::fs::write(folder.path().join("train_hyp/default.yaml"), "max_epochs: 3\nlearning_rate: 1e-4\n")?;
//!
//! let composer = Composer::new([folder.path()]);
//! let mut composition = composer.compose("config", &["train_hyp.max_epochs=5"])?;
//! composer.interpolator.resolve(&mut composition.value)?;
//! assert!(missing_keys(&composition.value).is_empty());
//!
//! let training = composition.value.get_path("train_hyp").expect("composed above");
//! let training: Training = training.decode()?;
//! assert_eq!((training.max_epochs, training.learning_rate), (5, 1e-4));
//!
//! let error = composer.compose("config", &["train_hyp.max_epoch=5"]).expect_err("no such key");
//! assert!(error.to_string().contains("Did you mean 'train_hyp.max_epochs'?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod compose;
pub mod error;
pub mod interpolation;
pub mod overrides;
pub mod suggest;
mod text;
pub mod value;
pub mod yaml;

pub use compose::{BuiltIn, Composer, Composition, Origin, Schema};
pub use error::{Error, Result};
pub use interpolation::Interpolator;
pub use overrides::Override;
pub use text::float as python_float;
pub use value::{Key, MISSING, Map, Value, missing_keys};
