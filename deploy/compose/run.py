"""Starts the services of compose.yaml as processes of this machine, and runs the story of the system through them.

What a container would do is done by a process: the image names a program, a named volume is a folder, a mounted file is a
copy, the name of a service is 127.0.0.1. See scripts/compose.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import yaml
from story import Failed, require, tell

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release"
TOOLS = ROOT / ".tools"
EMULATOR = os.environ.get("FAKE_GCS_SERVER", str(TOOLS / "fake-gcs-server"))
# Program that the entry point of each image starts. Those without one are not run: there is none to be had.
PROGRAMS = {"trainer": BINARIES / "bcs-trainer", "predictor": BINARIES / "bcs-predictor",
            "drift-monitor": BINARIES / "bcs-drift-monitor", "fsouza/fake-gcs-server": EMULATOR,
            "prom/prometheus": "prometheus", "grafana/grafana": None}
# Most seconds that a condition may take.
SECONDS = {"service_started": 10, "service_healthy": 90, "service_completed_successfully": 600}


def main():
    document = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    with tempfile.TemporaryDirectory(prefix="bcs-compose-") as folder:
        system = System(document, pathlib.Path(folder))
        try:
            system.start()
            tell(system)
        except Failed as failure:
            system.show_logs()
            print(f"compose: {failure}", file=sys.stderr)
            return 1
        finally:
            system.stop()
    return 0


class System:
    """The services of a compose file."""

    def __init__(self, document, folder):
        self.folder = folder
        self.services = {name: Service(name, service, self) for name, service in document["services"].items()}
        self.names = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, self.services))})(?=:\d)")

    def start(self):
        for name in self.in_order():
            service = self.services[name]
            for dependency, options in service.dependencies().items():
                self.services[dependency].wait_for(options["condition"])
            service.start()
        for service in self.services.values():
            if service.process and "healthcheck" in service.definition:
                service.wait_for("service_healthy")

    def in_order(self):
        """Names of the services, each after those that it depends on."""
        order = []

        def visit(name, path=()):
            require(name not in path, f"{name} depends on itself")
            if name not in order:
                for dependency in self.services[name].dependencies():
                    require(dependency in self.services, f"{name} depends on {dependency}, which is no service")
                    visit(dependency, (*path, name))
                order.append(name)

        for name in self.services:
            visit(name)
        return order

    def on_this_machine(self, text):
        """Names of services as 127.0.0.1."""
        return self.names.sub("127.0.0.1", text)

    def address(self, name):
        """The address of the port that a service publishes."""
        host, port, _ = self.services[name].definition["ports"][0].split(":")
        return f"http://{host}:{port}"

    def volume(self, name):
        path = self.folder / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def show_logs(self):
        for service in self.services.values():
            if service.log.exists():
                print(f"── {service.name}\n{service.log.read_text()[-2000:]}", file=sys.stderr)

    def stop(self):
        for name in reversed(self.in_order()):
            self.services[name].stop()


class Service:
    """One service: its definition, and its process."""

    def __init__(self, name, definition, system):
        self.name, self.definition, self.system = name, definition, system
        self.log = system.folder / f"{name}.log"
        self.process, self.exit_code, self.seconds = None, None, None

    def dependencies(self):
        return self.definition.get("depends_on", {})

    def start(self):
        program = PROGRAMS[self.definition["image"].rsplit(":", 1)[0]]
        command = [*self.definition.get("entrypoint", [program]), *self.definition.get("command", [])]
        if command[0] is None:
            print(f"{self.name:14} not run: no program", flush=True)
            return
        for port in self.definition.get("ports", []):
            require(port.split(":")[1] == port.split(":")[2], f"{self.name}: the port {port} differs from the container's")
        work = self.system.folder / "work" / self.name
        work.mkdir(parents=True)
        self.mounts = self.mount()
        self.environment = {**os.environ, "PATH": f"{BINARIES}:{TOOLS / 'prometheus'}:{os.environ['PATH']}"}
        self.environment |= {key: self.translate(value) for key, value in self.definition.get("environment", {}).items()}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.translate(str(word)) for word in command], cwd=work, env=self.environment,
                                            stdout=log, stderr=subprocess.STDOUT)
        self.started = time.monotonic()
        print(f"{self.name:14} started", flush=True)

    def mount(self):
        """Path in the container and here, of each volume; a file is copied, with the names of services replaced."""
        mounts = {}
        for volume in self.definition.get("volumes", []):
            source, target = volume.split(":")[:2]
            if not source.startswith("."):
                mounts[target] = self.system.volume(source)
                continue
            source = (FOLDER / source).resolve()
            require(source.is_file(), f"{self.name} mounts {source}, which is no file")
            copy = self.system.folder / "files" / self.name / target.strip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(self.system.on_this_machine(source.read_text()))
            mounts[target] = copy
        return mounts

    def translate(self, text):
        for target, path in sorted(self.mounts.items(), reverse=True):
            text = re.sub(rf"(?<![\w.:/-]){re.escape(target)}(?![\w.-])", str(path), text)
        # $$ is a $ in a compose file.
        return self.system.on_this_machine(text).replace("$$", "$")

    def wait_for(self, condition):
        check = {"service_started": self.is_started, "service_healthy": self.is_healthy,
                 "service_completed_successfully": self.is_completed}[condition]
        seconds = SECONDS[condition]
        end = time.monotonic() + seconds
        while not check():
            require(time.monotonic() < end, f"{self.name} is not {condition} after {seconds} s")
            time.sleep(0.2)

    def is_started(self):
        return self.process is not None

    def is_completed(self):
        code = self.process.poll()
        if code is not None and self.exit_code is None:
            self.exit_code, self.seconds = code, time.monotonic() - self.started
            print(f"{self.name:14} exited with {code} after {self.seconds:.1f} s", flush=True)
        require(code in (None, 0), f"{self.name} exited with {code}")
        return code == 0

    def is_healthy(self):
        if self.seconds is not None:
            return True
        require(self.process.poll() is None, f"{self.name} exited with {self.process.returncode}")
        kind, *test = self.definition["healthcheck"]["test"]
        require(kind == "CMD", f"{self.name}: the health check is no CMD")
        healthy = subprocess.run([self.translate(word) for word in test], env=self.environment, capture_output=True).returncode == 0
        if healthy:
            self.seconds = time.monotonic() - self.started
            print(f"{self.name:14} healthy after {self.seconds:.1f} s: {' '.join(test)}", flush=True)
        return healthy

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


if __name__ == "__main__":
    sys.exit(main())
