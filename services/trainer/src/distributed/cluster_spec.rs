//! The machines of a job of Vertex AI, `CLUSTER_SPEC`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};

/// Variable that Vertex AI sets on each machine of a job.
const VARIABLE: &str = "CLUSTER_SPEC";

/// Pools whose machines train, in the order of their ranks.
const POOLS: [&str; 2] = ["workerpool0", "workerpool1"];

/// A machine among those of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// Host of the first machine.
    pub host: String,
    /// Port of the first machine.
    pub port: u16,
    /// Number of this machine, from 0.
    pub number: usize,
    /// Number of machines.
    pub count: usize,
}

#[derive(Debug, Deserialize)]
struct ClusterSpec {
    cluster: BTreeMap<String, Vec<String>>,
    task: Task,
}

#[derive(Debug, Deserialize)]
struct Task {
    #[serde(rename = "type")]
    pool: String,
    index: usize,
}

impl Machine {
    /// Reads the environment; `None` outside of jobs with several machines.
    ///
    /// # Errors
    /// [`Error::Usage`] if the variable is malformed.
    pub(crate) fn from_environment() -> Result<Option<Self>> {
        match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => Self::parse(&text),
            _ => Ok(None),
        }
    }

    fn parse(text: &str) -> Result<Option<Self>> {
        let invalid = |reason: &str| Error::Usage(format!("{VARIABLE} is not that of Vertex AI: {reason}"));
        let spec: ClusterSpec = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        let pool = |name: &str| spec.cluster.get(name).map_or(&[][..], Vec::as_slice);
        let count: usize = POOLS.iter().map(|name| pool(name).len()).sum();
        if count < 2 {
            return Ok(None);
        }
        let at = POOLS.iter().position(|name| *name == spec.task.pool);
        let at = at.ok_or_else(|| invalid(&format!("this machine is in {}", spec.task.pool)))?;
        let before: usize = POOLS[..at].iter().map(|name| pool(name).len()).sum();
        let first = pool(POOLS[0]).first().ok_or_else(|| invalid("workerpool0 is empty"))?;
        let (host, port) = first.rsplit_once(':').ok_or_else(|| invalid("a machine has no port"))?;
        let port = port.parse().map_err(|_| invalid("a machine has no port"))?;
        Ok(Some(Self { host: host.to_owned(), port, number: before + spec.task.index, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the documentation of Vertex AI has it.
    fn spec(pool: &str, index: usize) -> String {
        format!(
            r#"{{"cluster":{{"workerpool0":["cmle-training-workerpool0-ab-0:2222"],
            "workerpool1":["cmle-training-workerpool1-ab-0:2222","cmle-training-workerpool1-ab-1:2222"]}},
            "environment":"cloud","task":{{"type":"{pool}","index":{index},"trial":"1"}},"job":"{{}}"}}"#
        )
    }

    #[test]
    fn machines_are_numbered_through_the_pools() {
        let parse = |pool, index| Machine::parse(&spec(pool, index)).unwrap().unwrap();
        let first = parse("workerpool0", 0);
        assert_eq!((first.host.as_str(), first.port), ("cmle-training-workerpool0-ab-0", 2222));
        assert_eq!((first.number, first.count), (0, 3));
        assert_eq!(parse("workerpool1", 1).number, 2);
    }

    #[test]
    fn a_job_of_one_machine_is_not_distributed() {
        let text = r#"{"cluster":{"workerpool0":["a:2222"]},"environment":"cloud","task":{"type":"workerpool0","index":0}}"#;
        assert_eq!(Machine::parse(text).unwrap(), None);
        for text in ["{", "{}", &spec("workerpool9", 0)] {
            assert!(
                Machine::parse(text).unwrap_err().to_string().starts_with("CLUSTER_SPEC is not"),
                "{text}"
            );
        }
    }
}
