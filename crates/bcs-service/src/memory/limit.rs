//! Memory of the container or the machine, and of this process, from `/proc` and the cgroup file system.

use std::fs;
use std::path::Path;

/// Returns the memory in bytes that this process may use: the limit of its container (cgroup version 1 or 2), at most
/// the memory of the machine. `None` on systems that do not say.
pub fn available() -> Option<u64> {
    available_below(Path::new("/"))
}

/// Returns the resident memory of this process in bytes.
pub fn process_resident() -> Option<u64> {
    status_bytes("VmRSS:")
}

/// Returns the largest resident memory that this process has had, in bytes.
pub fn process_peak() -> Option<u64> {
    status_bytes("VmHWM:")
}

fn status_bytes(name: &str) -> Option<u64> {
    kilobytes(&fs::read_to_string("/proc/self/status").ok()?, name)
}

/// As [`available`], with the file systems below `root`.
fn available_below(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let machine = read("proc/meminfo").and_then(|text| kilobytes(&text, "MemTotal:"));
    let groups = read("proc/self/cgroup").unwrap_or_default();
    groups.lines().filter_map(|line| cgroup_limit(root, line)).chain(machine).min()
}

/// Returns the value of a line such as `MemTotal:  8000 kB` in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Returns the least memory limit of a group and those above it. `line` is `0::/path` for version 2 of cgroups, and
/// `4:memory:/path` for version 1.
fn cgroup_limit(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (mount, file) = if controllers.is_empty() {
        ("sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return None;
    };
    let mount = root.join(mount);
    // In a container the path may be that of the host, which is not mounted: the limit is then at the mount point.
    let group = mount.join(path.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|folder| folder.starts_with(&mount));
    // `max` in version 2, and a number above any memory in version 1, is no limit.
    groups.filter_map(|folder| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       8000000 kB\nMemFree:  1 kB\n");

    fn available_with(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        available_below(root.path())
    }

    #[test]
    fn the_limit_of_the_container_applies() {
        let version_2 =
            [MEMINFO, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "536870912\n")];
        assert_eq!(available_with(&version_2), Some(536_870_912));
        let version_1 = [
            MEMINFO,
            ("proc/self/cgroup", "8:pids:/a\n4:cpu,memory:/docker/a\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n"),
        ];
        assert_eq!(available_with(&version_1), Some(1_000_000));
    }

    #[test]
    fn the_least_limit_of_a_group_and_its_parents_applies() {
        let files = [
            ("proc/self/cgroup", "0::/service/worker\n"),
            ("sys/fs/cgroup/service/worker/memory.max", "max\n"),
            ("sys/fs/cgroup/service/memory.max", "3000\n"),
            ("sys/fs/cgroup/memory.max", "9000\n"),
        ];
        assert_eq!(available_with(&files), Some(3000));
    }

    #[test]
    fn without_a_limit_it_is_the_memory_of_the_machine() {
        let unlimited = [
            MEMINFO,
            ("proc/self/cgroup", "4:memory:/\n0::/\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(available_with(&unlimited), Some(8_192_000_000));
        assert_eq!(available_with(&[MEMINFO]), Some(8_192_000_000));
        assert_eq!(available_with(&[]), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let (resident, peak) = (process_resident().unwrap(), process_peak().unwrap());
        assert!(resident > 100_000 && peak >= resident, "{resident} {peak}");
        assert!(available().unwrap() > resident);
    }
}
