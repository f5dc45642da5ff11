# SPDX-License-Identifier: Apache-2.0
"""/metrics: the access to it, the counts, those of the daemons, and the form of the text."""

import json
import re
import socket
import urllib.error
import urllib.request

from gateway import FAR_S, run
from harness import Daemon, RED, main, png, wait_for
from test_gateway_config import ConfigTest

SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"')
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def parse(text):
    """The samples of a text in Prometheus's format, {(name, labels): value}; AssertionError if a
    rule of the format is broken."""
    samples, types, family, done = {}, {}, None, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            assert kind in ("HELP", "TYPE"), line
            if kind == "HELP":
                assert name not in done, f"{name} is there twice"
                done.add(name)
                family = name
            else:
                assert name == family and rest in TYPES and name not in types, line
                types[name] = rest
            continue
        found = SAMPLE.match(line)
        assert found, line
        name = found[1]
        base = re.sub(r"_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
        assert base == family, f"{line} stands below {family}"
        key = name, frozenset(LABEL.findall(found[2] or ""))
        assert key not in samples, f"{line} is there twice"
        samples[key] = float(found[3])
    check_histograms(samples, types)
    return samples


def check_histograms(samples, types):
    """Buckets do not decrease, and the last one is the count."""
    rows = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and types.get(name[:-7]) == "histogram":
            others = frozenset(label for label in labels if label[0] != "le")
            rows.setdefault((name[:-7], others), []).append((float(dict(labels)["le"]), value))
    for (name, labels), row in rows.items():
        values = [value for _, value in sorted(row)]
        assert values == sorted(values), name
        assert values[-1] == samples[f"{name}_count", labels], name
        assert (f"{name}_sum", labels) in samples, name


class Metrics(ConfigTest):

    def setUp(self):
        super().setUp()
        self.token = json.loads(run(self.root, "key", "create", "--json"))["token"]

    def ask(self, gateway, headers=None):
        """Status, type and text of the answer."""
        request = urllib.request.Request(f"{gateway.url}/metrics", headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=FAR_S) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Content-Type"], error.read().decode()

    def samples(self, gateway):
        status, kind, text = self.ask(gateway, {"Authorization": f"Bearer {self.token}"})
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), text)
        return parse(text)

    @staticmethod
    def value(samples, name, **labels):
        return samples.get((f"thumbq_gateway_{name}", frozenset(labels.items())))

    def test_access(self):
        gateway = self.start()
        limited = [json.loads(run(self.root, "key", "create", "--json", *words))["token"]
                   for words in (("--bucket", "photos"), ("--prefix", "a/"), ("--rights", "write"))]
        revoked = json.loads(run(self.root, "key", "create", "--json"))
        run(self.root, "key", "revoke", revoked["id"])
        for headers, status in (({}, 401), ({"Authorization": "Bearer x"}, 401),
                                ({"Authorization": f"Bearer {revoked['token']}"}, 401),
                                ({"Authorization": f"Bearer {self.key['secret']}"}, 401),
                                ({"x-api-key": self.token}, 200),
                                ({"Authorization": f"bearer {self.token}"}, 200),
                                *(({"x-api-key": token}, 403) for token in limited)):
            with self.subTest(headers):
                found, kind, text = self.ask(gateway, headers)
                self.assertEqual(found, status, text)
                if status != 200:
                    self.assertEqual(kind, "application/problem+json")
                    self.assertEqual(json.loads(text)["status"], status)
        self.assertNotIn(self.token, gateway.text())

    def test_body(self):
        """A body of a request for a page is read, and does no harm."""
        gateway = self.start()
        for path in ("metrics", "healthz", "readyz"):
            request = urllib.request.Request(f"{gateway.url}/{path}", data=b"x" * 100000, method="GET",
                                             headers={"x-api-key": self.token})
            with urllib.request.urlopen(request, timeout=FAR_S) as answer:
                self.assertEqual(answer.status, 200)
        self.assertIsNone(gateway.process.poll())

    def test_counts(self):
        gateway = self.start()
        url = self.url(gateway, "--put", "photos/a")
        for body in (b"hello", b"again"):
            self.assertEqual(self.request(url, body)[0], 200)
        self.assertEqual(self.request(self.url(gateway, "photos/a"))[0], 200)
        self.assertEqual(self.request(self.url(gateway, "photos/b"))[0], 404)
        self.assertEqual(self.request(f"{gateway.url}/healthz")[0], 200)
        self.assertEqual(self.request(f"{gateway.url}/photos/a")[0], 403)

        rows = (("PutObject", "200", 2), ("GetObject", "200", 1), ("GetObject", "404", 1),
                ("Health", "200", 1), ("GetObject", "403", 1))

        def counts(found):
            return tuple((operation, status, self.value(found, "requests_total", operation=operation,
                                                        status=status))
                         for operation, status, _n in rows)

        def are_counted():
            found = self.samples(gateway)
            running = self.value(found, "running_requests")
            return found if counts(found) == rows and running == 1 else None

        # An exchange is counted when its answer has been sent, which is after the client has it.
        found = wait_for(are_counted, "all requests are counted, and have ended", gateway.text)
        self.assertEqual(self.value(found, "received_bytes_total", operation="PutObject"), 10)
        self.assertEqual(self.value(found, "request_duration_seconds_count", operation="PutObject"), 2)
        self.assertEqual(self.value(found, "buckets"), 2)
        self.assertEqual(self.value(found, "keys"), 2)
        self.assertGreaterEqual(self.value(found, "connections"), 1)
        self.assertGreater(self.value(found, "resident_memory_bytes"), 1_000_000)

    def test_daemons(self):
        """Two daemons: each metric has one head, and a sample for each bucket."""
        paths = [self.root / "buckets" / name for name in ("photos", "docs")]
        daemons = []
        for path in paths:
            (path / "a.png").write_bytes(png(20, 20, RED))
            daemon = Daemon([str(path)], self.root / f"{path.name}.log")
            self.addCleanup(daemon.process.wait)
            self.addCleanup(daemon.process.kill)
            daemons.append(daemon)
        labels = [frozenset({("bucket", str(path)), ("state", "done")}) for path in paths]
        gateway = self.start()

        def are_done():
            found = self.samples(gateway)
            return all(found.get(("thumbq_objects", label)) == 1 for label in labels)

        wait_for(are_done, "both daemons count their picture", daemons[0].log)
        daemons[0].process.kill()
        daemons[0].process.wait(FAR_S)
        wait_for(lambda: ("thumbq_objects", labels[0]) not in self.samples(gateway),
                 "a daemon that is gone is left out")
        self.assertEqual(self.samples(gateway)["thumbq_objects", labels[1]], 1)

    def test_plan(self):
        """A request for metrics counts under the plan of its key."""
        self.config.write_text("[plan three]\nquota = 3 per month\n")
        key = json.loads(run(self.root, "key", "create", "--plan", "three", "--json"))
        gateway = self.start()
        headers = {"x-api-key": key["token"]}
        self.assertEqual([self.ask(gateway, headers)[0] for _ in range(4)], [200] * 3 + [429])
        self.assertEqual(self.value(self.samples(gateway), "throttled_requests_total",
                                    reason="quota"), 1)
        self.reload(gateway, "[gateway]\n", "has been read again")
        self.assertEqual(self.ask(gateway, headers)[0], 403)

    def test_silent_daemons(self):
        """Requests for metrics that wait for daemons leave threads for others."""
        sockets = []
        for name in ("photos", "docs"):
            folder = self.root / "buckets" / name / ".thumbq"
            folder.mkdir(mode=0o700)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.addCleanup(listener.close)
            listener.bind(str(folder / "query.sock"))
            listener.listen(64)
            sockets.append(listener)
        gateway = self.start()
        address = "127.0.0.1", gateway.port
        question = (f"GET /metrics HTTP/1.1\r\nHost: a\r\nx-api-key: {self.token}\r\n"
                    "Connection: close\r\n\r\n").encode()
        waiting = [socket.create_connection(address, FAR_S) for _ in range(12)]
        for connection in waiting:
            self.addCleanup(connection.close)
            connection.sendall(question)
        answers = [connection.makefile("rb").readline().split()[1] for connection in waiting]
        self.assertEqual(set(answers), {b"200", b"503"})
        for listener in sockets:
            listener.close()
        wait_for(lambda: self.ask(gateway, {"x-api-key": self.token})[0] == 200, "it is answered again")

    def test_cut_before_the_head(self):
        """A connection that ends within its head is counted with status 0."""
        gateway = self.start()
        with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
            connection.sendall(b"GET /photos/a HTTP/1.1\r\nHost")
        wait_for(lambda: self.value(self.samples(gateway), "requests_total", operation="Unknown",
                                    status="0"), "it is counted")


if __name__ == "__main__":
    main()
