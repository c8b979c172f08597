//! Memory of this machine and of processes.

use std::path::Path;

/// Memory that `sweep.memory_mb=auto` leaves to other programs, as a fraction of what is available.
const MARGIN: f64 = 0.1;

/// Returns the memory that processes may still take, in megabytes: what the system or the limit of the container leaves,
/// without a margin. `None` where neither is known.
pub(super) fn available_mb() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok();
    let system = meminfo.and_then(|text| kilobytes(&text, "MemAvailable:")).map(|kilobytes| kilobytes / 1024);
    let available = [system, container_mb(Path::new("/sys/fs/cgroup"))].into_iter().flatten().min()?;
    Some((available as f64 * (1.0 - MARGIN)) as u64)
}

/// What the limit of a container leaves, in megabytes.
fn container_mb(root: &Path) -> Option<u64> {
    let bytes = |limit: &str, usage: &str| {
        let number = |name: &str| std::fs::read_to_string(root.join(name)).ok()?.trim().parse::<u64>().ok();
        Some(number(limit)?.saturating_sub(number(usage)?))
    };
    let left = bytes("memory.max", "memory.current")
        .or_else(|| bytes("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))?;
    Some(left >> 20)
}

/// Returns the largest resident memory of a process until now, in megabytes; `None` if it has exited.
pub(super) fn peak_mb(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kilobytes(&status, "VmHWM:").map(|kilobytes| kilobytes.div_ceil(1024))
}

/// Number of kilobytes in a line `KEY   123 kB`.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_machine_have_memory() {
        assert!(available_mb().unwrap() > 0);
        let peak = peak_mb(std::process::id()).unwrap();
        assert!((1..1_000_000).contains(&peak), "{peak}");
        assert_eq!(peak_mb(u32::MAX), None);
    }

    #[test]
    fn a_container_leaves_what_its_limit_does() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(container_mb(root.path()), None);
        write("memory/memory.limit_in_bytes", "1073741824\n");
        write("memory/memory.usage_in_bytes", "536870912\n");
        assert_eq!(container_mb(root.path()), Some(512));
        write("memory.max", "max\n");
        write("memory.current", "1048576\n");
        assert_eq!(container_mb(root.path()), Some(512), "no limit");
        write("memory.max", "4194304\n");
        assert_eq!(container_mb(root.path()), Some(3));
    }
}
