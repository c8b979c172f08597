//! Errors of process groups.

use std::fmt::Display;

use tch::TchError;

/// Why processes cannot work together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached or served.
    #[error("rank {rank} of {size}: the store at {address} cannot be {}: {reason}", if *serves { "served" } else { "reached; is rank 0 running there?" })]
    Store {
        /// Rank of this process.
        rank: usize,
        /// Number of processes.
        size: usize,
        /// Host and port.
        address: String,
        /// Whether this process serves the store.
        serves: bool,
        /// Message of libtorch.
        reason: String,
    },
    /// Processes have not joined the group in time.
    #[error("rank {rank} of {size}: {} not joined within {seconds} s", have(ranks))]
    Missing {
        /// Rank of this process.
        rank: usize,
        /// Number of processes.
        size: usize,
        /// Ranks of the missing processes.
        ranks: Vec<usize>,
        /// Seconds that this process has waited.
        seconds: u64,
    },
    /// A collective has failed because processes have died, cannot be reached or do not take part.
    #[error("rank {rank} of {size}: {lost}, which ended the {action}: {reason}")]
    Lost {
        /// Rank of this process.
        rank: usize,
        /// Number of processes.
        size: usize,
        /// Names of these ranks with their hosts, and what is wrong with them.
        lost: String,
        /// What the processes did together.
        action: String,
        /// Message of libtorch.
        reason: String,
    },
    /// A collective has failed although all processes live and take part.
    #[error("rank {rank} of {size}: the {action} failed, though all ranks live: {reason}")]
    Collective {
        /// Rank of this process.
        rank: usize,
        /// Number of processes.
        size: usize,
        /// What the processes did together.
        action: String,
        /// Message of libtorch.
        reason: String,
    },
    /// NCCL cannot be used.
    #[error("rank {rank} of {size}: NCCL cannot be used: {reason}")]
    Nccl {
        /// Rank of this process.
        rank: usize,
        /// Number of processes.
        size: usize,
        /// Message of libtorch.
        reason: String,
    },
    /// libtorch failed without the group.
    #[error(transparent)]
    Torch(#[from] TchError),
}

/// "rank 2 has", "ranks 2, 3 have".
fn have(ranks: &[usize]) -> String {
    match ranks {
        [rank] => format!("rank {rank} has"),
        ranks => {
            let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
            format!("ranks {} have", ranks.join(", "))
        }
    }
}

/// First line of a message of libtorch, which goes on with a stack of C++ functions.
pub(super) fn reason(error: &impl Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("Internal torch error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_ranks() {
        let missing = |ranks: &[usize]| {
            Error::Missing { rank: 0, size: 4, ranks: ranks.to_vec(), seconds: 30 }.to_string()
        };
        assert_eq!(missing(&[2]), "rank 0 of 4: rank 2 has not joined within 30 s");
        assert_eq!(missing(&[1, 3]), "rank 0 of 4: ranks 1, 3 have not joined within 30 s");
        let error = TchError::Torch("Connection closed by peer\nframe #0: bcs".to_owned());
        assert_eq!(reason(&error), "Connection closed by peer");
    }
}
