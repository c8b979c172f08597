//! The real program, over folders of its own.

mod compare;
mod reference;
mod reports;
mod run;
mod serve;
mod support;
