# SPDX-License-Identifier: Apache-2.0
"""Gateways that are killed in the middle of requests: nothing half appears, requests can be sent
again, and the leftovers go."""

import hashlib
import os
import signal
import threading
import unittest

from gateway import FAR_S, BotoCoreError, ClientError, Gateway, S3Test, boto3
from harness import main, wait_for
from test_gateway_config import ConfigTest

# The kernel kills the gateway when it makes one of these calls (tests/support/refuse_calls.c). The
# value of the mark of a folder has one byte; AT_REMOVEDIR is 512.
AT_RENAME = "renameat,renameat2"
AT_MARK = "fsetxattr:3=1"
AT_RMDIR = "unlinkat:2=512"
# The description of a multipart upload is made.
AT_ABOUT = f"openat:2={os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC}"
PART = os.urandom(5 << 20)


def body_of(key, version):
    """A body that tells its key and its version, of a length of its own."""
    line = f"{key} {version}\n".encode()
    return line * (1 + int(hashlib.md5(line).hexdigest(), 16) % 20_000)


class KilledTest(ConfigTest):
    """A bucket whose gateways are killed."""

    def setUp(self):
        super().setUp()
        self.photos = self.root / "buckets/photos"
        self.uploads = self.photos / ".thumbq-uploads"
        self.s3 = None

    def serve(self, *calls):
        """Starts a gateway; with `calls` one that dies of them."""
        under = [os.environ["REFUSE_CALLS"], "kill", ",".join(calls)] if calls else []
        gateway = Gateway(self.root, under=under)
        self.addCleanup(gateway.log.close)
        self.addCleanup(gateway.process.wait, FAR_S)
        self.addCleanup(gateway.process.kill)
        self.s3 = S3Test.client(self.key, gateway=gateway, read_timeout=FAR_S)
        return gateway

    def die(self, calls, request):
        """Sends a request to a gateway that dies of it, and starts another gateway."""
        gateway = self.serve(calls)
        with self.assertRaises(BotoCoreError):
            request()
        self.assertEqual(gateway.process.wait(FAR_S), -signal.SIGSYS, gateway.text())
        return self.serve()

    def put(self, key, body=b"new", **options):
        return self.s3.put_object(Bucket="photos", Key=key, Body=body, **options)

    def get(self, key):
        return self.s3.get_object(Bucket="photos", Key=key)["Body"].read()

    def missing(self, key):
        with self.assertRaises(ClientError) as caught:
            self.s3.head_object(Bucket="photos", Key=key)
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 404)

    def pages(self, **options):
        return self.s3.get_paginator("list_objects_v2").paginate(Bucket="photos", **options)

    def keys(self):
        """All keys of the bucket. Common prefixes have to be those of the keys, at each depth."""
        keys = [one["Key"] for page in self.pages() for one in page.get("Contents", [])]
        waiting = [""]
        while waiting:
            prefix = waiting.pop()
            below = [key[len(prefix):] for key in keys if key.startswith(prefix)]
            expected = {prefix + rest.partition("/")[0] + "/" for rest in below if "/" in rest}
            found = {one["Prefix"] for page in self.pages(Prefix=prefix, Delimiter="/")
                     for one in page.get("CommonPrefixes", [])}
            self.assertEqual(found, expected, prefix)
            waiting += found
        return keys

    def sweep(self):
        """Makes all leftovers old. The next gateway removes them."""
        for path in [*self.uploads.glob("*/*"), *self.uploads.iterdir()]:
            os.utime(path, (0, 0))
        self.serve()
        wait_for(lambda: not list(self.uploads.iterdir()), "the sweep has removed all leftovers")


