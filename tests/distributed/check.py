"""Checks training in several processes and shards with the peers: PyTorch, torchrun, webdataset, and network namespaces.

  check.py --trainer PATH --peer PATH --torch PYTHON --webdataset PYTHON FOLDER
"""

import argparse
import hashlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
SMALL = [
    "data.root=tissue",
    "data.label_map=bcss-22-tumor",
    "model_hyp.channels=[4,8,16]",
    "model_hyp.strides=[2,2]",
    "train_hyp.device=cpu",
    "train_hyp.model_repo_location=models",
    "train_hyp.training_batch_size=2",
    "train_hyp.tensorboard=false",
]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check(condition: bool, text: object) -> None:
    if not condition:
        raise SystemExit(f"failed: {text}")


def run(command: list, folder: pathlib.Path, **environment: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    check(done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}")
    return done.stdout


def weights(folder: pathlib.Path) -> str:
    (run_folder,) = (folder / "models").iterdir()
    return hashlib.sha256((run_folder / "checkpoints/last/model.safetensors").read_bytes()).hexdigest()


def fresh(arguments: argparse.Namespace, name: str, tiles: int = 4) -> pathlib.Path:
    """A folder with tissue of five slides."""
    folder = arguments.folder / name
    folder.mkdir(parents=True)
    run([arguments.trainer, "synthesize", "--output", "tissue", "--slides", 5, "--tiles", tiles, "--size", 64], folder)
    return folder


def pack(arguments: argparse.Namespace, folder: pathlib.Path, *options: object) -> None:
    images = ["--images", "tissue/train", "--masks", "tissue/train_mask"]
    run([arguments.trainer, "pack", *images, "--output", "shards", *options], folder)


def step_of(folder: pathlib.Path) -> int:
    """Step of the newest checkpoint; 0 if there is none, as while another one takes its place."""
    for state in (folder / "models").glob("*/checkpoints/last/training.json"):
        try:
            return json.loads(state.read_text())["step"]
        except FileNotFoundError:
            pass
    return 0


def wait_for_step(folder: pathlib.Path, step: int, processes: list[subprocess.Popen]) -> None:
    while step_of(folder) < step:
        check(all(process.poll() is None for process in processes), f"the run has ended before step {step}")
        time.sleep(0.005)


def pytorch_in_one_group(arguments: argparse.Namespace) -> None:
    port = str(free_port())
    environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "GLOO_SOCKET_IFNAME": "lo"}
    theirs = subprocess.Popen([arguments.torch, HERE / "peer.py"], env={**os.environ, **environment, "RANK": "0"}, stdout=subprocess.PIPE, text=True)
    ours = run([arguments.peer], arguments.folder, **environment, RANK="1")
    output, _ = theirs.communicate(timeout=60)
    check(theirs.returncode == 0 and json.loads(output) == json.loads(ours) == [3.0, 30.0], (output, ours))


def torchrun(arguments: argparse.Namespace) -> None:
    folder = fresh(arguments, "torchrun")
    command = [arguments.torch, "-m", "torch.distributed.run", "--nproc-per-node", 2, "--no-python", arguments.trainer]
    printed = run([*command, *SMALL, "train_hyp.max_epochs=1"], folder)
    check("processes   2, which train on 4 tiles together" in printed, printed)
    launched = fresh(arguments, "launch")
    run([arguments.trainer, "launch", "--nproc", 2, "--", *SMALL, "train_hyp.max_epochs=1"], launched)
    check(weights(folder) == weights(launched), "torchrun and bcs-trainer launch train different models")


