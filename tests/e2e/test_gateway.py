# SPDX-License-Identifier: Apache-2.0
"""The process of the gateway: health, log, its end, and the files of a killed one."""

import os
import re
import signal
import socket
import tempfile
import unittest
import urllib.request
from pathlib import Path

from gateway import FAR_S, Gateway, S3Test, boto3, run
from harness import main, wait_for


class Running(S3Test):

    def test_health(self):
        with urllib.request.urlopen(self.gateway.url + "/healthz", timeout=FAR_S) as answer:
            self.assertEqual(answer.read(), b"ok\n")

    def test_log(self):
        self.put("logged", b"hello")
        line = wait_for(lambda: re.search(r'^127.*"PUT /photos/logged HTTP/1\.1" 200 0 .*$',
                                          self.gateway.text(), re.MULTILINE), "the log has it")
        self.assertIn(f"- {self.key['id']} [", line[0])
        self.assertNotIn(self.key["secret"], self.gateway.text())


@unittest.skipUnless(boto3, "needs python3-boto3")
class Process(unittest.TestCase):

    def test_killed(self):
        """The files of a killed gateway are no objects, and are removed after a day."""
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
            photos = Path(root, "buckets", "photos")
            photos.mkdir(parents=True)
            run(root, "key", "create", "--rights", "read,write")
            gateway = Gateway(root)
            signed = run(root, "sign", "--put", "photos/half", "--url", gateway.url).strip()
            uploads = photos / ".thumbq-uploads"
            with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
                connection.sendall(f"PUT {signed[len(gateway.url):]} HTTP/1.1\r\n"
                                   f"Host: 127.0.0.1:{gateway.port}\r\n"
                                   "Content-Length: 1000000\r\n\r\n".encode() + b"x" * 1000)
                wait_for(lambda: list(uploads.iterdir()), "the upload has begun")
                gateway.process.kill()
                gateway.process.wait(FAR_S)
                gateway.log.close()
            self.assertEqual(sorted(os.listdir(photos)), [".thumbq-uploads"])
            left = list(uploads.iterdir())[0]
            second = Gateway(root)
            second.close()
            self.assertTrue(left.exists())
            os.utime(left, (0, 0))
            third = Gateway(root)
            wait_for(lambda: not left.exists(), "the sweep has removed what was left")
            third.close()

    def test_stops_after_what_is_under_way(self):
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
            Path(root, "buckets", "photos").mkdir(parents=True)
            run(root, "key", "create", "--rights", "read,write")
            gateway = Gateway(root)
            signed = run(root, "sign", "--put", "photos/a", "--url", gateway.url).strip()
            with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
                connection.sendall(f"PUT {signed[len(gateway.url):]} HTTP/1.1\r\n"
                                   f"Host: 127.0.0.1:{gateway.port}\r\nConnection: close\r\n"
                                   "Content-Length: 6\r\n\r\n".encode() + b"hel")
                uploads = Path(root, "buckets", "photos", ".thumbq-uploads")
                wait_for(lambda: list(uploads.iterdir()), "the upload has begun")
                gateway.process.send_signal(signal.SIGTERM)

                def refuses():
                    try:
                        socket.create_connection(("127.0.0.1", gateway.port), FAR_S).close()
                        return False
                    except ConnectionRefusedError:
                        return True
                connection.sendall(b"lo!")
                self.assertIn(b" 200 ", connection.recv(4096))
                self.assertEqual(gateway.process.wait(FAR_S), 0)
                self.assertTrue(refuses())
            gateway.log.close()
            self.assertEqual(Path(root, "buckets", "photos", "a").read_bytes(), b"hello!")


if __name__ == "__main__":
    main()