@unittest.skipUnless(boto3, "needs python3-boto3")
class Killed(KilledTest):

    def test_put(self):
        self.die(AT_RENAME, lambda: self.put("a/b/c", b"1"))
        self.assertEqual(self.keys(), [])
        for key in ("a/b/c", "a/", "a/b/"):
            self.missing(key)
        self.assertEqual(len(list(self.uploads.iterdir())), 1)
        self.put("a/b/c", b"2")
        self.assertEqual((self.keys(), self.get("a/b/c")), (["a/b/c"], b"2"))
        # The folders of the killed gateway go with the last object, too.
        self.s3.delete_object(Bucket="photos", Key="a/b/c")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])
        self.sweep()

    def test_folder_without_mark(self):
        """Nothing tells a folder that has no mark yet from one of another program."""
        self.die(AT_MARK, lambda: self.put("a/b/c", b"1"))
        self.assertEqual(self.keys(), ["a/"])
        self.put("a/b/c", b"2")
        self.s3.delete_object(Bucket="photos", Key="a/b/c")
        self.assertEqual(self.keys(), ["a/"])
        self.s3.delete_object(Bucket="photos", Key="a/")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])

    def test_folders_that_no_put_needs_again(self):
        """A client that gives up deletes the key, and the folders go."""
        self.die(AT_RENAME, lambda: self.put("a/b/c"))
        self.s3.delete_object(Bucket="photos", Key="a/b/c")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])

    def test_folders_of_others(self):
        """A folder of another program stays a key, whatever a killed gateway has left in it."""
        (self.photos / "theirs").mkdir()
        self.die(AT_RENAME, lambda: self.put("theirs/ours/c"))
        self.assertEqual(self.keys(), ["theirs/"])
        self.missing("theirs/ours/")
        self.s3.delete_object(Bucket="photos", Key="theirs/ours/c")
        self.assertEqual(os.listdir(self.photos / "theirs"), [])

    def test_put_over_an_object(self):
        (self.photos / "a").write_bytes(b"0")
        self.die(AT_RENAME, lambda: self.put("a", b"1", Metadata={"x": "y"}))
        self.assertEqual((self.keys(), self.get("a")), (["a"], b"0"))
        self.assertEqual(self.s3.head_object(Bucket="photos", Key="a")["Metadata"], {})

    def test_key_that_is_a_folder(self):
        """A client makes the key `dir/` where a killed gateway has left the folder."""
        self.die(AT_RENAME, lambda: self.put("dir/x"))
        # Older clients have no parameter for the condition.
        self.s3.meta.events.register("before-sign.s3.PutObject", lambda request, **_:
                                     request.headers.add_header("If-None-Match", "*"))
        self.put("dir/", b"")
        self.assertEqual(self.keys(), ["dir/"])

    def test_copy(self):
        (self.photos / "source").write_bytes(PART)
        copy = {"Bucket": "photos", "Key": "a/copy", "CopySource": "photos/source"}
        self.die(AT_RENAME, lambda: self.s3.copy_object(**copy))
        self.assertEqual(self.keys(), ["source"])
        self.s3.copy_object(**copy)
        self.assertEqual(self.get("a/copy"), PART)

    def test_multipart(self):
        self.serve()
        named = {"Bucket": "photos", "Key": "m/x"}
        named["UploadId"] = self.s3.create_multipart_upload(**named)["UploadId"]

        def upload(number, body):
            return {"PartNumber": number, "ETag": self.s3.upload_part(
                PartNumber=number, Body=body, **named)["ETag"]}

        def complete(parts):
            return self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)
        parts = [upload(1, PART)]
        self.die(AT_RENAME, lambda: upload(2, b"end"))
        self.assertEqual([one["PartNumber"] for one in self.s3.list_parts(**named)["Parts"]], [1])
        parts.append(upload(2, b"end"))
        self.die(AT_RENAME, lambda: complete(parts))
        self.assertEqual(self.keys(), [])
        self.assertEqual(len(self.s3.list_parts(**named)["Parts"]), 2)
        # The object is in place, and the upload has not ended.
        self.die("unlinkat", lambda: complete(parts))
        self.assertEqual((self.keys(), self.get("m/x")), (["m/x"], PART + b"end"))
        # The upload has ended, and its files are there.
        self.die(AT_RMDIR, lambda: complete(parts))
        self.assertEqual((self.keys(), self.get("m/x")), (["m/x"], PART + b"end"))
        self.assertRegex(complete(parts)["ETag"], '-2"$')
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket="photos"))
        self.sweep()
        self.assertEqual(self.get("m/x"), PART + b"end")

    def test_begun_multipart(self):
        self.die(AT_ABOUT, lambda: self.s3.create_multipart_upload(Bucket="photos", Key="m"))
        self.assertNotIn("Uploads", self.s3.list_multipart_uploads(Bucket="photos"))
        self.sweep()

    def test_delete_many(self):
        many = {"Objects": [{"Key": "a/x"}, {"Key": "b/x"}, {"Key": "c"}]}
        self.serve()
        for one in many["Objects"]:
            self.put(one["Key"])
        self.die("unlinkat", lambda: self.s3.delete_objects(Bucket="photos", Delete=many))
        self.assertEqual(self.keys(), ["a/x", "b/x", "c"])
        # The first object is gone, and its folder is not.
        self.die(AT_RMDIR, lambda: self.s3.delete_objects(Bucket="photos", Delete=many))
        self.assertEqual(os.listdir(self.photos / "a"), [])
        self.assertEqual(self.keys(), ["b/x", "c"])
        answer = self.s3.delete_objects(Bucket="photos", Delete=many)
        self.assertEqual(len(answer["Deleted"]), 3)
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])

    def test_get(self):
        (self.photos / "large").write_bytes(bytes(20 << 20))
        self.die("sendfile", lambda: self.get("large"))
        self.assertEqual(len(self.get("large")), 20 << 20)


