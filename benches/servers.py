"""Starting and stopping bcs-predictor and its peer, for serve.py and start.py."""

import http.client
import os
import pathlib
import socket
import subprocess
import time

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
PATIENCE = 120


class Server:
    """A server process. `seconds` is the time from its start to the first 200 of its readiness route."""

    def __init__(self, command, environment, route, port):
        self.port = port
        start = time.perf_counter()
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        while not is_ready(port, route):
            if self.process.poll() is not None:
                raise SystemExit(f"bench: {command[0]} ended with {self.process.returncode}")
            if time.perf_counter() - start > PATIENCE:
                raise SystemExit(f"bench: {command[0]} is not ready after {PATIENCE} s")
            time.sleep(0.002)
        self.seconds = time.perf_counter() - start

    def memory(self):
        """Resident memory in MB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
        return int(line.split()[1]) / 1024

    def stop(self):
        self.process.terminate()
        self.process.wait()


def is_ready(port, route):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", route)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ours(program, model, folder, **settings):
    """bcs-predictor, which stores predictions in a folder. Settings are environment variables."""
    port = free_port()
    environment = {"HOST": "127.0.0.1", "PORT": str(port), "MODEL_PATH": str(model), "PREDICTIONS_BUCKET": str(folder),
                   "DEVICE": "cpu", "RUST_LOG": "error", **settings}
    return Server([str(program)], environment, "/ready", port)


def peer(python, folder):
    """The peer. Its model is made at its first start."""
    port = free_port()
    command = [str(python), "-m", "uvicorn", "serve:app", "--app-dir", str(PEERS), "--port", str(port), "--log-level", "warning"]
    return Server(command, {"MODEL": str(pathlib.Path(folder) / "peer.pt")}, "/health", port)
