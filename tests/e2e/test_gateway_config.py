# SPDX-License-Identifier: Apache-2.0
"""gateway.conf: its options, its mistakes, what a running gateway takes over from a new one, and the
socket and the messages of a service manager."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from gateway import FAR_S, GATEWAY, Gateway, run
from harness import check_sanitizers, main, wait_for


class ConfigTest(unittest.TestCase):
    """A folder with the buckets `photos` and `docs`, and with the gateway's state."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="thumbq-e2e-"))
        self.addCleanup(shutil.rmtree, self.root)
        for name in ("photos", "docs", "Meine Bilder"):
            (self.root / "buckets" / name).mkdir(parents=True)
        self.key = json.loads(run(self.root, "key", "create", "--rights", "read,write", "--json"))
        self.config = self.root / "buckets/.thumbq-gateway/gateway.conf"

    def start(self, text=None):
        if text is not None:
            self.config.write_text(text)
        gateway = Gateway(self.root)
        self.addCleanup(gateway.close)
        return gateway

    def fails(self, text, *words):
        """Returns the messages of a gateway that this configuration ends with status 2."""
        self.config.write_text(text)
        result = subprocess.run([GATEWAY, "gateway", "--root", self.root / "buckets", *words],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=FAR_S, check=False)
        check_sanitizers(result.stderr)
        self.assertEqual(result.returncode, 2, result.stderr)
        return result.stderr

    def reload(self, gateway, text, expected):
        """Writes a new configuration, and waits for `expected` in the log."""
        self.config.write_text(text)
        before = len(gateway.text())
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: expected in gateway.text()[before:], expected, gateway.text)

    def url(self, gateway, *words):
        return run(self.root, "sign", "--url", gateway.url, *words).strip()

    def request(self, url, body=None):
        """Status and body of the answer."""
        request = urllib.request.Request(url, data=body, method="GET" if body is None else "PUT")
        try:
            with urllib.request.urlopen(request, timeout=FAR_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


class Options(ConfigTest):

    def test_defaults(self):
        """All options are printed with their defaults, and what is printed can be read."""
        text = run(self.root, "gateway", "--print-config")
        options = dict(re.findall(r"(?m)^(\w+) = (.*)$", text))
        self.assertEqual(options.pop("root"), str(self.root / "buckets"))
        self.assertEqual(options, {
            "listen": "127.0.0.1:8333", "public": "none", "cors": "none",
            "tls_certificate": "", "tls_key": "",
            "access_log": "combined", "max_connections": "1000",
            "max_connections_per_address": "64", "header_deadline": "10s", "idle": "1m",
            "body_rate": "1K", "max_put_size": "5G", "max_buckets": "1000"})
        self.config.write_text(text)
        self.assertEqual(run(self.root, "gateway", "--print-config"), text)

    def test_mistakes(self):
        for text, reason in (
                ("[gatewy]\n", "gateway.conf:1: unknown section 'gatewy'; did you mean 'gateway'?"),
                ("[gateway]\nlisten_at = x\n", "gateway.conf:2: unknown key 'listen_at'"),
                ("[gateway]\n\nmax_connections = 0\n", "gateway.conf:3: max_connections: '0' is not"),
                ("[gateway]\nheader_deadline = soon\n", "gateway.conf:2: header_deadline: "),
                ("[gateway]\naccess_log = jsn\n", "access_log: unknown value 'jsn'; did you mean 'json'?"),
                ("[gateway]\nmax_put_size = 6G\n", "max_put_size: '6G' is not between"),
                ("[gateway]\npublic = all\n", "public: write none, or read and BUCKET/PREFIX"),
                ("[gateway]\npublic = read photos\n", "public: write none, or read"),
                ("[gateway]\ncors = https://a.example/\n", "cors: 'https://a.example/' is no origin"),
                ("[gateway]\ncors = https://a.example:443\n", "is no origin"),
                ("[gateway]\ncors = https://A.example\n", "is no origin"),
                ("[gateway]\ncors = a.example\n", "cors: 'a.example' is no origin"),
                ("[gateway]\ncors = https://a.example;*\n", "cors: '*' is no origin"),
                ("[gateway]\ncors = https://a.example;null\n", "cors: 'null' is no origin"),
                ("[gateway]\ntls_key = key.pem\n", "only one of tls_certificate and tls_key"),
                ("[gateway]\n[gateway]\n", "gateway.conf:2: there are two sections [gateway]"),
                ("[bucket pictures]\n", "gateway.conf:1: [bucket pictures] has no 'path'"),
                ("[plan a]\nrate = -1\n", "gateway.conf:1: [plan a] rate: "),
                ("[plan a]\nquota = 10 per year\n", "gateway.conf:1: [plan a] quota: '10 per year'"),
                ("[plan a]\nquota = 0 per day\n", "gateway.conf:1: [plan a] quota: '0 per day'")):
            with self.subTest(text):
                self.assertIn(reason, self.fails(text))
        self.config.unlink()
        self.config.symlink_to("/etc/passwd")
        self.assertIn("symbolic link", run(self.root, "gateway", status=2))

    def test_others_may_not_write(self):
        self.config.write_text("[gateway]\n")
        self.config.chmod(0o666)
        self.assertIn("gateway.conf", run(self.root, "gateway", status=2))

    def test_fragments(self):
        """conf.d of the state folder; a section that is there already is named with both files."""
        self.config.write_text("[gateway]\nmax_connections = 7\n")
        folder = self.config.parent / "conf.d"
        folder.mkdir(mode=0o700)
        (folder / "10-plan.conf").write_text("[plan basic]\nrate = 5\n")
        text = run(self.root, "gateway", "--print-config")
        self.assertIn("max_connections = 7\n", text)
        self.assertRegex(text, r"# from .*10-plan\.conf\n\[plan basic\]\n")
        (folder / "20-twice.conf").write_text("[gateway]\n")
        self.assertRegex(run(self.root, "gateway", status=2),
                         r"20-twice\.conf:1: there are two sections \[gateway\]; .*gateway\.conf")

    def test_named_buckets(self):
        """A folder whose name is not legal gets a name; a path is relative to the file."""
        gateway = self.start("[bucket pictures]\npath = ../Meine Bilder\n")
        self.assertEqual(self.request(self.url(gateway, "--put", "pictures/a.txt"), b"hello")[0], 200)
        self.assertEqual((self.root / "buckets/Meine Bilder/a.txt").read_bytes(), b"hello")
        self.assertEqual(self.request(f"{gateway.url}/readyz"), (200, b"ok\n"))
        (self.root / "buckets/Meine Bilder").rename(self.root / "gone")
        self.assertEqual(self.request(f"{gateway.url}/readyz"), (503, b"a bucket is missing\n"))
        self.assertEqual(self.request(f"{gateway.url}/healthz"), (200, b"ok\n"))
        (self.root / "gone").rename(self.root / "buckets/Meine Bilder")
        self.assertEqual(self.request(f"{gateway.url}/readyz"), (200, b"ok\n"))

    def test_broken_keys(self):
        """/readyz says 503 as long as the keys cannot be read, and the log says why, once."""
        gateway = self.start()
        keys, good = self.config.parent / "keys.json", self.root / "good.json"
        keys.rename(good)
        keys.write_text("{")
        keys.chmod(0o600)
        for _ in range(3):
            self.assertEqual(self.request(f"{gateway.url}/readyz"),
                             (503, b"the keys cannot be read\n"))
        self.assertEqual(gateway.text().count("the keys stay what they were"), 1)
        good.rename(keys)
        self.assertEqual(self.request(f"{gateway.url}/readyz"), (200, b"ok\n"))
        keys.unlink()
        self.assertEqual(self.request(f"{gateway.url}/readyz"), (200, b"ok\n"))

    def test_size(self):
        gateway = self.start("[gateway]\nmax_put_size = 4\n")
        url = self.url(gateway, "--put", "photos/a")
        self.assertEqual(self.request(url, b"1234")[0], 200)
        status, body = self.request(url, b"12345")
        self.assertEqual(status, 400)
        self.assertIn(b"<Code>EntityTooLarge</Code>", body)
        self.assertEqual((self.root / "buckets/photos/a").read_bytes(), b"1234")

    def test_connections(self):
        """Connections over the limit of an address are closed; with one less there is an answer."""
        gateway = self.start("[gateway]\nmax_connections_per_address = 2\n")
        held = [socket.create_connection(("127.0.0.1", gateway.port), FAR_S) for _ in range(2)]
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))
        with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as third:
            try:
                third.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(third.recv(100), b"")
            except ConnectionError:
                pass
        held[0].close()

        def is_served():
            try:
                return self.request(f"{gateway.url}/healthz")[0] == 200
            except OSError:
                return False

        wait_for(is_served, "a connection is free")
        held[1].close()

    def test_header_deadline(self):
        gateway = self.start("[gateway]\nheader_deadline = 1s\n")
        with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as slow:
            slow.sendall(b"GET /healthz HTTP/1.1\r\n")
            self.assertEqual(slow.recv(100), b"", "cut long before the default of 10 s, or ever")