@unittest.skipUnless(boto3, "needs python3-boto3")
class UnderLoad(KilledTest):

    def setUp(self):
        super().setUp()
        self.done = 0
        # Key -> versions that it may have: those of answered requests, and of the one that was
        # cut. None: there is no object.
        self.allowed = {}

    def work(self, s3, name):
        """Writes, copies and deletes until the gateway is gone."""
        own = [f"{name}/{i}/x" for i in range(4)]
        for version in range(1_000_000):
            key = own[version % len(own)]
            source = own[(version + 1) % len(own)]
            kind = version % 7
            if kind == 5:
                new, call = None, lambda: s3.delete_object(Bucket="photos", Key=key)
            elif kind == 6 and self.allowed.get(source, [None]) != [None]:
                new = self.allowed[source][0]
                call = lambda: s3.copy_object(Bucket="photos", Key=key,  # noqa: E731
                                              CopySource=f"photos/{source}")
            elif kind == 4:
                new, call = (key, version), lambda: self.in_parts(s3, key, version)
            else:
                new, call = (key, version), lambda: s3.put_object(
                    Bucket="photos", Key=key, Body=body_of(key, version))
            self.allowed[key] = [*self.allowed.get(key, [None]), new]
            try:
                call()
            except BotoCoreError:
                return
            self.allowed[key] = [new]
            self.done += 1

    def in_parts(self, s3, key, version):
        named = {"Bucket": "photos", "Key": key}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        etag = s3.upload_part(PartNumber=1, Body=body_of(key, version), **named)["ETag"]
        s3.complete_multipart_upload(
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **named)

    def test_load(self):
        for _ in range(4):
            gateway = self.serve()
            clients = [S3Test.client(self.key, gateway=gateway, read_timeout=FAR_S)
                       for _ in range(6)]
            threads = [threading.Thread(target=self.work, args=(s3, f"worker-{i}"))
                       for i, s3 in enumerate(clients)]
            enough = self.done + 150
            for thread in threads:
                thread.start()
            wait_for(lambda: self.done >= enough, "requests have been answered", gateway.text)
            gateway.process.kill()
            for thread in threads:
                thread.join()
            self.serve()
            self.check()
        self.sweep()
        self.check()

    def check(self):
        """Each object is whole and of an allowed version. Then that one is the only one."""
        # The kill may leave a folder without its mark, which is a key.
        keys = [key for key in self.keys() if not key.endswith("/")]
        self.assertEqual(set(keys) - set(self.allowed), set())
        for key, versions in self.allowed.items():
            bodies = {None if one is None else body_of(*one): one for one in versions}
            found = self.get(key) if key in keys else None
            self.assertIn(found, bodies, key)
            self.allowed[key] = [bodies[found]]


if __name__ == "__main__":
    main()
