"""A stand-in for the Materials Project's service on the loopback interface, with faults to order.

The real client talks to it over HTTP, and reads real Delta tables from an S3 server.
"""

import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pyarrow as pa

from .toy_data import RESTRICTED, SCHEMA, Toy

KEY = "K3yOfTheStandInThatNobodyMaySee1"
VERSION = "2026.10.01"
BUCKET = "materialsproject-parsed"
PREFIX = "core/trajectories"


@dataclass
class Fault:
    """What goes wrong with some requests, instead of an answer or in it."""

    path: str
    """Part of the path, or of the query behind it, that it hits."""
    kind: str
    """``status``, ``html``, ``truncated``, ``dropped``, ``no data``, ``no count``, ``short page``,
    ``lost`` (documents left out and not counted), ``bare`` (documents without a field)."""
    times: int = 1
    after: int = 0
    """Requests on this path that pass before."""
    status: int = 0
    headers: dict = field(default_factory=dict)
    body: dict = field(default_factory=dict)


class StandIn:
    """The service; ``faults`` and ``version`` may be changed at any time."""

    def __init__(self, toy: Toy) -> None:
        from emmet.core.mpid import AlphaID

        self._number = lambda text: int(AlphaID(text.rsplit("-", 1)[-1]))
        self.routes = {
            "/materials/core": (toy.core, "material_id"),
            "/materials/thermo": (toy.thermo, "material_id"),
            "/materials/tasks": (toy.tasks, "task_id"),
        }
        self.on_request: Callable[[int], None] = lambda _: None
        self._lock = threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.reset()

    def reset(self) -> None:
        self.faults: list[Fault] = []
        self.version = VERSION
        self.n_requests = 0
        self.times: list[float] = []
        self.paths: list[str] = []
        self.on_request = lambda _: None

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, path: str, kind: str, times: int = 1, after: int = 0, **more: object) -> None:
        self.faults.append(Fault(path, kind, times, after, **more))

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parsed = urlparse(handler.path)
        with self._lock:
            self.n_requests += 1
            self.times.append(time.monotonic())
            self.paths.append(handler.path)
            count = self.n_requests
            fault = self._due(handler.path)
        self.on_request(count)
        query = {name: values[0] for name, values in parse_qs(parsed.query).items()}
        if fault is not None and fault.kind == "dropped":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault is not None and fault.kind == "status":
            _send(handler, fault.status, json.dumps(fault.body).encode(), fault.headers)
            return
        if fault is not None and fault.kind == "html":
            _send(handler, 200, b"<html><body>Back soon</body></html>", {})
            return
        if parsed.path == "/heartbeat":
            body = {
                "status": "OK",
                "db_version": self.version,
                "version": "0.86.4",
                "access_controlled_batch_ids": [RESTRICTED, "another_restricted_batch"],
            }
            _send(handler, 200, json.dumps(body).encode(), {})
            return
        key = handler.headers.get("x-api-key")
        if key != KEY:
            # services are known to repeat what they were sent
            _send(handler, 401, json.dumps({"detail": f"Invalid key {key}"}).encode(), {})
            return
        route = self.routes.get(parsed.path.rstrip("/"))
        if route is None:
            _send(handler, 404, b'{"detail": "Not Found"}', {})
            return
        body = json.dumps(self._documents(*route, query, fault)).encode()
        cut = fault is not None and fault.kind == "truncated"
        _send(handler, 200, body, {}, "gzip" in handler.headers.get("accept-encoding", ""), cut)

    def _due(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.path in path and fault.times:
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _documents(
        self, documents: list[dict], name: str, query: dict, fault: Fault | None
    ) -> dict:
        found = []
        for document in documents:
            found += [document] * self._hits(document, name, query)
        kind = None if fault is None else fault.kind
        if kind == "lost":
            found = found[:-1]
        skip, limit = int(query.get("_skip", 0)), int(query.get("_limit", 100))
        page = found[skip : skip + limit]
        if kind == "short page":
            page = page[:-1]
        if "_fields" in query:
            fields = query["_fields"].split(",")
            page = [{key: doc[key] for key in fields if key in doc} for doc in page]
        if kind == "bare":
            lost = ("output", "run_types", "entries")
            page = [{key: doc[key] for key in doc if key not in lost} for doc in page]
        meta = {"total_doc": len(found), "api_version": "0.86.4", "max_limit": 1000}
        answer = {"data": page, "meta": meta}
        if kind == "no data":
            del answer["data"]
        if kind == "no count":
            del answer["meta"]
        return answer

    def _hits(self, document: dict, name: str, query: dict) -> int:
        """How many times a document is in the answer: some come once for each spelling."""
        if ids := query.get(f"{name}s"):
            number = self._number(document[name])
            asked = [text for text in ids.split(",") if self._number(text) == number]
            if not asked:
                return 0
            if number % 5 == 0 and len(asked) > 1:
                return self._matches(document, query) * 2
        return int(self._matches(document, query))

    @staticmethod
    def _matches(document: dict, query: dict) -> bool:
        if "chemsys" in query and document["chemsys"] not in query["chemsys"].split(","):
            return False
        if "elements" in query and not set(query["elements"].split(",")) <= set(
            document["elements"]
        ):
            return False
        if "nelements_min" in query and document["nelements"] < int(query["nelements_min"]):
            return False
        types = query.get("thermo_types")
        return types is None or document["thermo_type"].upper() in types.upper().split(",")


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: dict,
    packed: bool = False,
    cut: bool = False,
) -> None:
    if packed:
        body = gzip.compress(body)
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    if packed:
        handler.send_header("Content-Encoding", "gzip")
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2] if cut else body)
    if cut:
        handler.close_connection = True


def write_table(folder: Path, toy: Toy, files: int = 3) -> None:
    """The rows as a Delta table of several files with several row groups, in no order."""
    from deltalake import WriterProperties, write_deltalake

    ordered = sorted(toy.rows, key=lambda row: (row["identifier"][::-1], row["e_fr_energy"][0]))
    for start in range(files):
        # made anew for each file: deltalake does not bear slices of nested columns
        table = pa.Table.from_pylist(ordered[start::files], schema=SCHEMA)
        properties = WriterProperties(max_row_group_size=12)
        write_deltalake(str(folder), table, mode="append", writer_properties=properties)


def upload(folder: Path, s3_endpoint: str) -> None:
    """Put a table into the bucket of the service, open to everyone."""
    import boto3

    s3 = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    s3.create_bucket(Bucket=BUCKET, ACL="public-read")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = f"{PREFIX}/{path.relative_to(folder).as_posix()}"
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), ACL="public-read")
