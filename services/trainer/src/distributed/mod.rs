//! Training in several processes, which all train on a part of each batch.
//!
//! - [`cluster_spec`]: the machines of a job of Vertex AI
//! - [`environment`]: the place of this process among them
//! - [`launch`]: starting the processes of a machine
//! - [`world`]: this process among those that train together

pub(crate) mod cluster_spec;
pub(crate) mod environment;
pub(crate) mod launch;
pub(crate) mod world;

pub(crate) use world::World;
