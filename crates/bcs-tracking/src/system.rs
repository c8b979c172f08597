//! Load of the machine, by the names of Weights & Biases.

mod gpu;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind,
    System,
};

use self::gpu::Gpus;

/// Number of bytes of a megabyte, as the client of Weights & Biases counts.
const MEGABYTE: f64 = 1024.0 * 1024.0;

/// Measures the load between two samples.
pub struct Load {
    system: System,
    networks: Option<Networks>,
    process: Option<Pid>,
    gpus: Gpus,
}

impl Load {
    /// Begins to measure.
    ///
    /// # Errors
    /// [`sysinfo::Error`] where the system does not tell its load.
    pub fn new() -> Result<Self, sysinfo::Error> {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Ok(Self {
            system: System::new_with_specifics(kinds)?,
            networks: Networks::new_with_refreshed_list().ok(),
            process: sysinfo::get_current_pid().ok(),
            gpus: Gpus::new(),
        })
    }

    /// Returns the load since the last sample: shares in percent, memory in megabytes, power in watts, data in bytes.
    pub fn sample(&mut self) -> Vec<(String, f64)> {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let total = self.system.total_memory() as f64;
        let mut figures = vec![
            ("cpu".to_owned(), f64::from(self.system.global_cpu_usage())),
            ("memory_percent".to_owned(), 100.0 * self.system.used_memory() as f64 / total.max(1.0)),
            ("proc.memory.availableMB".to_owned(), self.system.available_memory() as f64 / MEGABYTE),
        ];
        if let Some(networks) = &mut self.networks {
            networks.refresh(true);
            let sum = |count: fn(&sysinfo::NetworkData) -> u64| -> f64 {
                networks.values().map(|network| count(network) as f64).sum()
            };
            figures.push(("network.sent".to_owned(), sum(sysinfo::NetworkData::total_transmitted)));
            figures.push(("network.recv".to_owned(), sum(sysinfo::NetworkData::total_received)));
        }
        if let Some(pid) = self.process {
            let kinds = ProcessRefreshKind::nothing().with_memory().with_cpu().with_disk_usage();
            self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kinds);
            if let Some(process) = self.system.process(pid) {
                let (memory, disk) = (process.memory() as f64, process.disk_usage());
                figures.push(("proc.memory.rssMB".to_owned(), memory / MEGABYTE));
                figures.push(("proc.memory.percent".to_owned(), 100.0 * memory / total.max(1.0)));
                figures.push(("proc.cpu".to_owned(), f64::from(process.cpu_usage())));
                figures.push(("disk.in".to_owned(), disk.total_read_bytes as f64 / MEGABYTE));
                figures.push(("disk.out".to_owned(), disk.total_written_bytes as f64 / MEGABYTE));
            }
        }
        figures.extend(self.gpus.sample());
        figures
    }
}

/// A thread that samples the load of the machine. Dropping this takes a last sample and ends the thread.
#[derive(Debug)]
pub struct Sampler {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Samples the load every `interval`; `take` gets the samples.
    ///
    /// # Errors
    /// I/O errors of the thread.
    pub fn start(
        interval: Duration,
        mut take: impl FnMut(Vec<(String, f64)>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (end, ended) = channel();
        let thread = std::thread::Builder::new().name("system load".to_owned()).spawn(move || {
            let Ok(mut load) = Load::new() else { return };
            // The CPU's load is that between two samples. The first one is soon, so that short runs have one.
            let mut wait = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                take(load.sample());
                wait = interval;
            }
            take(load.sample());
        })?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_sampler_measures_this_process() {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&samples);
        let sampler =
            Sampler::start(Duration::from_secs(3600), move |sample| taken.lock().unwrap().push(sample))
                .unwrap();
        drop(sampler);
        let samples = samples.lock().unwrap();
        let last = samples.last().expect("there is a last sample");
        let figure =
            |name: &str| last.iter().find(|(known, _)| known == name).expect("the figure is there").1;
        assert!(figure("proc.memory.rssMB") > 1.0);
        assert!((0.0..=100.0).contains(&figure("memory_percent")));
        assert!((0.0..=100.0).contains(&figure("cpu")));
        assert!(figure("proc.memory.availableMB") > 1.0);
    }
}
