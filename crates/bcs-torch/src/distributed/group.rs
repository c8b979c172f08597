//! Groups of processes.

use std::fmt::Display;
use std::time::Duration;

use tch::{Device, Kind, TchError, Tensor};

use super::error::{Error, reason};
use super::peers::{self, Peers};
use super::store::Store;
use crate::ffi::distributed as ffi;

/// How processes find each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendezvous {
    /// Host of the store.
    pub host: String,
    /// Port of the store.
    pub port: u16,
    /// Whether this process serves the store. One does, unless the program that starts them does.
    pub serves: bool,
    /// Beginning of all keys in the store.
    pub prefix: String,
    /// Number of this process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
    /// Network interface; `None` for that of the host's name.
    pub interface: Option<String>,
    /// Time within which all processes must join, and after which a process that takes no part in a collective has ended the
    /// others.
    pub timeout: Duration,
}

/// This process in a group of processes that use Gloo, and NCCL between GPUs after [`use_nccl`](Self::use_nccl). All of them
/// must call the same functions in the same order.
#[derive(Debug)]
pub struct Group {
    rank: usize,
    size: usize,
    address: String,
    handle: ffi::Group,
    store: Store,
    timeout: Duration,
    peers: Peers,
}

impl Group {
    /// Joins a group. `name` of this process is for the messages of others, as the name of its host.
    ///
    /// # Errors
    /// [`Error::Store`] if the store cannot be used; [`Error::Missing`] if processes do not join in time;
    /// [`Error::Collective`] if they cannot connect to each other.
    pub fn join(rendezvous: &Rendezvous, name: &str) -> Result<Self, Error> {
        let Rendezvous { host, port, serves, prefix, rank, size, interface, timeout } = rendezvous;
        let (rank, size, serves) = (*rank, *size, *serves);
        let address = format!("{host}:{port}");
        let unusable = |error: TchError| Error::Store {
            rank,
            size,
            address: address.clone(),
            serves,
            reason: reason(&error),
        };
        let store = Store::connect(host, *port, serves, prefix, *timeout).map_err(unusable)?;
        let names = store
            .meet("joined", [rank, size], name, *timeout)
            .map_err(unusable)?
            .map_err(|ranks| Error::Missing { rank, size, ranks, seconds: timeout.as_secs() })?;
        let peers = Peers::new(&store, rank, names, serves, *timeout).map_err(unusable)?;
        let interface = interface.as_deref().unwrap_or_default();
        let timeout = peers::collective_timeout(*timeout);
        match ffi::Group::connect(store.handle(), [rank, size], interface, timeout) {
            Ok(handle) => Ok(Self { rank, size, address, handle, store, timeout, peers }),
            Err(error) => Err(failure(&peers, [rank, size], &address, "connection of all ranks", &error)),
        }
    }

    /// Reduces tensors on GPUs with NCCL from now on, each process on a GPU of its own. The CUDA part of libtorch must be
    /// loaded.
    ///
    /// # Errors
    /// [`Error::Nccl`] if libtorch has no NCCL, or finds no GPU.
    pub fn use_nccl(&self) -> Result<(), Error> {
        let result = self.handle.use_nccl(self.store.handle(), self.timeout);
        result.map_err(|error| Error::Nccl { rank: self.rank, size: self.size, reason: reason(&error) })
    }

    /// Number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Number of processes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Copies a tensor of rank `root` to all others. `action` is for messages, as in all collectives.
    ///
    /// # Errors
    /// [`Error::Lost`] if a process has died or cannot be reached; [`Error::Collective`].
    pub fn broadcast(&self, tensor: &mut Tensor, root: usize, action: &str) -> Result<(), Error> {
        self.begin().broadcast(tensor, root).map_err(|error| self.failed(action, &error))
    }

    /// Copies the bytes of rank 0, which the others do not have, to all.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn broadcast_bytes(&self, bytes: Option<&[u8]>, action: &str) -> Result<Vec<u8>, Error> {
        let bytes = bytes.unwrap_or_default();
        let mut length = Tensor::f_from_slice(&[bytes.len() as i64])?;
        self.broadcast(&mut length, 0, action)?;
        let length = length.f_int64_value(&[0])?;
        let mut content = match self.rank {
            0 => Tensor::f_from_slice(bytes)?,
            _ => Tensor::f_zeros([length], (Kind::Uint8, Device::Cpu))?,
        };
        if length > 0 {
            self.broadcast(&mut content, 0, action)?;
        }
        Ok(Vec::try_from(content)?)
    }

    /// Replaces a tensor by its sum over all processes.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn all_reduce(&self, tensor: &mut Tensor, action: &str) -> Result<(), Error> {
        self.begin().all_reduce(tensor).map_err(|error| self.failed(action, &error))
    }

    /// Returns the sums of numbers over all processes.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn sum(&self, values: &[f64], action: &str) -> Result<Vec<f64>, Error> {
        let mut tensor = Tensor::f_from_slice(values)?;
        self.all_reduce(&mut tensor, action)?;
        Ok(Vec::try_from(tensor)?)
    }

    /// Returns the tensors of all processes, which have one shape and type.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn all_gather(&self, tensor: &Tensor, action: &str) -> Result<Vec<Tensor>, Error> {
        self.begin().all_gather(tensor, self.size).map_err(|error| self.failed(action, &error))
    }

    /// Waits for all processes.
    ///
    /// # Errors
    /// As [`broadcast`](Self::broadcast).
    pub fn barrier(&self, action: &str) -> Result<(), Error> {
        self.begin().barrier().map_err(|error| self.failed(action, &error))
    }

    /// Finds out which rank is to blame for an error of libtorch in which the group took part, as in a backward that sums
    /// gradients. The group is of no use any more.
    pub fn failed(&self, action: &str, error: &impl Display) -> Error {
        self.handle.abandon();
        failure(&self.peers, [self.rank, self.size], &self.address, action, error)
    }

    /// Tells the others, which wait for this process, that it ends by an error of its own.
    pub fn leave(&self, reason: &impl Display) {
        self.handle.abandon();
        self.peers.leave(&reason.to_string());
    }

    /// Counts a collective that begins, and returns the group in libtorch.
    pub(super) fn begin(&self) -> &ffi::Group {
        self.peers.begin();
        &self.handle
    }

    pub(super) fn handle(&self) -> &ffi::Group {
        &self.handle
    }
}

fn failure(
    peers: &Peers,
    [rank, size]: [usize; 2],
    address: &str,
    action: &str,
    error: &impl Display,
) -> Error {
    let (action, reason) = (action.to_owned(), reason(error));
    let lost = match peers.blame() {
        Some(lost) if lost.is_empty() => return Error::Collective { rank, size, action, reason },
        Some(lost) => lost,
        None => format!("{}, with the store at {address}, is lost", peers.name(0)),
    };
    Error::Lost { rank, size, lost, action, reason }
}