class Public(ConfigTest):

    def test_only_below_the_prefix(self):
        photos = self.root / "buckets/photos"
        (photos / "web/sub").mkdir(parents=True)
        for name in ("web/a.txt", "web/sub/b.txt", "website.txt", "secret.txt"):
            (photos / name).write_text(name)
        (self.root / "buckets/docs/a.txt").write_text("docs")
        gateway = self.start("[gateway]\npublic = read photos/web/;docs/\n")
        for path, status in (("photos/web/a.txt", 200), ("photos/web/sub/b.txt", 200),
                             ("docs/a.txt", 200), ("photos/website.txt", 403),
                             ("photos/secret.txt", 403), ("photos/web", 403),
                             ("photos/web/../secret.txt", 400), ("photos/web/%2e%2e/secret.txt", 400),
                             ("photos", 403), ("photos/?list-type=2&prefix=web/", 403), ("docs", 403),
                             ("docs/?prefix=", 403), ("", 403), ("docs/a.txt?acl", 403),
                             ("docs/a.txt?response-content-type=text/html", 400),
                             ("docs/a.txt?uploadId=x", 403), ("docs/.thumbq/store", 403),
                             ("docs/nothing.txt", 404)):
            with self.subTest(path):
                # urllib would resolve the dots.
                with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
                    connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                                       .encode())
                    head = connection.makefile("rb").read().split(b"\r\n")[0]
                self.assertEqual(head.split()[1], str(status).encode())
        request = urllib.request.Request(f"{gateway.url}/photos/web/a.txt", method="HEAD")
        with urllib.request.urlopen(request, timeout=FAR_S) as answer:
            self.assertEqual(answer.headers["Content-Length"], "9")
        for method in ("PUT", "DELETE", "POST"):
            request = urllib.request.Request(f"{gateway.url}/photos/web/a.txt", data=b"x",
                                             method=method)
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request, timeout=FAR_S)
            self.assertIn(caught.exception.code, (403, 501))
            caught.exception.close()
        self.assertEqual((photos / "web/a.txt").read_text(), "web/a.txt")
        # A wrong signature is no request without one.
        self.assertEqual(self.request(f"{gateway.url}/docs/a.txt?X-Amz-Signature=1")[0] // 100, 4)
        self.reload(gateway, "[gateway]\n", "has been read again")
        self.assertEqual(self.request(f"{gateway.url}/docs/a.txt")[0], 403)


class Reload(ConfigTest):

    def test_new_and_wrong(self):
        gateway = self.start("[gateway]\nmax_put_size = 4\n")
        url = self.url(gateway, "--put", "photos/a")
        self.assertEqual(self.request(url, b"12345")[0], 400)
        self.reload(gateway, "[gateway]\nmax_put_size = 5\naccess_log = json\n", "has been read again")
        self.assertEqual(self.request(url, b"12345")[0], 200)
        wait_for(lambda: '"method":"PUT"' in gateway.text(), "the log is JSON", gateway.text)
        self.reload(gateway, "[gateway]\nmax_put_size = 6\nmax_connections = x\n",
                    "the old configuration stays in force: ")
        self.assertIn("gateway.conf:3: max_connections", gateway.text())
        self.assertEqual(self.request(url, b"123456")[0], 400, "nothing of it is in force")
        self.reload(gateway, "[gateway]\nlisten = 127.0.0.1:1\nroot = /nowhere\n",
                    "has been read again")
        # The options of the command line hold, so nothing needs a restart.
        self.assertNotIn("next start", gateway.text())

    def test_what_needs_a_start(self):
        gateway = self.start("[gateway]\n")
        self.reload(gateway, "[bucket more]\npath = ../docs\n", "served from the next start on")

    def test_requests_go_on(self):
        """A connection that is open ends with the answer to its next request, not before."""
        gateway = self.start("[gateway]\n")
        with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertNotIn(b"Connection: close", connection.recv(1000))
            self.reload(gateway, "[gateway]\n", "has been read again")
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = connection.makefile("rb").read()
            self.assertTrue(answer.startswith(b"HTTP/1.1 200"))
            self.assertIn(b"Connection: close", answer)
        self.assertEqual(self.request(f"{gateway.url}/healthz")[0], 200)

    def test_nothing_piles_up(self):
        """Servers that are replaced go, with their descriptors."""
        gateway = self.start("[gateway]\n")
        folder = Path(f"/proc/{gateway.process.pid}/fd")
        before = len(list(folder.iterdir()))
        for i in range(5):
            self.reload(gateway, f"[gateway]\nmax_connections = {i + 1}\n", "has been read again")
            self.reload(gateway, "[gateway]\nlisten\n", "stays in force")
        wait_for(lambda: len(list(folder.iterdir())) <= before, "the descriptors are closed")


class ServiceManager(ConfigTest):

    def start_service(self, listener, notify):
        """A gateway as a service manager starts it: the socket is descriptor 3."""
        log = open(self.root / "log.txt", "w+")
        self.addCleanup(log.close)
        script = 'exec 3<&"$1"; shift; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", str(listener.fileno()), GATEWAY, "gateway", "--root",
             self.root / "buckets", "--listen", "192.0.2.1:1"], stdout=log, stderr=log,
            pass_fds=[listener.fileno()], env={**os.environ, "NOTIFY_SOCKET": notify})
        self.addCleanup(process.wait, FAR_S)
        self.addCleanup(process.kill)
        return process

    def test_socket_and_messages(self):
        path = str(self.root / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
                socket.create_server(("127.0.0.1", 0)) as listener:
            manager.bind(path)
            manager.settimeout(FAR_S)
            process = self.start_service(listener, path)

            def hear(word):
                while word not in (text := manager.recv(4096).decode()):
                    pass
                return text

            hear("READY=1")
            port = listener.getsockname()[1]
            self.assertEqual(self.request(f"http://127.0.0.1:{port}/healthz"), (200, b"ok\n"))
            self.assertIn(f"http://127.0.0.1:{port}", (self.root / "log.txt").read_text())
            process.send_signal(signal.SIGHUP)
            hear("RELOADING=1")
            hear("READY=1")
            process.send_signal(signal.SIGTERM)
            hear("STOPPING=1")
            self.assertEqual(process.wait(FAR_S), 0)

    def test_no_listening_socket(self):
        with socket.socket() as other:
            process = self.start_service(other, "")
            self.assertEqual(process.wait(FAR_S), 2)
            self.assertIn("one stream socket", (self.root / "log.txt").read_text())


if __name__ == "__main__":
    main()
