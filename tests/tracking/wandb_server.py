"""A server that answers `wandb sync` as the service of Weights & Biases does, and remembers what it gets."""

import gzip
import http.server
import json
import threading


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.queries = []
        # UpsertBucket's variables, in order.
        self.upserts = []
        # Files of the stream of a run by name, each a map from line number to line.
        self.streams = {}
        self.exit_codes = []
        # Uploaded files by path.
        self.uploads = {}

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        # The client closes connections that it does not need any more.
        pass

    def answer(self, query, variables):
        with self.lock:
            self.queries.append(query)
            if "mutation UpsertBucket" in query:
                self.upserts.append(variables)
                return {
                    "upsertBucket": {
                        "bucket": {
                            "id": "storage-id",
                            "name": variables.get("name"),
                            "displayName": variables.get("displayName"),
                            "description": None,
                            "config": variables.get("config"),
                            "sweepName": None,
                            "historyLineCount": 0,
                            "project": {
                                "id": "project-id",
                                "name": variables.get("project"),
                                "entity": {"id": "entity-id", "name": variables.get("entity") or "tester"},
                            },
                        },
                        "inserted": len(self.upserts) == 1,
                    }
                }
            if "RunResumeStatus" in query:
                return {"model": self.resume_status(variables)}
            if "CreateRunFiles" in query:
                files = variables["files"]
                return {
                    "createRunFiles": {
                        "runID": "storage-id",
                        "uploadHeaders": [],
                        "files": [{"name": name, "uploadUrl": f"{self.url}/upload/{name}"} for name in files],
                    }
                }
            if "viewer" in query:
                return {"viewer": {"id": "viewer", "entity": "tester", "username": "tester", "flags": "{}", "teams": {"edges": []}}}
            if "serverInfo" in query.lower():
                return {"serverInfo": {"features": [], "cliVersionInfo": None, "latestLocalVersionInfo": None}}
            return {}

    def resume_status(self, variables):
        history = self.streams.get("wandb-history.jsonl")
        if not history:
            return None
        summary = self.streams.get("wandb-summary.json", {0: "{}"})
        last = max(history)
        bucket = {
            "id": "storage-id",
            "name": variables["name"],
            "summaryMetrics": summary[max(summary)],
            "displayName": None,
            "logLineCount": len(self.streams.get("output.log", {})),
            "historyLineCount": last + 1,
            "eventsLineCount": len(self.streams.get("wandb-events.jsonl", {})),
            "historyTail": json.dumps([history[last]]),
            "eventsTail": json.dumps(list(self.streams.get("wandb-events.jsonl", {0: "{}"}).values())[-1:]),
            "config": self.upserts[-1].get("config") or "{}",
            "tags": [],
            "wandbConfig": "{}",
        }
        return {"id": "project-id", "name": variables["project"], "entity": {"id": "entity-id", "name": "tester"}, "bucket": bucket}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            data = b"".join(parts)
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def reply(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        data = self.body()
        if self.path.endswith("/graphql"):
            request = json.loads(data)
            self.reply({"data": self.server.answer(request["query"], request.get("variables") or {})})
        elif self.path.endswith("/file_stream"):
            request = json.loads(data)
            with self.server.lock:
                for name, part in (request.get("files") or {}).items():
                    lines = self.server.streams.setdefault(name, {})
                    for number, line in enumerate(part["content"], part["offset"]):
                        lines[number] = line
                if request.get("complete"):
                    self.server.exit_codes.append(request.get("exitcode"))
            self.reply({})
        else:
            self.reply({})

    def do_PUT(self):
        data = self.body()
        with self.server.lock:
            self.server.uploads[self.path.removeprefix("/upload/").split("?")[0]] = data
        self.reply({})

    def do_GET(self):
        self.reply({})

    def log_message(self, *_):
        pass