class Namespaces:
    """Machines of a network: network namespaces with addresses of their own on one bridge."""

    def __init__(self, count: int):
        self.names = [f"bcs-{os.getpid()}-{number}" for number in range(count)]
        self.bridge = f"bcs{os.getpid() % 100000}"

    def __enter__(self) -> "Namespaces":
        ip("link", "add", self.bridge, "type", "bridge")
        ip("link", "set", self.bridge, "up")
        for number, name in enumerate(self.names):
            ip("netns", "add", name)
            ip("link", "add", f"{self.bridge}-{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{self.bridge}-{number}", "master", self.bridge, "up")
            ip("-n", name, "address", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        return self

    def cut(self, number: int) -> None:
        ip("link", "set", f"{self.bridge}-{number}", "down")

    def connect(self, number: int) -> None:
        ip("link", "set", f"{self.bridge}-{number}", "up")

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False)
        subprocess.run(["ip", "link", "delete", self.bridge], check=False)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def start_machines(arguments: argparse.Namespace, machines: Namespaces, folder: pathlib.Path, overrides: list[str]) -> list:
    """Starts a process on each machine, in a folder of its own; the first one writes."""
    processes = []
    for number, name in enumerate(machines.names):
        command = ["ip", "netns", "exec", name, arguments.trainer, "launch", "--nproc", 1, "--nnodes", len(machines.names)]
        command += ["--node-rank", number, "--master-addr", "10.77.0.1", "--master-port", 29500, "--", *SMALL, *overrides]
        own = folder if number == 0 else folder / f"machine-{number}"
        if number > 0 and not own.exists():
            own.mkdir()
            (own / "tissue").symlink_to(folder / "tissue")
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}
        command = list(map(str, command))
        processes.append(subprocess.Popen(command, cwd=own, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    return processes


def outcomes(processes: list, seconds: float) -> list:
    """Exit codes and standard errors."""
    ended = []
    for process in processes:
        _, error = process.communicate(timeout=seconds)
        ended.append((process.returncode, error))
    return ended


def network_namespaces(arguments: argparse.Namespace) -> None:
    overrides = ["train_hyp.max_epochs=3", "train_hyp.checkpoint.every_n_train_steps=1", "train_hyp.resume=auto"]
    whole, cut = fresh(arguments, "network", 20), fresh(arguments, "network-cut", 20)
    with Namespaces(3) as machines:
        for code, error in outcomes(start_machines(arguments, machines, whole, overrides), 300):
            check(code == 0, error)
        timeout = 40
        processes = start_machines(arguments, machines, cut, [*overrides, f"train_hyp.distributed.timeout_seconds={timeout}"])
        wait_for_step(cut, 2, processes)
        machines.cut(2)
        start = time.monotonic()
        ended = outcomes(processes, 120)
        seconds = time.monotonic() - start
        check(all(code != 0 for code, _ in ended), ended)
        for rank in [0, 1]:
            check(f"rank {rank} of 3: rank 2 (" in ended[rank][1], ended[rank][1])
        check("rank 2 of 3: rank 0 (" in ended[2][1], ended[2][1])
        check(seconds < timeout, f"the ranks took {seconds:.1f} s to end")
        print(f"  cut: all ranks ended within {seconds:.1f} s, with a time-out of {timeout} s")
        machines.connect(2)
        for code, error in outcomes(start_machines(arguments, machines, cut, overrides), 300):
            check(code == 0, error)
    check(weights(whole) == weights(cut), "the resumed run ends with another model")


def webdataset(arguments: argparse.Namespace) -> None:
    folder = fresh(arguments, "webdataset")
    pack(arguments, folder)
    print(run([arguments.webdataset, HERE / "shards.py", "read", "shards", "tissue"], folder), end="")
    run([arguments.webdataset, HERE / "shards.py", "write", "written", "tissue"], folder)
    printed = run([arguments.trainer, *SMALL, "data.train_shards=written", "train_hyp.max_epochs=1"], folder)
    check("best" in printed, printed)


def every_tile_once_when_killed(arguments: argparse.Namespace) -> None:
    """A run from shards that is killed within its epochs ends with the model of one that is not: each step had the same tiles."""
    overrides = [
        "data.train_shards=shards",
        "train_hyp.max_epochs=2",
        "train_hyp.checkpoint.every_n_train_steps=1",
        "train_hyp.resume=auto",
    ]
    whole, killed = fresh(arguments, "stream", 60), fresh(arguments, "stream-killed", 60)
    for folder in [whole, killed]:
        pack(arguments, folder, "--shard-mb", 1)
    run([arguments.trainer, *SMALL, *overrides], whole)
    steps = []
    for _ in range(10):
        process = subprocess.Popen(
            list(map(str, [arguments.trainer, *SMALL, *overrides])),
            cwd=killed,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_step(killed, step_of(killed) + 1, [process])
        process.send_signal(signal.SIGKILL)
        check(process.wait() == -signal.SIGKILL, "the run has ended before it was killed")
        steps.append(step_of(killed))
    run([arguments.trainer, *SMALL, *overrides], killed)
    check(weights(whole) == weights(killed), "the killed run ends with another model")
    print(f"  killed after steps {', '.join(map(str, steps))} of {step_of(whole)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", type=pathlib.Path, required=True)
    parser.add_argument("--peer", type=pathlib.Path, required=True)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--webdataset", required=True)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.folder = arguments.folder.resolve()
    arguments.trainer, arguments.peer = arguments.trainer.resolve(), arguments.peer.resolve()
    for step in [pytorch_in_one_group, torchrun, webdataset, every_tile_once_when_killed, network_namespaces]:
        if step is network_namespaces and os.geteuid() != 0:
            print("network namespaces: passed over, since they need root", file=sys.stderr)
            continue
        print(step.__name__.replace("_", " "), flush=True)
        step(arguments)
    print("all passed")


if __name__ == "__main__":
    main()
