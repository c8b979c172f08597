"""A page in headless Chromium, driven over the pipe of its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]


class Page:
    """A browser window of a size in pixels, of which a picture has `scale` times as many."""

    def __init__(self, width, height, scale=1.5):
        self.size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}

    def __enter__(self):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if not program:
            raise FileNotFoundError(f"there is none of {', '.join(PROGRAMS)} (Debian, Ubuntu: apt-get install chromium)")
        self.profile = tempfile.TemporaryDirectory(prefix="bcs-browser-", ignore_cleanup_errors=True)
        # The browser reads commands from file 3 and writes answers to file 4.
        (command_end, self.commands), (self.answers, answer_end) = os.pipe(), os.pipe()

        def as_three_and_four():
            # Above both first, so that neither overwrites the other.
            commands, answers = os.dup2(command_end, 10), os.dup2(answer_end, 11)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
                     f"--user-data-dir={self.profile.name}"]
        self.process = subprocess.Popen([program, *arguments], pass_fds=(3, 4), preexec_fn=as_three_and_four,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_end)
        os.close(answer_end)
        self.number, self.buffer, self.session = 0, b"", None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Emulation.setDeviceMetricsOverride", **self.size)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        self.profile.cleanup()

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def choose_file(self, selector, path):
        """Gives a file to an input element."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def run(self, script):
        return self.call("Runtime.evaluate", expression=script)["result"].get("value")

    def wait(self, condition, seconds=60):
        """Waits until a condition in JavaScript holds."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"{condition} does not hold after {seconds} s")
            time.sleep(0.1)

    def picture(self, path):
        """Writes what the window shows to a file in PNG or, with a suffix of .jpg, in JPEG."""
        options = {"format": "jpeg", "quality": 85} if path.suffix == ".jpg" else {"format": "png"}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **options)["data"]))

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                received = os.read(self.answers, 1 << 20)
                if not received:
                    raise ConnectionError("the browser has ended")
                self.buffer += received
            text, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
