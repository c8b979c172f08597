//! Fetches data tracked by [DVC](https://dvc.org): what `dvc pull` does with `.dvc` files, from a local folder or Google
//! Cloud Storage. Every object is compared with its MD5 before it is put into place; files are complete or absent; a pull
//! that was interrupted goes on where it was.
//!
//! Pure:
//! - [`config`]: remotes and cache, from `.dvc/config`
//! - [`DvcFile`]: `.dvc` files
//! - [`listing`]: lists of the files of a directory, `.dir` objects
//! - [`object`]: names of objects, and their keys in a cache or remote
//! - [`md5`]: both ways in which DVC hashes files
//! - [`plan`]: what must change in the workspace
//!
//! With files and network:
//! - [`Repository`]: finds a repository and its `.dvc` files
//! - `cache`: the local cache of objects
//! - `remote`: storages with pushed objects
//! - `fetch`: from remotes to the cache
//! - `workspace`: hashes, places and removes files
//! - [`pull()`]: all of it

mod cache;
pub mod config;
mod dvc_file;
mod error;
mod fetch;
pub mod listing;
pub mod md5;
pub mod object;
mod observer;
mod path;
pub mod plan;
mod pull;
mod remote;
mod repository;
mod workspace;

pub use dvc_file::{DvcFile, Out, TrackedFile};
pub use error::{Error, Result};
pub use observer::{Observer, Task};
pub use pull::{Options, Pulled, pull};
pub use repository::Repository;
