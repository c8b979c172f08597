"""The story of the system: pictures in, records and a drift report in the buckets, and metrics of it in Prometheus."""

import json
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
RECORD = DEPLOY / "terraform/modules/bigquery/record.schema.json"
DASHBOARD = DEPLOY / "grafana/bcs.json"
PYTHON_TYPES = {"STRING": str, "INTEGER": int, "FLOAT": (int, float), "RECORD": dict}


class Failed(Exception):
    """The system did not do what it should."""


def tell(system):
    predictor, monitor, prometheus = (system.address(name) for name in ["predictor", "drift-monitor", "prometheus"])
    bucket = Buckets(system.address("storage"))
    seen = [("model package", f"{len(bucket.keys('models', 'current/'))} objects in gs://models/current")]

    tiles = sorted((system.volume("buckets") / "data/test").glob("*.png"))
    require(tiles, "there are no tiles to segment")
    for tile in tiles:
        overlay = post_image(f"{predictor}/predict-img/", tile)
        require(overlay.startswith(b"\x89PNG\r\n\x1a\n"), "the answer to an image is not a PNG")
    records, masks = bucket.keys("predictions", "records/"), bucket.keys("predictions", "masks/")
    require(len(records) == len(masks) == len(tiles), f"{len(records)} records and {len(masks)} masks are stored")
    seen.append(("predictions", f"{len(records)} records and masks in gs://predictions"))
    for key in records:
        text = bucket.get("predictions", key)
        # BigQuery reads a row from each line.
        require(b"\n" not in text.removesuffix(b"\n"), f"the record {key} has more than one line")
        check_record(json.loads(text))
    seen.append(("BigQuery", f"{len(records)} records are one line each, with the columns of {RECORD.name}"))

    report = json.loads(get(urllib.request.Request(f"{monitor}/run", data=b"{}", method="POST")))
    reports = bucket.keys("reports", "reports/")
    require(any(key.endswith(".html") for key in reports), "no report is in gs://reports")
    require(json.loads(get(f"{monitor}/reports")), "the monitor lists no report")
    seen.append(("drift report", f"{', '.join(reports)}; keys {', '.join(sorted(report))[:60]}…"))

    wait_for(lambda: query(prometheus, "sum(up)") == [2.0], "Prometheus does not scrape both services")
    answered = 'sum(bcs_predictor_http_requests_total{route="/predict-img/",status="200"})'
    wait_for(lambda: query(prometheus, answered) == [float(len(tiles))], "Prometheus has not counted the requests")
    wait_for(lambda: query(prometheus, "bcs_drift_monitor_last_run_records") == [float(len(tiles))], "the run is not in Prometheus")
    seen.append(("Prometheus", f"2 services up, {len(tiles)} requests with status 200, {len(tiles)} records in the last run"))
    rules = [rule["name"] for group in api(prometheus, "rules")["groups"] for rule in group["rules"] if rule["health"] == "ok"]
    require(len(rules) == 7, f"healthy rules are {rules}")
    seen.append(("alert rules", f"{len(rules)} evaluated"))
    queries = expressions(json.loads(DASHBOARD.read_text()))
    answers = [query(prometheus, expression) for expression in queries]
    seen.append(("dashboard", f"{len(queries)} queries are valid, {sum(map(bool, answers))} have data"))

    width = max(len(name) for name, _ in seen)
    print("\nWhat was seen")
    for name, what in seen:
        print(f"  {name:{width}}  {what}")


class Buckets:
    """Objects in the storage emulator."""

    def __init__(self, address):
        self.address = f"{address}/storage/v1/b"

    def keys(self, bucket, prefix):
        answer = json.loads(get(f"{self.address}/{bucket}/o?prefix={urllib.parse.quote(prefix, safe='')}"))
        return sorted(item["name"] for item in answer.get("items", []))

    def get(self, bucket, key):
        return get(f"{self.address}/{bucket}/o/{urllib.parse.quote(key, safe='')}?alt=media")


def check_record(record, columns=None, where="record"):
    """A record as a row of the BigQuery table: its columns and their types; unknown features are ignored there, too."""
    columns = columns or json.loads(RECORD.read_text())
    names = {column["name"] for column in columns}
    unknown = {key for key in record if key not in names and not key.startswith("fraction_")}
    require(not unknown, f"{where} has {sorted(unknown)}, which the table does not have")
    for column in columns:
        name, value, mode = column["name"], record.get(column["name"]), column["mode"]
        require(value is not None or mode != "REQUIRED", f"{where}.{name} is missing")
        for entry in value if mode == "REPEATED" else [] if value is None else [value]:
            require(isinstance(entry, PYTHON_TYPES[column["type"]]), f"{where}.{name} is {entry!r}, not {column['type']}")
            if column["type"] == "RECORD":
                check_record(entry, column["fields"], f"{where}.{name}")


def expressions(dashboard):
    """The queries of a dashboard, for a range of five minutes."""
    panels = [nested for panel in dashboard["panels"] for nested in [panel, *panel.get("panels", [])]]
    return [target["expr"].replace("$__rate_interval", "5m") for panel in panels for target in panel.get("targets", [])]


def query(prometheus, expression):
    answer = api(prometheus, f"query?query={urllib.parse.quote(expression)}")
    return [float(entry["value"][1]) for entry in answer["result"]]


def api(prometheus, path):
    return json.loads(get(f"{prometheus}/api/v1/{path}"))["data"]


def get(request):
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read()
    except urllib.error.URLError as error:
        url = request if isinstance(request, str) else request.full_url
        detail = error.read().decode()[:500] if isinstance(error, urllib.error.HTTPError) else ""
        raise Failed(f"{url}: {error} {detail}") from error


def post_image(url, path):
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="data"; filename="{path.name}"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return get(urllib.request.Request(url, data=body, headers=headers))


def wait_for(condition, message, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        require(time.monotonic() < end, message)
        time.sleep(0.5)


def require(condition, message):
    if not condition:
        raise Failed(message)
