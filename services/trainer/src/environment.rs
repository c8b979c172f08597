//! What a run depends on beside its configuration: revision and changes of the source, versions, hardware, command line.

use std::path::Path;
use std::process::Command;

use bcs_tracking::Secrets;
use fs_err as fs;
use serde_json::{Value, json};

use crate::error::Result;
use crate::provenance;

/// File with the environment.
const FILE: &str = "environment.json";

/// File with the changes of the working tree since its revision.
const DIFF: &str = "git.diff";

/// Variables whose values are saved, since they change how a run computes. The values of all others may be secrets.
const VARIABLES: [&str; 8] = [
    "BCS_REVISION",
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "RAYON_NUM_THREADS",
    "CUBLAS_WORKSPACE_CONFIG",
    "LD_PRELOAD",
];

/// Saves the environment in a folder.
///
/// # Errors
/// [`crate::error::Error::Io`].
pub(crate) fn save(folder: &Path) -> Result<()> {
    let secrets = Secrets::from_process();
    let text = serde_json::to_string_pretty(&describe(&secrets)).unwrap_or_default();
    fs::write(folder.join(FILE), text + "\n")?;
    if let Some(diff) = output("git", &["diff", "HEAD"]).filter(|diff| !diff.is_empty()) {
        fs::write(folder.join(DIFF), secrets.mask_text(&diff) + "\n")?;
    }
    Ok(())
}

fn describe(secrets: &Secrets) -> Value {
    let variables: serde_json::Map<String, Value> = VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?.into())))
        .collect();
    json!({
        "program": format!("bcs-trainer {}", env!("CARGO_PKG_VERSION")),
        "libtorch": provenance::libtorch_version(),
        "git_revision": provenance::git_revision(),
        "started": jiff::ZonedDateTime::now().to_string(),
        "command": std::env::args().map(|argument| secrets.mask_override(&argument)).collect::<Vec<_>>(),
        "folder": std::env::current_dir().unwrap_or_default(),
        "platform": platform(),
        "cpu": cpu(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        "memory_bytes": memory(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default()),
        "gpus": gpus(),
        "variables": variables,
    })
}

fn platform() -> Value {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    json!({"os": std::env::consts::OS, "architecture": std::env::consts::ARCH, "kernel": kernel.trim()})
}

/// Model and number of CPUs; `cpuinfo` is the text of `/proc/cpuinfo`.
fn cpu(cpuinfo: &str) -> Value {
    let field = |line: &str| line.split_once(':').map(|(_, value)| value.trim().to_owned());
    let model = cpuinfo.lines().find(|line| line.starts_with("model name")).and_then(field);
    // As many as this process may use.
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({"model": model, "cores": cores})
}

/// Memory of the machine in bytes; `meminfo` is the text of `/proc/meminfo`.
fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The GPUs of the machine, by NVIDIA's tool; none without it.
fn gpus() -> Vec<Value> {
    let query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"];
    output("nvidia-smi", &query).map(|text| text.lines().filter_map(gpu).collect()).unwrap_or_default()
}

/// A line of NVIDIA's tool: name, memory in MiB, version of the driver.
fn gpu(line: &str) -> Option<Value> {
    let mut fields = line.split(',').map(str::trim);
    let (name, memory, driver) = (fields.next()?, fields.next()?, fields.next()?);
    let bytes = memory.parse::<u64>().ok().map(|mebibytes| mebibytes << 20);
    Some(json!({"name": name, "memory_bytes": bytes, "driver": driver}))
}

/// Returns what a command prints; `None` if it fails or does not exist.
fn output(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_is_read_from_the_system() {
        let text = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\n";
        assert_eq!(cpu(text)["model"], "Intel(R) Xeon(R) CPU @ 2.20GHz");
        assert_eq!(memory("MemTotal:       16374532 kB\nMemFree: 1 kB\n"), Some(16_374_532 * 1024));
        assert_eq!(memory(""), None);
        let gpu = gpu("NVIDIA H200, 143771, 570.86.15").unwrap();
        assert_eq!(gpu["memory_bytes"], 143_771_u64 << 20);
    }

    #[test]
    fn the_environment_names_what_computes() {
        let described = describe(&Secrets::default());
        assert!(described["libtorch"].as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()));
        assert!(described["cpu"]["cores"].as_u64().unwrap() > 0);
    }
}
