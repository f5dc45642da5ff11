# SPDX-License-Identifier: Apache-2.0
"""Faults around the gateway: shortage of descriptors, a broken file of keys."""

import contextlib
import http.client
import json
import os
import re
import resource
import tempfile
from pathlib import Path

from gateway import FAR_S, Gateway, S3Test, run
from harness import main


class Faults(S3Test):

    def make(self, key):
        path = self.photos / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    def limit_files(self, n):
        """Sets the limit of open files of the gateway. Returns the limit before."""
        hard = resource.prlimit(self.gateway.process.pid, resource.RLIMIT_NOFILE)[1]
        return resource.prlimit(self.gateway.process.pid, resource.RLIMIT_NOFILE, (n, hard))[0]

    def test_limit_of_files(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
            Path(root, "buckets").mkdir()
            resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] - 1, before[1]))
            try:
                gateway = Gateway(root)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            try:
                soft, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
                self.assertEqual(soft, hard)
            finally:
                gateway.close()

    def test_too_few_files(self):
        """A list that cannot be complete is an error, as is everything else."""
        deep = "d/" * 60 + "x"
        self.make(deep)
        self.put("e/y")
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]
        before = self.limit_files(len(os.listdir(f"/proc/{self.gateway.process.pid}/fd")) + 20)
        try:
            self.assertEqual(self.refused("SlowDown", self.keys), 503)
        finally:
            self.limit_files(before)
        self.assertEqual(self.keys(), [deep, "e/y"])
        # No number is free at all: nothing seems to be missing.
        requests = [("GET", "get_object", {"Key": "e/y"}), ("PUT", "put_object", {"Key": "z"}),
                    ("DELETE", "delete_object", {"Key": "e/y"}),
                    ("GET", "list_parts", {"Key": "m", "UploadId": upload}),
                    ("GET", "list_objects_v2", {})]
        with contextlib.closing(self.connect()) as connection:
            self.limit_files(3)
            try:
                for method, name, options in requests:
                    status, text = self.ask(connection, method, name, **options)
                    self.assertEqual((name, status), (name, 503), text)
                    self.assertIn(b"<Code>SlowDown</Code>", text)
            finally:
                self.limit_files(before)
        self.s3.abort_multipart_upload(Bucket="photos", Key="m", UploadId=upload)
        self.assertEqual(self.keys(), [deep, "e/y"])

    def connect(self):
        """A connection that the gateway has accepted."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=FAR_S)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        return connection

    def ask(self, connection, method, name, headers=(), **options):
        """Sends a request with a signed URL. Returns status and body of the answer."""
        s3 = self.client(self.key, signature_version="s3v4")
        url = s3.generate_presigned_url(name, {"Bucket": "photos", **options})
        connection.request(method, url[len(self.gateway.url):], headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()

    def test_documents_without_bytes(self):
        """An operation that takes a document gets none."""
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]
        self.addCleanup(self.s3.abort_multipart_upload, Bucket="photos", Key="m", UploadId=upload)
        self.assertEqual(self.refused("MalformedXML", self.s3.complete_multipart_upload,
                                      Bucket="photos", Key="m", UploadId=upload), 400)

    def test_deepest_keys(self):
        """A key of 1024 bytes has 512 components at the most."""
        deep = "d/" * 511 + "xy"
        self.make(deep)
        self.make("d/" * 512 + "x")
        self.assertEqual(self.get(deep)["Body"].read(), b"x")
        self.assertEqual(self.keys(), [deep])
        self.assertEqual(self.keys(Prefix="d/" * 400), [deep])

    def test_broken_keys(self):
        """A broken file of keys is reported once, and the keys stay what they were."""
        file = Path(self.root, "buckets", ".thumbq-gateway", "keys.json")
        good = file.read_text()

        def reports():
            return len(re.findall("the keys stay what they were", self.gateway.text()))
        before = reports()
        for i, text in enumerate(("{", "[]", "{")):
            file.write_text(text)
            for _ in range(5):
                self.s3.list_buckets()
            self.assertEqual(reports(), before + i + 1)
        file.write_text(good)
        other = json.loads(run(self.root, "key", "create", "--json"))
        self.client(other).list_buckets()
        self.assertEqual(reports(), before + 3)

    def test_tab_in_metadata(self):
        with contextlib.closing(self.connect()) as connection:
            headers = {"Content-Type": "text/x", "Cache-Control": "no-store,\tprivate"}
            status, text = self.ask(connection, "PUT", "put_object", headers, Key="a")
        self.assertEqual((status, text), (200, b""))
        head = self.s3.head_object(Bucket="photos", Key="a")
        self.assertEqual((head["ContentType"], head["CacheControl"]),
                         ("text/x", "no-store, private"))
        self.assertNotRegex(head["ETag"], "-0")


if __name__ == "__main__":
    main()
