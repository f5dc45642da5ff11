# SPDX-License-Identifier: Apache-2.0
"""`thumbq run --listen`: a gateway beside the daemon, as its child."""

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

from gateway import FAR_S
from harness import E2ETest, RED, THUMBQ, check_sanitizers, is_alive, main, png, wait_for


class Run(E2ETest):

    def setUp(self):
        super().setUp()
        self.environment = {**os.environ, "XDG_STATE_HOME": os.fspath(self.bucket.root / "state")}
        self.log = self.bucket.root / "run.log"

    def start(self, *words, **options):
        log = open(self.log, "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([THUMBQ, "run", *words, self.bucket.path], stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, env=self.environment, **options)
        self.addCleanup(process.wait, FAR_S)
        self.addCleanup(process.kill)
        return process

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_url(self):
        return wait_for(lambda: re.search(r"serving 1 buckets at (http://\S+)", self.text()),
                        "the gateway listens", self.text)[1]

    def gateway_pid(self, process):
        """The child that is the gateway; None: there is none."""
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            for pid in (task / "children").read_text().split():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if b"thumbq-gateway" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        return int(pid)
        return None

    def command(self, *words):
        return subprocess.run([THUMBQ, *words], env=self.environment, check=True, text=True,
                              stdout=subprocess.PIPE, timeout=FAR_S).stdout

    def test_upload_becomes_thumbnail(self):
        process = self.start("--listen", "127.0.0.1:0")
        url = self.wait_url()
        key = json.loads(self.command("key", "create", "--rights", "read,write", "--json"))
        self.assertIn(key["id"], self.command("key", "list"))
        name = self.bucket.path.name
        signed = self.command("sign", "--put", "--url", url, f"{name}/a.png").strip()
        urllib.request.urlopen(urllib.request.Request(signed, data=png(20, 20, RED), method="PUT"),
                               timeout=FAR_S).close()
        wait_for(self.bucket.small("a.png").exists, "a thumbnail", self.text)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(FAR_S), 0, self.text())
        check_sanitizers(self.text())
        host, port = url.removeprefix("http://").split(":")
        with self.assertRaises(OSError):
            socket.create_connection((host, int(port)), FAR_S)

    def test_interrupt(self):
        """Ctrl-C goes to both processes, and cuts no upload."""
        self.assertEqual(self.upload_across(lambda process: None), 0, self.text())

    def test_daemon_that_dies_after_an_interrupt(self):
        """The end of the daemon is no second signal, which would cut the upload."""
        self.assertEqual(self.upload_across(lambda process: process.kill()), -signal.SIGKILL)

    def upload_across(self, end):
        """Uploads an object while both processes get SIGINT and `end` does more to the daemon. Returns
        the exit status of the daemon."""
        process = self.start("--listen", "127.0.0.1:0", start_new_session=True)
        url = self.wait_url()
        self.command("key", "create", "--rights", "read,write", "--json")
        name = self.bucket.path.name
        signed = self.command("sign", "--put", "--url", url, f"{name}/a.txt").strip()
        wait_for(lambda: "watching" in self.text(), "the daemon handles signals", self.text)
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), FAR_S) as upload:
            upload.sendall(f"PUT {signed.removeprefix(url)} HTTP/1.1\r\nHost: {host}:{port}\r\n"
                           "Content-Length: 10\r\n\r\n01234".encode())
            uploads = self.bucket.path / ".thumbq-uploads"
            wait_for(lambda: list(uploads.glob("*")), "the upload has begun", self.text)
            os.killpg(process.pid, signal.SIGINT)
            wait_for(lambda: "stopping when" in self.text(), "the gateway has the signal", self.text)
            end(process)
            wait_for(self.daemon_has_ended, "the daemon has ended", self.text)
            upload.sendall(b"56789")
            self.assertIn(b"HTTP/1.1 200", upload.makefile("rb").readline(), self.text())
        status = process.wait(FAR_S)
        self.assertEqual((self.bucket.path / "a.txt").read_bytes(), b"0123456789")
        return status

    def daemon_has_ended(self):
        """The daemon has released its lock: what follows is the end of the gateway."""
        with open(self.bucket.path / ".thumbq/lock", "rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def test_ends_with_the_daemon(self):
        """However the daemon ends."""
        process = self.start("--listen", "127.0.0.1:0")
        self.wait_url()
        pid = self.gateway_pid(process)
        process.kill()
        process.wait(FAR_S)
        wait_for(lambda: not is_alive(pid), "the gateway's end")

    def test_end_of_the_gateway(self):
        """The command says so, and thumbnails are still made."""
        process = self.start("--listen", "127.0.0.1:0")
        self.wait_url()
        os.kill(self.gateway_pid(process), signal.SIGKILL)
        wait_for(lambda: "the gateway has ended (signal 9)" in self.text(), "a warning", self.text)
        self.bucket.put("a.png", png(20, 20, RED))
        wait_for(self.bucket.small("a.png").exists, "a thumbnail", self.text)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(FAR_S), 0, self.text())

    def test_address_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            process = self.start("--listen", f"127.0.0.1:{other.getsockname()[1]}")
            wait_for(lambda: "the gateway has ended (status 74)" in self.text(), "a warning",
                     self.text)
            self.assertIn("cannot listen at", self.text())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(FAR_S), 0, self.text())

    def test_not_with_once(self):
        result = self.bucket.command("run", "--once", "--listen", "127.0.0.1:0", self.bucket.path)
        self.assertEqual(result.status, 2)
        self.assertIn("--once and --listen", result.log)


if __name__ == "__main__":
    main()
