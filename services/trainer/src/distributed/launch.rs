//! Starting the processes of a machine.

use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cluster_spec::Machine;
use super::environment::{
    INTERFACE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT, RANK, WORLD_SIZE,
};
use super::world::LAUNCHER;
use crate::cli::LaunchArguments;
use crate::error::{Error, Result};
use crate::output::warn;
use crate::training::signals::Signals;

/// Time between two looks at the processes.
const POLL: Duration = Duration::from_millis(50);

/// Time in which the other processes name the lost one and end, before they are killed.
const GRACE: Duration = Duration::from_secs(30);

/// The processes of a machine. Dropping them kills those that still run.
struct Processes {
    /// Rank and process of those that run.
    running: Vec<(usize, Child)>,
}

/// Starts the processes of this machine and waits for them. If one fails, all are ended.
///
/// # Errors
/// [`Error::Rank`] with the first process that has failed; [`Error::Usage`]; [`Error::Io`].
pub(crate) fn run(arguments: &LaunchArguments) -> Result<()> {
    let signals = Signals::install()?;
    let machine = machine(arguments)?;
    let mut processes = Processes { running: Vec::new() };
    let program = std::env::current_exe()?;
    for local in 0..arguments.nproc {
        let rank = machine.number * arguments.nproc + local;
        let mut command = Command::new(&program);
        command.args(&arguments.command).envs(variables(&machine, arguments.nproc, rank, local));
        // Signals of a terminal reach the launcher alone, which passes them on.
        command.process_group(0);
        if machine.count == 1 && std::env::var_os(INTERFACE).is_none() {
            command.env(INTERFACE, "lo");
        }
        processes.running.push((rank, command.spawn()?));
    }
    processes.wait(&signals)
}

/// Returns the place of this machine: as the flags say, else as Vertex AI does, else the only one.
fn machine(arguments: &LaunchArguments) -> Result<Machine> {
    if arguments.nnodes > 1 {
        let (number, count) = (arguments.node_rank, arguments.nnodes);
        if number >= count {
            return Err(Error::Usage(format!(
                "--node-rank is {number}, but --nnodes is {count}; machines are numbered from 0"
            )));
        }
        let (Some(host), Some(port)) = (arguments.master_addr.clone(), arguments.master_port) else {
            return Err(Error::Usage("several machines need --master-addr and --master-port".to_owned()));
        };
        return Ok(Machine { host, port, number, count });
    }
    if let Some(machine) = Machine::from_environment()? {
        return Ok(machine);
    }
    let port = match arguments.master_port {
        Some(port) => port,
        None => TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port(),
    };
    Ok(Machine { host: "127.0.0.1".to_owned(), port, number: 0, count: 1 })
}

fn variables(machine: &Machine, nproc: usize, rank: usize, local: usize) -> [(&'static str, String); 7] {
    [
        (MASTER_ADDR, machine.host.clone()),
        (MASTER_PORT, machine.port.to_string()),
        (RANK, rank.to_string()),
        (WORLD_SIZE, (machine.count * nproc).to_string()),
        (LOCAL_RANK, local.to_string()),
        (LOCAL_WORLD_SIZE, nproc.to_string()),
        (LAUNCHER, std::process::id().to_string()),
    ]
}

impl Processes {
    fn wait(&mut self, signals: &Signals) -> Result<()> {
        let mut failed: Option<(usize, ExitStatus, Instant)> = None;
        let mut forwarded = false;
        while !self.running.is_empty() {
            if let (Some(signal), false) = (signals.received(), forwarded) {
                self.send(if signal == 2 { Signal::INT } else { Signal::TERM });
                forwarded = true;
            }
            for (rank, status) in self.ended()? {
                if !status.success() && failed.is_none() {
                    failed = Some((rank, status, Instant::now()));
                }
            }
            if let Some((_, _, since)) = failed
                && since.elapsed() > GRACE
            {
                self.send(Signal::KILL);
            }
            thread::sleep(POLL);
        }
        match failed {
            None => Ok(()),
            Some((rank, status, _)) => Err(error_of(rank, status)),
        }
    }

    /// Takes out the processes that have ended.
    fn ended(&mut self) -> Result<Vec<(usize, ExitStatus)>> {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.running.len() {
            let (rank, process) = &mut self.running[at];
            match process.try_wait()? {
                Some(status) => {
                    ended.push((*rank, status));
                    self.running.remove(at);
                }
                None => at += 1,
            }
        }
        Ok(ended)
    }

    fn send(&self, signal: Signal) {
        for (rank, process) in &self.running {
            let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
            if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
                warn(&format!("rank {rank} cannot be ended: {error}"));
            }
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for (_, process) in &mut self.running {
            _ = process.kill();
            _ = process.wait();
        }
    }
}

/// The error of a process that has failed. Its exit code is that of the launcher.
fn error_of(rank: usize, status: ExitStatus) -> Error {
    let (how, code) = match (status.code(), status.signal()) {
        (Some(code), _) => (format!("ended with exit code {code}"), code),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            (format!("was killed by signal {signal}"), 128 + signal)
        }
    };
    Error::Rank { rank, how, code: u8::try_from(code).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_process() {
        let error = error_of(3, ExitStatus::from_raw(2 << 8));
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("rank 3 ended with exit code 2", 2));
        let error = error_of(1, ExitStatus::from_raw(9));
        assert_eq!((error.to_string().as_str(), error.exit_code()), ("rank 1 was killed by signal 9", 137));
    }
}
