//! Repositories made with the real DVC (`tests/dvc/make.py`), pulled from local folders and from Cloud Storage.

mod buckets;
mod faults;
mod golden;
mod support;
