# SPDX-License-Identifier: Apache-2.0
"""The gateway behind nginx: signatures hold, connections to the gateway are used again, and no
request hides another one."""

import contextlib
import os
import threading
import types
import unittest
from pathlib import Path

from gateway import S3Test
from harness import main, wait_for
from nginx import NGINX, NO_NGINX, proxy
from test_http import SMUGGLED, statuses, talk

LARGE = os.urandom(3_000_000)


@unittest.skipUnless(NGINX, NO_NGINX)
class Proxied(S3Test):

    def setUp(self):
        super().setUp()
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.front = stack.enter_context(proxy(self.gateway.port))
        self.s3 = self.through_nginx()

    def through_nginx(self):
        return self.client(self.key, types.SimpleNamespace(url=f"http://127.0.0.1:{self.front}"))

    def connections(self):
        """The sockets of the gateway, by inode."""
        found = set()
        for entry in Path(f"/proc/{self.gateway.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                name = os.readlink(entry)
                if name.startswith("socket:"):
                    found.add(name)
        return found

    def multipart(self):
        named = {"Bucket": "photos", "Key": "m"}
        named["UploadId"] = self.s3.create_multipart_upload(**named)["UploadId"]
        etag = self.s3.upload_part(PartNumber=1, Body=LARGE, **named)["ETag"]
        self.s3.complete_multipart_upload(
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **named)
        self.assertEqual(self.get("m")["Body"].read(), LARGE)

    def requests(self):
        """Requests of all kinds, one after another."""
        self.put("small", b"x" * 20_000)
        self.put("large", LARGE)
        self.put("empty", b"")
        self.assertEqual(self.get("small")["Body"].read(), b"x" * 20_000)
        self.assertEqual(self.get("large")["Body"].read(), LARGE)
        self.assertEqual(self.get("large", Range="bytes=5-9")["Body"].read(), LARGE[5:10])
        self.assertEqual(self.get("empty")["Body"].read(), b"")
        etag = self.s3.head_object(Bucket="photos", Key="small")["ETag"]
        self.refused(304, self.get, "small", IfNoneMatch=etag)
        self.refused("NoSuchKey", self.get, "none")
        self.refused("InvalidRange", self.get, "small", Range="bytes=30000-")
        self.refused("AccessDenied", self.put, ".thumbq/x", b"x" * 5_000)
        self.multipart()
        self.assertEqual(self.keys(), ["empty", "large", "m", "small"])
        self.s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/small")
        self.s3.delete_object(Bucket="photos", Key="copy")
        self.s3.delete_objects(Bucket="photos", Delete={"Objects": [
            {"Key": key} for key in self.keys()]})
        self.assertEqual(self.keys(), [])

    def test_one_connection(self):
        """nginx sends all requests over the connection of the first one."""
        before = self.connections()
        self.keys()
        first = self.connections()
        self.assertEqual(len(first - before), 1)
        for _ in range(5):
            self.requests()
            self.assertEqual(self.connections(), first)

    def test_clients_at_once(self):
        """Four clients at once need four connections at the most, however many requests they send."""
        before = self.connections()
        failures = []

        def work(number):
            try:
                s3, body = self.through_nginx(), bytes([number]) * 50_000
                for i in range(30):
                    named = {"Bucket": "photos", "Key": f"{number}-{i}"}
                    s3.put_object(Body=body, **named)
                    if s3.get_object(**named)["Body"].read() != body:
                        failures.append(named)
                    seen.update(self.connections() - before)
            except Exception as failure:  # pylint: disable=broad-except
                failures.append(failure)
        seen = set()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertLessEqual(len(seen), 4)

    def test_no_second_request(self):
        """A request in a request is never answered as one of another client."""
        self.put("a", b"1")

        def hidden():
            return self.gateway.text().count("GET /hidden ")
        before, answered = hidden(), 0
        for name, data in SMUGGLED.items():
            with self.subTest(name):
                answer = talk(self.front, data)
                # nginx reads some of them as two requests. The answers are refusals.
                self.assertGreaterEqual(min(statuses(answer), default=400), 400, answer)
                answered += answer.count(b"<Resource>/hidden</Resource>")
                self.assertEqual(self.get("a")["Body"].read(), b"1")
        wait_for(lambda: hidden() - before >= answered, "the log has the requests")
        self.assertEqual(hidden() - before, answered)


if __name__ == "__main__":
    main()
