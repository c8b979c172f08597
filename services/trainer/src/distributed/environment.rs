//! The place of a process among those that train together, as `torchrun` and Vertex AI tell it.

use super::cluster_spec::Machine;
use crate::error::{Error, Result};

/// Variables of `torchrun`, which [`super::launch`] sets too.
pub(super) const RANK: &str = "RANK";
pub(crate) const WORLD_SIZE: &str = "WORLD_SIZE";
pub(super) const LOCAL_RANK: &str = "LOCAL_RANK";
pub(super) const LOCAL_WORLD_SIZE: &str = "LOCAL_WORLD_SIZE";
pub(super) const MASTER_ADDR: &str = "MASTER_ADDR";
pub(super) const MASTER_PORT: &str = "MASTER_PORT";

/// The network interface of Gloo, by PyTorch's name.
pub(super) const INTERFACE: &str = "GLOO_SOCKET_IFNAME";

/// `True` if the program that starts the processes serves the store.
const AGENT_STORE: &str = "TORCHELASTIC_USE_AGENT_STORE";

/// Number of times that the processes were started before.
const RESTARTS: &str = "TORCHELASTIC_RESTART_COUNT";

/// The place of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Host of the store.
    pub host: String,
    /// Port of the store.
    pub port: u16,
    /// Whether this process serves the store.
    pub serves: bool,
    /// Number of the process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
    /// Number of the process among those of its machine.
    pub local_rank: usize,
    /// Number of processes of its machine.
    pub local_size: usize,
    /// Number of times that the processes were started before.
    pub restarts: usize,
    /// Network interface.
    pub interface: Option<String>,
}

impl Place {
    /// Reads the environment; `None` if this process trains alone.
    ///
    /// # Errors
    /// [`Error::Usage`] for a variable that is missing or out of range.
    pub(super) fn from_environment() -> Result<Option<Self>> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match Self::of(variable)? {
            // Only a process that nobody has numbered is the one of its machine.
            None if variable(WORLD_SIZE).is_none() => {
                Ok(Machine::from_environment()?.map(|machine| Self::alone(machine, variable(INTERFACE))))
            }
            place => Ok(place),
        }
    }

    /// The only process of a machine.
    fn alone(machine: Machine, interface: Option<String>) -> Self {
        let Machine { host, port, number, count } = machine;
        let (serves, local_size) = (number == 0, 1);
        Self {
            host,
            port,
            serves,
            rank: number,
            size: count,
            local_rank: 0,
            local_size,
            restarts: 0,
            interface,
        }
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let number = |name: &str, default: Option<usize>| match (variable(name), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => {
                Err(Error::Usage(format!("{WORLD_SIZE} is set, but {name} is not; torchrun sets both")))
            }
            (Some(text), _) => {
                text.parse().map_err(|_| Error::Usage(format!("{name} is '{text}', which is not a number")))
            }
        };
        let size = number(WORLD_SIZE, Some(1))?;
        if size < 2 {
            return Ok(None);
        }
        let rank = number(RANK, None)?;
        if rank >= size {
            return Err(Error::Usage(format!(
                "{RANK} is {rank}, but {WORLD_SIZE} is {size}; ranks start at 0"
            )));
        }
        let port = number(MASTER_PORT, None)?;
        let served_by_agent = variable(AGENT_STORE).is_some_and(|value| value == "True");
        Ok(Some(Self {
            host: variable(MASTER_ADDR).unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: u16::try_from(port)
                .map_err(|_| Error::Usage(format!("{MASTER_PORT} is {port}; ports end at 65535")))?,
            serves: rank == 0 && !served_by_agent,
            rank,
            size,
            local_rank: number(LOCAL_RANK, Some(rank))?,
            local_size: number(LOCAL_WORLD_SIZE, Some(1))?.max(1),
            restarts: number(RESTARTS, Some(0))?,
            interface: variable(INTERFACE),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Result<Option<Place>> {
        Place::of(|name| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned()))
    }

    #[test]
    fn a_process_of_torchrun_has_its_place() {
        let torchrun = [
            ("MASTER_ADDR", "10.0.0.1"),
            ("MASTER_PORT", "29500"),
            ("RANK", "5"),
            ("WORLD_SIZE", "8"),
            ("LOCAL_RANK", "1"),
            ("LOCAL_WORLD_SIZE", "4"),
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCHELASTIC_RESTART_COUNT", "2"),
        ];
        let found = place(&torchrun).unwrap().unwrap();
        assert_eq!((found.host.as_str(), found.port, found.serves), ("10.0.0.1", 29500, false));
        assert_eq!((found.rank, found.size, found.local_rank, found.local_size), (5, 8, 1, 4));
        assert_eq!(found.restarts, 2);
    }

    #[test]
    fn a_process_that_is_alone_has_none() {
        assert_eq!(place(&[]).unwrap(), None);
        assert_eq!(place(&[("WORLD_SIZE", "1"), ("RANK", "0")]).unwrap(), None);
    }

    #[test]
    fn wrong_variables_are_named() {
        let error = |variables| place(variables).unwrap_err().to_string();
        assert!(error(&[("WORLD_SIZE", "2")]).contains("RANK is not"));
        assert!(error(&[("WORLD_SIZE", "two")]).contains("WORLD_SIZE is 'two'"));
        let message = error(&[("WORLD_SIZE", "2"), ("RANK", "2"), ("MASTER_PORT", "1")]);
        assert!(message.contains("RANK is 2, but WORLD_SIZE is 2"), "{message}");
        let message = error(&[("WORLD_SIZE", "2"), ("RANK", "0"), ("MASTER_PORT", "70000")]);
        assert!(message.contains("ports end at 65535"), "{message}");
    }
}
