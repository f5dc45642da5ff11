# SPDX-License-Identifier: Apache-2.0
"""Conditions of writes: what an object has to be that is replaced, made or removed."""

import re
import threading
import urllib.error
import urllib.request

from gateway import FAR_S, S3Test, boto3
from harness import main

if boto3:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials


HEADERS = {"IfMatch": "If-Match", "IfNoneMatch": "If-None-Match",
           "IfMatchSize": "x-amz-if-match-size",
           "IfMatchLastModifiedTime": "x-amz-if-match-last-modified-time"}


class Conditions(S3Test):

    def send(self, operation, conditions, **options):
        """Calls an operation with conditions as headers: older clients have no parameters for
        them."""
        def add(request, **_):
            for name, value in conditions.items():
                request.headers[HEADERS[name]] = str(value)
        self.s3.meta.events.register("before-sign.s3", add)
        try:
            return getattr(self.s3, operation)(Bucket="photos", **options)
        finally:
            self.s3.meta.events.unregister("before-sign.s3", add)

    def check(self, write):
        """Checks a write of the key "a" that has conditions: write(IfMatch=..., ...)."""
        self.assertEqual(self.refused("NoSuchKey", write, IfMatch="*"), 404)
        self.assertEqual(self.refused("NoSuchKey", write, IfMatch='"x"'), 404)
        self.assertEqual(self.keys(Prefix="a"), [])
        write(IfNoneMatch="*")
        etag = self.s3.head_object(Bucket="photos", Key="a")["ETag"]
        self.assertEqual(self.refused("PreconditionFailed", write, IfNoneMatch="*"), 412)
        self.assertEqual(self.refused("PreconditionFailed", write, IfMatch='"x"'), 412)
        write(IfMatch=etag)
        write(IfMatch="*")
        write()
        etag = self.s3.head_object(Bucket="photos", Key="a")["ETag"]
        self.assertEqual(self.refused("PreconditionFailed", write, IfNoneMatch=etag), 412)
        write(IfNoneMatch='"x"')

    def test_put(self):
        self.check(lambda **conditions: self.send("put_object", conditions, Key="a", Body=b"x"))

    def test_put_folder(self):
        def put(**conditions):
            return self.send("put_object", conditions, Key="f/", Body=b"")
        self.refused("NoSuchKey", put, IfMatch="*")
        put(IfNoneMatch="*")
        self.refused("PreconditionFailed", put, IfNoneMatch="*")
        put(IfMatch="*")

    def test_copy(self):
        self.put("source", b"x")
        self.check(lambda **conditions: self.send("copy_object", conditions, Key="a",
                                                  CopySource="photos/source"))

    def test_multipart(self):
        def write(**conditions):
            upload = self.s3.create_multipart_upload(Bucket="photos", Key="a")["UploadId"]
            etag = self.s3.upload_part(Bucket="photos", Key="a", UploadId=upload, PartNumber=1,
                                       Body=b"x")["ETag"]
            try:
                self.send("complete_multipart_upload", conditions, Key="a", UploadId=upload,
                          MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
            except Exception:
                # An upload whose condition does not hold may be completed later.
                self.s3.abort_multipart_upload(Bucket="photos", Key="a", UploadId=upload)
                raise
        self.check(write)

    def test_delete(self):
        etag = self.put("a", b"x")["ETag"]
        when = self.s3.head_object(Bucket="photos", Key="a")["ResponseMetadata"]["HTTPHeaders"][
            "last-modified"]
        early = "Sun, 06 Nov 1994 08:49:37 GMT"

        def delete(**conditions):
            return self.send("delete_object", conditions, Key="a")
        for conditions in ({"IfMatch": '"x"'}, {"IfMatchSize": 2},
                           {"IfMatchLastModifiedTime": early},
                           {"IfMatch": etag, "IfMatchSize": 2}):
            self.assertEqual(self.refused("PreconditionFailed", delete, **conditions), 412)
        self.refused("InvalidArgument", delete, IfMatchSize="x")
        self.assertEqual(self.keys(), ["a"])
        delete(IfMatch=etag, IfMatchSize=1, IfMatchLastModifiedTime=when)
        self.assertEqual(self.keys(), [])
        # An object that is not there counts as removed.
        delete(IfMatch=etag)
        self.put("a", b"x")
        delete(IfMatch="*")
        self.assertEqual(self.keys(), [])

    def delete_many(self, document):
        """Sends a document to DeleteObjects. Returns the status and the text of the answer."""
        request = AWSRequest("POST", f"{self.gateway.url}/photos?delete", data=document.encode())
        S3SigV4Auth(Credentials(self.key["id"], self.key["secret"]), "s3",
                    "us-east-1").add_auth(request)
        sent = urllib.request.Request(request.url, document.encode(), dict(request.headers))
        with urllib.request.urlopen(sent, timeout=FAR_S) as answer:
            return answer.status, answer.read().decode()

    def test_delete_many(self):
        etag = self.put("a", b"x")["ETag"]
        for key, body in (("b", b"x"), ("c", b"xy"), ("d", b"x")):
            self.put(key, body)
        status, text = self.delete_many(
            f"<Delete><Object><Key>a</Key><ETag>{etag}</ETag></Object>"
            "<Object><ETag>\"x\"</ETag><Key>b</Key></Object>"
            "<Object><Key>c</Key><Size>1</Size></Object><Object><Key>d</Key></Object></Delete>")
        self.assertEqual(status, 200)
        self.assertEqual(re.findall("<Deleted><Key>(.*?)</Key>", text), ["a", "d"])
        self.assertEqual(re.findall("<Error><Key>(.*?)</Key><Code>(.*?)</Code>", text),
                         [("b", "PreconditionFailed"), ("c", "PreconditionFailed")])
        self.assertEqual(self.keys(), ["b", "c"])

    def test_one_winner(self):
        """Of many that replace one version, one does."""
        etag = self.put("a", b"0")["ETag"]
        s3 = self.client(self.key, signature_version="s3v4")
        url = s3.generate_presigned_url("put_object", {"Bucket": "photos", "Key": "a"})
        statuses = []

        def write(i):
            request = urllib.request.Request(url, b"writer %d" % i, {
                "If-Match": etag, "Content-Type": ""}, method="PUT")
            try:
                with urllib.request.urlopen(request, timeout=FAR_S) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)
                error.close()
        threads = [threading.Thread(target=write, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [200] + 15 * [412])


if __name__ == "__main__":
    main()
