//! This process among those that train together.

use std::rc::Rc;
use std::time::Duration;

use bcs_data::loader::Share;
use bcs_model::device;
use bcs_torch::distributed::{Group, Rendezvous};
use rustix::process::Signal;
use tch::{Device, Tensor};

use super::environment::Place;
use crate::config::{Backend, BatchSize, DistributedConfig, LearningRate};
use crate::error::{Error, Result};
use crate::parent;

/// Variable with the process that has started this one, and with which this one ends.
pub(super) const LAUNCHER: &str = "BCS_LAUNCHER";

/// This process among those that train together; it may be the only one.
#[derive(Debug, Clone)]
pub(crate) struct World {
    group: Option<Rc<Group>>,
    local_rank: usize,
    local_size: usize,
}

impl World {
    /// The only process.
    pub(crate) fn alone() -> Self {
        Self { group: None, local_rank: 0, local_size: 1 }
    }

    /// Joins the processes that the environment names. All but the first one print nothing but errors.
    ///
    /// # Errors
    /// [`Error::Usage`] for a wrong variable; [`Error::Distributed`] if processes do not come.
    pub(crate) fn join(config: &DistributedConfig) -> Result<Self> {
        if let Some(launcher) = std::env::var(LAUNCHER).ok().and_then(|text| text.parse().ok()) {
            parent::end_with(launcher, Signal::TERM)?;
        }
        let Some(place) = Place::from_environment()? else { return Ok(Self::alone()) };
        let rendezvous = Rendezvous {
            host: place.host,
            port: place.port,
            serves: place.serves,
            prefix: format!("bcs/{}", place.restarts),
            rank: place.rank,
            size: place.size,
            interface: place.interface,
            timeout: Duration::from_secs(config.timeout_seconds),
        };
        let group = Group::join(&rendezvous, &host_name())?;
        if group.rank() > 0 {
            crate::output::mute()?;
        }
        let Place { local_rank, local_size, .. } = place;
        Ok(Self { group: Some(Rc::new(group)), local_rank, local_size })
    }

    /// The group of the processes; `None` for a single one.
    pub(crate) fn group(&self) -> Option<&Rc<Group>> {
        self.group.as_ref()
    }

    /// Number of this process, from 0.
    pub(crate) fn rank(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.rank())
    }

    /// Number of processes.
    pub(crate) fn size(&self) -> usize {
        self.group.as_ref().map_or(1, |group| group.size())
    }

    /// Whether this process is the one that prints and writes.
    pub(crate) fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Share of this process in each batch.
    pub(crate) fn share(&self) -> Share {
        Share { rank: self.rank(), size: self.size() }
    }

    /// Number of processes on this machine.
    pub(crate) fn local_size(&self) -> usize {
        self.local_size
    }

    /// Returns the device of this process, by its name: of several on one machine, each has its own GPU.
    ///
    /// # Errors
    /// [`Error::Model`] if there is no such device.
    pub(crate) fn device(&self, name: &str) -> Result<Device> {
        match device::parse(name)? {
            Device::Cuda(0) if self.size() > 1 => Ok(device::parse(&format!("cuda:{}", self.local_rank))?),
            device => Ok(device),
        }
    }

    /// Chooses what reduces tensors on GPUs. `device` is that of this process.
    ///
    /// # Errors
    /// [`Error::Usage`] if NCCL is asked for, but a process has no GPU; [`Error::Distributed`].
    pub(crate) fn use_backend(&self, backend: Backend, device: Device) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        let on_gpus = group.sum(&[f64::from(u8::from(device.is_cuda()))], "choice of the backend")?;
        match (backend, on_gpus == [group.size() as f64]) {
            (Backend::Gloo, _) | (Backend::Auto, false) => Ok(()),
            (Backend::Auto | Backend::Nccl, true) => Ok(group.use_nccl()?),
            (Backend::Nccl, false) => Err(Error::Usage(
                "train_hyp.distributed.backend is nccl, but not all processes have a GPU; use auto or gloo"
                    .to_owned(),
            )),
        }
    }

    /// Number of tiles in a batch of all processes.
    pub(crate) fn batch_size(&self, configured: usize, config: &DistributedConfig) -> usize {
        match config.batch_size {
            BatchSize::Process => configured * self.size(),
            BatchSize::Global => configured,
        }
    }

    /// Factor of the learning rate, for batches that are larger than those of a single process.
    pub(crate) fn learning_rate_factor(&self, config: &DistributedConfig) -> f64 {
        let factor = self.batch_size(1, config) as f64;
        match config.learning_rate {
            LearningRate::Fixed => 1.0,
            LearningRate::Linear => factor,
            LearningRate::Sqrt => factor.sqrt(),
        }
    }

    /// Returns the sums of numbers over all processes. `action` is for messages.
    ///
    /// # Errors
    /// [`Error::Distributed`] if a process is lost.
    pub(crate) fn sum(&self, values: Vec<f64>, action: &str) -> Result<Vec<f64>> {
        match &self.group {
            None => Ok(values),
            Some(group) => Ok(group.sum(&values, action)?),
        }
    }

    /// Copies tensors of the first process to all others.
    ///
    /// # Errors
    /// [`Error::Distributed`] if a process is lost; [`Error::Model`].
    pub(crate) fn broadcast(&self, tensors: Vec<Tensor>, action: &str) -> Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        tensors.into_iter().try_for_each(|mut tensor| {
            let mut copy = tensor.f_detach()?.f_contiguous()?;
            group.broadcast(&mut copy, 0, action)?;
            Ok::<_, Error>(tch::no_grad(|| tensor.f_copy_(&copy)).map(drop)?)
        })
    }

    /// Copies bytes of the first process to all others, which give none.
    ///
    /// # Errors
    /// [`Error::Distributed`] if a process is lost.
    pub(crate) fn broadcast_bytes(&self, bytes: Vec<u8>, action: &str) -> Result<Vec<u8>> {
        match &self.group {
            None => Ok(bytes),
            Some(group) => Ok(group.broadcast_bytes(self.is_first().then_some(&bytes[..]), action)?),
        }
    }

    /// Tells the other processes that this one ends by an error, so that they name it.
    pub(crate) fn leave(&self, error: &Error) {
        if let Some(group) = &self.group {
            group.leave(error);
        }
    }

    /// Waits for all processes.
    ///
    /// # Errors
    /// [`Error::Distributed`] if a process is lost.
    pub(crate) fn barrier(&self, action: &str) -> Result<()> {
        Ok(self.group.iter().try_for_each(|group| group.barrier(action))?)
    }
}

/// Name of this machine.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}
