"""A headless Chromium, by its DevTools protocol."""

import base64
import json
import re
import subprocess
import tempfile
import time
import urllib.request

import websocket

# Seconds until a page must have what is waited for.
TIMEOUT = 120


class Browser:
    def __init__(self, chromium, size):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--remote-allow-origins=*",
                   f"--user-data-dir={self.profile.name}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if match := re.search(r"DevTools listening on ws://([\d.:]+)/", line):
                break
        else:
            raise RuntimeError("Chromium does not start")
        with urllib.request.urlopen(f"http://{match[1]}/json/list", timeout=30) as response:
            page = next(target for target in json.load(response) if target["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=TIMEOUT)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()

    def call(self, method, **parameters):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv())).get("id") != self.count:
            pass
        return answer["result"]

    def open(self, url):
        self.call("Page.navigate", url=url)

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, script):
        """Waits until a script returns true."""
        deadline = time.monotonic() + TIMEOUT
        while not self.evaluate(script):
            assert time.monotonic() < deadline, f"the page does not come to {script}"
            time.sleep(0.1)

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
