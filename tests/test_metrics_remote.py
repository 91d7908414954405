"""Tables on S3: read by pyarrow, here from a stand-in that speaks as much of S3 as is asked of it."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pytest
from pyarrow import parquet

from sentiment import metrics
from sentiment.errors import TableError


class Bucket(BaseHTTPRequestHandler):
    """``GET`` and ``HEAD`` of objects, with ranges, and the listing of keys."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        url = urlsplit(self.path)
        key = unquote(url.path).removeprefix("/bucket").removeprefix("/")
        if "list-type" in url.query:
            return self.send(200, self.listing(parse_qs(url.query).get("prefix", [""])[0]), body)
        data = self.server.objects.get(key)
        if data is None:
            return self.send(404, b"<Error><Code>NoSuchKey</Code></Error>", body)
        span = self.headers.get("Range")
        if span is None:
            return self.send(200, data, body)
        first, last = (int(x) for x in span.removeprefix("bytes=").split("-"))
        last = min(last, len(data) - 1)
        return self.send(
            206, data[first : last + 1], body, {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        )

    def send(self, code, data, body, headers=()):
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), "ETag": '"x"', **dict(headers),
                            "Last-Modified": "Mon, 02 Mar 2026 00:00:00 GMT"}.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def listing(self, prefix):
        found = "".join(
            f"<Contents><Key>{k}</Key><Size>{len(v)}</Size><LastModified>2026-03-02T00:00:00.000Z</LastModified>"
            f"</Contents>" for k, v in self.server.objects.items() if k.startswith(prefix)
        )  # fmt: skip
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()


@contextmanager
def bucket(objects):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    server.objects = objects
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"endpoint_override=127.0.0.1:{server.server_port}&scheme=http&region=us-east-1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def written(**columns):
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("key", ["2026/a.parquet", "2026/*.parquet"])
def test_parquet_on_s3_is_read_by_name_and_by_pattern(key):
    objects = {
        f"2026/{n}.parquet": written(contact_id=[n], answered=[True], transferred=[n == "a"]) for n in "ab"
    }
    with bucket(objects) as options:
        source = f"s3://key:secret@bucket/{key}?{options}"
        result = metrics.compute(["transfer_rate"], contacts=source, threads=1)
    assert result.total("transfer_rate").numerator == 1
    assert result.total("transfer_rate").n == (2 if "*" in key else 1)


def test_what_is_not_on_s3_is_refused_in_one_line():
    with bucket({}) as options, pytest.raises(TableError) as error:
        metrics.compute(["volume"], contacts=f"s3://key:secret@bucket/2026/*.parquet?{options}", threads=1)
    assert "no file fits" in str(error.value) or "cannot be read" in str(error.value)
    assert "secret" not in str(error.value)
