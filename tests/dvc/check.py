"""Runs the real DVC beside bcs-trainer on repositories drawn at random, and compares what they leave.

usage: check.py DVC3 DVC2 TRAINER [EMULATOR]      (programs; without an emulator, buckets are skipped)
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tree import drawn, differences, small, snapshot

OUTS = ["data/train", "data/drawn", "labels.csv", "tools/run.sh"]
CACHE = {"3": ".dvc/cache/files", "2": ".dvc/cache"}
MIB = 1 << 20


class Failed(Exception):
    """A difference between the programs."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Failed(message)


class Case:
    """A repository with a remote, and two clones: `ours` for bcs-trainer, `theirs` for DVC."""

    def __init__(self, folder: Path, dvc: str, trainer: str, version: str) -> None:
        self.folder, self.dvc, self.trainer, self.version = folder, dvc, trainer, version
        self.source, self.ours, self.theirs = folder / "source", folder / "ours", folder / "theirs"
        # Without the second, gcsfs asks Google whether a bucket has folders.
        self.environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}

    def run(self, program: str, *arguments: str, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
        command = [program, *arguments]
        result = subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)
        if ok:
            expect(result.returncode == 0, f"{command} failed:\n{result.stdout}{result.stderr}")
        return result

    def create(self, seed: int, url: str = "../remote", settings: dict[str, str] | None = None, large: int = 0) -> None:
        small(self.source)
        drawn(self.source, seed, large=large)
        self.run("git", "init", "--quiet", cwd=self.source)
        # The libraries of Git that an old DVC finds today are too new for it.
        scm = ["--no-scm"] if self.version == "2" else []
        self.run(self.dvc, "init", "--quiet", *scm, cwd=self.source)
        (self.source / ".gitignore").write_text("\n".join(["/.dvc/cache", "/.dvc/tmp", *(f"/{out}" for out in OUTS)]))
        self.run(self.dvc, "remote", "add", "--default", "store", url, cwd=self.source)
        for key, value in (settings or {}).items():
            self.run(self.dvc, "remote", "modify", "store", key, value, cwd=self.source)
        self.publish()
        for clone in [self.ours, self.theirs]:
            self.run("git", "clone", "--quiet", str(self.source), str(clone), cwd=self.folder)

    def publish(self) -> None:
        """Adds, pushes and commits what is in the source."""
        self.run(self.dvc, "add", "--quiet", *OUTS, cwd=self.source)
        self.run(self.dvc, "push", "--quiet", cwd=self.source)
        self.run("git", "add", "--all", cwd=self.source)
        identity = ["-c", "user.name=check", "-c", "user.email=check@localhost"]
        self.run("git", *identity, "commit", "--quiet", "--message=data", cwd=self.source)

    def pull_ours(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(self.trainer, "pull", *arguments, cwd=self.ours, ok=ok)

    def pull_theirs(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(self.dvc, "pull", *arguments, cwd=self.theirs, ok=ok)

    def compare(self, what: str) -> None:
        paths = [*OUTS, CACHE[self.version]]
        ours, theirs = snapshot(self.ours, paths), snapshot(self.theirs, paths)
        ours = {name: found for name, found in ours.items() if ".unfinished" not in name}
        if self.version == "2":
            # DVC 2 leaves folders without files, which DVC 3 removes.
            ours, theirs = ({name: found for name, found in tree.items() if found[0] != "folder"} for tree in (ours, theirs))
        lines = differences(ours, theirs)
        expect(not lines, f"{what}: the trees differ\n  " + "\n  ".join(lines[:20]))
        expect(len(ours) > 50, f"{what}: only {len(ours)} files")


def pulled_as_dvc_does(case: Case, seed: int) -> None:
    case.create(seed)
    case.pull_ours(), case.pull_theirs()
    case.compare("first pull")
    # A later revision: files are added, changed, moved and removed.
    draw = random.Random(seed)
    files = sorted(path for path in (case.source / "data/drawn").rglob("*") if path.is_file())
    for path in draw.sample(files, 8):
        path.unlink()
    for path in draw.sample([path for path in files if path.exists()], 5):
        path.write_bytes(b"changed\r\n" + path.read_bytes()[:100])
    moved = next(path for path in files if path.exists())
    moved.rename(moved.with_name("moved"))
    drawn(case.source, seed + 1, files=6)
    (case.source / "tools/run.sh").chmod(0o644)
    case.publish()
    for clone in [case.ours, case.theirs]:
        case.run("git", "pull", "--quiet", cwd=clone)
        (clone / "data/train/empty folder").mkdir()
        shutil.copy(clone / "data/train/a.png", clone / "data/train/known content")
    case.pull_ours(), case.pull_theirs()
    case.compare("second pull")
    # Unsaved changes: both refuse, and both give in to force.
    for clone in [case.ours, case.theirs]:
        (clone / "data/train/a.png").write_bytes(b"mine")
        (clone / "data/train/mine").write_bytes(b"mine, too")
        (clone / "labels.csv").unlink()
    for result in [case.pull_ours(ok=False), case.pull_theirs(ok=False)]:
        expect(result.returncode == 1, f"unsaved changes are lost: {result.stdout}{result.stderr}")
        text = result.stdout + result.stderr
        named = [name in text for name in ("data/train/a.png", "data/train/mine")]
        # DVC 2 names the first one, and has changed something by then.
        expect(all(named) or (case.version == "2" and any(named)), f"unsaved changes are not named: {text}")
    if case.version == "3":
        case.compare("refused pull")
    case.pull_ours("--force"), case.pull_theirs("--force")
    case.compare("forced pull")


def killed_at_any_point(case: Case, seed: int) -> None:
    case.create(seed, large=40 * MIB)
    draw = random.Random(seed)
    begin = time.monotonic()
    shutil.copytree(case.ours, case.folder / "timed")
    case.run(case.trainer, "pull", cwd=case.folder / "timed")
    whole = time.monotonic() - begin
    kills = 0
    while kills < 25:
        process = subprocess.Popen(
            [case.trainer, "pull", "--jobs", "2"], cwd=case.ours, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(draw.uniform(0, whole / 4))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        kills += 1
    case.pull_ours(), case.pull_theirs()
    case.compare(f"pull after {kills} kills")
    expect(kills > 0, "no pull was killed")
    left = [path for path in case.ours.rglob(".bcs-pull-*")] + list((case.ours / ".dvc/cache/.unfinished").iterdir())
    expect(not left, f"something is left over: {left}")


def damaged_objects_are_named(case: Case, seed: int) -> None:
    case.create(seed)
    objects = sorted(path for path in (case.folder / "remote").rglob("*") if path.is_file() and path.suffix == "")
    victim = random.Random(seed).choice([path for path in objects if path.stat().st_size > 10])
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[5] ^= 1
    victim.write_bytes(content)
    result = case.pull_ours(ok=False)
    key = os.fspath(victim.relative_to(case.folder / "remote"))
    expect(result.returncode == 1, f"the exit code is {result.returncode}")
    expect(key in result.stderr and victim.parent.name + victim.name in result.stderr, f"{key} is not named: {result.stderr}")
    expect(not any((case.ours / out).exists() for out in OUTS), "something was put into place")
    content[5] ^= 1
    victim.write_bytes(content)
    case.pull_ours(), case.pull_theirs()
    case.compare("pull of the mended object")


def pulled_from_a_bucket(case: Case, seed: int, address: str, version_aware: bool) -> None:
    name = f"check-{case.version}-{int(version_aware)}"
    bucket = {"name": name, "versioning": {"enabled": version_aware}}
    headers = {"content-type": "application/json"}
    url = f"{address}/storage/v1/b"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(bucket).encode(), headers)).read()
    settings = {"endpointurl": address, "allow_anonymous_login": "true"}
    if version_aware:
        settings["version_aware"] = "true"
    case.environment["STORAGE_EMULATOR_HOST"] = address
    case.create(seed, f"gs://{name}/data", settings, large=20 * MIB)
    case.pull_ours(), case.pull_theirs()
    paths = OUTS if version_aware else [*OUTS, CACHE[case.version]]
    ours, theirs = snapshot(case.ours, paths), snapshot(case.theirs, paths)
    lines = differences({name: found for name, found in ours.items() if ".unfinished" not in name}, theirs)
    expect(not lines and len(ours) > 50, "bucket: the trees differ\n  " + "\n  ".join(lines[:20]))


def start_emulator(program: str) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    arguments = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory", "-log-level", "error"]
    process = subprocess.Popen([program, *arguments, "-public-host", address, "-external-url", f"http://{address}"])
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://{address}/storage/v1/b").read()
            return process, f"http://{address}"
        except OSError:
            time.sleep(0.1)
    raise Failed("the emulator does not answer")


def main() -> int:
    dvc3, dvc2, trainer, *emulator = sys.argv[1:]
    process, address = start_emulator(emulator[0]) if emulator else (None, "")
    cases = [
        ("as DVC 3 does", "3", pulled_as_dvc_does, ()),
        ("as DVC 2 does", "2", pulled_as_dvc_does, ()),
        ("killed at any point", "3", killed_at_any_point, ()),
        ("damaged objects", "3", damaged_objects_are_named, ()),
        ("damaged objects, DVC 2", "2", damaged_objects_are_named, ()),
    ]
    if process:
        cases.append(("from a bucket", "3", pulled_from_a_bucket, (address, False)))
        cases.append(("from a bucket with versions", "3", pulled_from_a_bucket, (address, True)))
    failures = 0
    try:
        for index, (title, version, check, more) in enumerate(cases):
            with tempfile.TemporaryDirectory() as folder:
                case = Case(Path(folder), {"3": dvc3, "2": dvc2}[version], trainer, version)
                try:
                    check(case, 100 * index, *more)
                    print(f"ok      {title}", flush=True)
                except Failed as failure:
                    failures += 1
                    print(f"FAILED  {title}: {failure}", flush=True)
    finally:
        if process:
            process.kill()
            process.wait()
    return 1 if failures else 0


sys.exit(main())
