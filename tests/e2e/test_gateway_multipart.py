# SPDX-License-Identifier: Apache-2.0
"""Multipart uploads: their lists page by page, parts that are copied, and old ones."""

import base64
import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway import ClientError, Gateway, S3Test, run
from harness import main, wait_for

PART = 5 << 20
LARGE = 200 << 20


def sha256(body):
    return hashlib.sha256(body).digest()


def crc32(body):
    return zlib.crc32(body).to_bytes(4, "big")


class Multipart(S3Test):

    def begin(self, key):
        upload = self.s3.create_multipart_upload(Bucket="photos", Key=key)["UploadId"]
        self.addCleanup(self.s3.abort_multipart_upload, Bucket="photos", Key=key, UploadId=upload)
        return upload

    def uploads(self, s3=None, **options):
        """Uploads and common prefixes of all pages, and the number of the pages."""
        found, prefixes, n = [], [], 0
        for page in (s3 or self.s3).get_paginator("list_multipart_uploads").paginate(
                Bucket="photos", **options):
            n += 1
            found += [(one["Key"], one["UploadId"]) for one in page.get("Uploads", [])]
            prefixes += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        return found, prefixes, n

    def test_pages_of_uploads(self):
        keys = ["a/1", "a/2", "a/2", "a/2", "b", "c d/\u00e9", "c d/x", "z"]
        all_uploads = sorted((key, self.begin(key)) for key in keys)
        for size in (1, 2, 3, 8, 100):
            found, prefixes, n = self.uploads(PaginationConfig={"PageSize": size})
            self.assertEqual((found, prefixes), (all_uploads, []))
            self.assertEqual(n, -(-len(keys) // size))
        for size in (1, 2, 100):
            found, prefixes, _ = self.uploads(Delimiter="/", PaginationConfig={"PageSize": size})
            self.assertEqual((found, prefixes),
                             ([one for one in all_uploads if "/" not in one[0]], ["a/", "c d/"]))
        found, prefixes, _ = self.uploads(Prefix="a/2")
        self.assertEqual(found, [one for one in all_uploads if one[0] == "a/2"])
        found, prefixes, _ = self.uploads(Prefix="c", Delimiter="/")
        self.assertEqual((found, prefixes), ([], ["c d/"]))
        answer = self.s3.list_multipart_uploads(Bucket="photos", MaxUploads=2, EncodingType="url",
                                                KeyMarker="b")
        self.assertEqual((answer["MaxUploads"], answer["KeyMarker"], answer["IsTruncated"]),
                         (2, "b", True))
        self.assertEqual(answer["NextUploadIdMarker"], all_uploads[6][1])
        # A key that may see a part of the bucket sees its uploads only.
        below = self.client(json.loads(run(self.root, "key", "create", "--prefix", "c", "--json")))
        found, prefixes, _ = self.uploads(below)
        self.assertEqual(found, all_uploads[5:7])
        self.refused("InvalidArgument", self.s3.list_multipart_uploads, Bucket="photos",
                     MaxUploads=-1)

    def test_pages_of_parts(self):
        upload = self.begin("m")
        for i in range(1, 6):
            self.s3.upload_part(Bucket="photos", Key="m", UploadId=upload, PartNumber=i, Body=b"x")
        # Sent again, also in between.
        for i in (5, 2, 2):
            self.s3.upload_part(Bucket="photos", Key="m", UploadId=upload, PartNumber=i,
                                Body=os.urandom(3))
        for size in (1, 2, 5):
            pages = list(self.s3.get_paginator("list_parts").paginate(
                Bucket="photos", Key="m", UploadId=upload, PaginationConfig={"PageSize": size}))
            parts = [(one["PartNumber"], one["Size"]) for page in pages for one in page["Parts"]]
            self.assertEqual(parts, [(1, 1), (2, 3), (3, 1), (4, 1), (5, 3)])

    def test_too_few_files(self):
        upload = self.begin("m")
        for call in (lambda: self.s3.list_multipart_uploads(Bucket="photos"),
                     lambda: self.s3.list_parts(Bucket="photos", Key="m", UploadId=upload)):
            call()
            pid = self.gateway.process.pid
            limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limit[1]))
            try:
                self.assertEqual(self.refused("SlowDown", call), 503)
            finally:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)

    def test_copy(self):
        body = os.urandom(PART + 1000)
        self.s3.put_object(Bucket="photos", Key="source \u00e9", Body=body)
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]

        def copy(number, **options):
            return self.s3.upload_part_copy(
                Bucket="photos", Key="m", UploadId=upload, PartNumber=number,
                CopySource={"Bucket": "photos", "Key": "source \u00e9"},
                **options)["CopyPartResult"]["ETag"]
        whole = copy(1)
        self.assertEqual(whole, f'"{hashlib.md5(body).hexdigest()}"')
        some = copy(2, CopySourceRange="bytes=10-1009")
        self.assertEqual(some, f'"{hashlib.md5(body[10:1010]).hexdigest()}"')
        for given in ("10-20", "bytes=10-", "bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "bytes=x-y"):
            self.refused("InvalidArgument", copy, 3, CopySourceRange=given)
        self.assertEqual(self.refused("InvalidRange", copy, 3,
                                      CopySourceRange=f"bytes=0-{len(body)}"), 416)
        self.refused("PreconditionFailed", copy, 3, CopySourceIfMatch='"x"')
        self.refused("InvalidArgument", copy, 10001)
        self.refused("NoSuchKey", self.s3.upload_part_copy, Bucket="photos", Key="m",
                     UploadId=upload, PartNumber=3, CopySource="photos/none")
        self.refused("NoSuchUpload", self.s3.upload_part_copy, Bucket="photos", Key="m",
                     UploadId="0" * 32, PartNumber=3, CopySource="photos/source \u00e9")
        self.s3.complete_multipart_upload(
            Bucket="photos", Key="m", UploadId=upload, MultipartUpload={"Parts": [
                {"PartNumber": 1, "ETag": whole}, {"PartNumber": 2, "ETag": some}]})
        self.assertEqual((self.photos / "m").read_bytes(), body + body[10:1010])

    def complete(self, upload, parts, key="m", s3=None, **options):
        return (s3 or self.s3).complete_multipart_upload(
            Bucket="photos", Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **options)

    def send(self, bodies, kind=None, checksum_type=None):
        """Sends the parts, the last one first. Returns the id of the upload, and the parts."""
        options = {"ChecksumAlgorithm": kind} if kind else {}
        if checksum_type:
            options["ChecksumType"] = checksum_type
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m", **options)["UploadId"]
        parts = []
        for number in range(len(bodies), 0, -1):
            answer = self.s3.upload_part(
                Bucket="photos", Key="m", UploadId=upload, PartNumber=number,
                Body=bodies[number - 1], **({"ChecksumAlgorithm": kind} if kind else {}))
            parts.insert(0, {"PartNumber": number, "ETag": answer["ETag"]})
            if kind:
                parts[0][f"Checksum{kind}"] = answer[f"Checksum{kind}"]
        return upload, parts

    def test_complete_again(self):
        """The answer was lost, and the client asks again."""
        bodies = [os.urandom(PART), b"end"]
        upload, parts = self.send(bodies)
        first = self.complete(upload, parts)
        second = self.complete(upload, parts)
        self.assertEqual((first["ETag"], first["Key"]), (second["ETag"], second["Key"]))
        self.assertEqual((self.photos / "m").read_bytes(), b"".join(bodies))
        # Other parts, another upload, another object.
        self.refused("NoSuchUpload", self.complete, upload, parts[:1])
        self.refused("NoSuchUpload", self.complete, "0" * 32, parts)
        self.refused("NoSuchUpload", self.complete, upload, parts, "n")
        self.s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/m")
        self.refused("NoSuchUpload", self.complete, upload, parts, "copy")
        self.put("m", b"new")
        self.refused("NoSuchUpload", self.complete, upload, parts)
        self.assertEqual((self.photos / "m").read_bytes(), b"new")

    def send_large(self, key):
        """An upload with one part that takes a while to join. Its file was not sent."""
        upload = self.s3.create_multipart_upload(Bucket="photos", Key=key)["UploadId"]
        with open(self.photos / ".thumbq-uploads" / upload / f"00001-{'0' * 32}", "wb") as part:
            part.truncate(LARGE)
        return upload, [{"PartNumber": 1, "ETag": "0" * 32}]

    def wait_joining(self, request, size=1):
        """Waits until the object has so many bytes, or the request has ended."""
        uploads = self.photos / ".thumbq-uploads"

        def is_joined():
            try:
                return sum(path.stat().st_size for path in uploads.glob("[!.]*")
                           if path.is_file()) >= size
            except FileNotFoundError:
                return False  # it has ended meanwhile

        wait_for(lambda: request.done() or is_joined(), "the parts are joined")

    def test_abort_during_complete(self):
        """Either the upload is aborted, or it is completed; it is never both."""
        upload, parts = self.send_large("m")
        with ThreadPoolExecutor() as pool:
            completed = pool.submit(self.complete, upload, parts)
            self.wait_joining(completed)
            try:
                self.s3.abort_multipart_upload(Bucket="photos", Key="m", UploadId=upload)
            except ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "NoSuchUpload")
                completed.result()
                self.assertTrue((self.photos / "m").exists())
            else:
                self.refused("NoSuchUpload", completed.result)
                self.assertFalse((self.photos / "m").exists())

    def test_complete_twice_at_once(self):
        """A client that sends the request again does not replace an object that is newer."""
        upload, parts = self.send_large("m")
        with ThreadPoolExecutor() as pool:
            first = pool.submit(self.complete, upload, parts)
            self.wait_joining(first, LARGE // 2)
            second = pool.submit(self.complete, upload, parts)
            first.result()
            self.put("m", b"new")
            if error := second.exception():
                self.assertEqual(error.response["Error"]["Code"], "NoSuchUpload")
        self.assertEqual((self.photos / "m").stat().st_size, len(b"new"))

    def test_part_of_object(self):
        bodies = [os.urandom(PART), os.urandom(PART), os.urandom(PART + 5), b"end"]
        self.refused("NoSuchKey", self.get, "m", PartNumber=1)
        etag = self.complete(*self.send(bodies))["ETag"]
        for number, body in enumerate(bodies, 1):
            for call in (self.get, lambda key, **options: self.s3.head_object(
                    Bucket="photos", Key=key, **options)):
                answer = call("m", PartNumber=number)
                self.assertEqual((answer["PartsCount"], answer["ETag"], answer["ContentLength"]),
                                 (4, etag, len(body)))
            self.assertEqual(self.get("m", PartNumber=number)["Body"].read(), body)
        self.refused("InvalidPart", self.get, "m", PartNumber=5)
        self.refused("InvalidArgument", self.get, "m", PartNumber=0)
        self.refused("InvalidRequest", self.get, "m", PartNumber=1, Range="bytes=0-1")
        self.put("whole", b"body")
        self.assertEqual(self.get("whole", PartNumber=1)["Body"].read(), b"body")
        self.refused("InvalidPart", self.get, "whole", PartNumber=2)
        for name in self.get("m")["ResponseMetadata"]["HTTPHeaders"]:
            self.assertFalse(name.startswith("x-thumbq"), name)

    def test_much_metadata(self):
        """The lists of parts are left out if the attribute has no room for them."""
        bodies = [os.urandom(PART), b"end"]
        metadata = {f"{i:02}": "x" * 98 for i in range(20)}
        options = {name: "y" * 180 for name in ("CacheControl", "ContentDisposition",
                                                "ContentLanguage", "ContentEncoding")}
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m", Metadata=metadata,
                                                 **options)["UploadId"]
        parts = [{"PartNumber": number, "ETag": self.s3.upload_part(
            Bucket="photos", Key="m", UploadId=upload, PartNumber=number, Body=body)["ETag"]}
            for number, body in enumerate(bodies, 1)]
        self.complete(upload, parts)
        self.assertEqual(self.s3.head_object(Bucket="photos", Key="m")["Metadata"], metadata)
        self.complete(upload, parts)
        # With more, the end of the upload would fail.
        self.refused("InvalidArgument", self.s3.create_multipart_upload, Bucket="photos", Key="m",
                     Metadata=metadata, **{name: "y" * 362 for name in options})

    def test_attributes(self):
        bodies = [os.urandom(PART), os.urandom(PART), b"end"]
        etag = self.complete(*self.send(bodies))["ETag"]
        every = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]

        def attributes(key, wanted=None, **options):
            return self.s3.get_object_attributes(Bucket="photos", Key=key,
                                                 ObjectAttributes=wanted or every, **options)
        answer = attributes("m")
        self.assertEqual((answer["ETag"], answer["ObjectSize"], answer["StorageClass"]),
                         (etag.strip('"'), 2 * PART + 3, "STANDARD"))
        self.assertEqual([(one["PartNumber"], one["Size"]) for one in
                          answer["ObjectParts"]["Parts"]], [(1, PART), (2, PART), (3, 3)])
        page = attributes("m", MaxParts=1, PartNumberMarker=1)["ObjectParts"]
        self.assertEqual(([one["PartNumber"] for one in page["Parts"]], page["IsTruncated"],
                          page["NextPartNumberMarker"], page["TotalPartsCount"]), ([2], True, 2, 3))
        self.assertNotIn("ETag", attributes("m", ["ObjectSize"]))
        self.put("whole", b"body")
        self.assertNotIn("ObjectParts", attributes("whole"))
        self.refused("NoSuchKey", attributes, "none")

    def test_checksums(self):
        """The gateway computes the checksum of the object, and compares it with the client's."""
        bodies = [os.urandom(PART), b"end"]
        whole = b"".join(bodies)
        members = self.s3.meta.service_model.operation_model(
            "CreateMultipartUpload").input_shape.members
        rows = [("SHA256", None, sha256(b"".join(map(sha256, bodies)))),
                ("CRC32", None, crc32(b"".join(map(crc32, bodies))))]
        # The boto3 of Debian 12 does not know the type of a checksum.
        if "ChecksumType" in members:
            rows += [("CRC32", "FULL_OBJECT", crc32(whole)),
                     ("SHA256", "COMPOSITE", sha256(b"".join(map(sha256, bodies))))]
        for kind, checksum_type, expected in rows:
            name = f"Checksum{kind}"
            value = base64.b64encode(expected).decode()
            if checksum_type != "FULL_OBJECT":
                value += "-2"
            upload, parts = self.send(bodies, kind, checksum_type)
            self.refused("BadDigest", self.complete, upload, parts, **{name: "AAAAAA=="})
            wrong = [{**parts[0], name: parts[1][name]}, parts[1]]
            self.refused("InvalidPart", self.complete, upload, wrong)
            answer = self.complete(upload, parts, **{name: value})
            self.assertEqual(answer[name], value)
            self.assertEqual(self.complete(upload, parts)[name], value)
            head = self.s3.head_object(Bucket="photos", Key="m", ChecksumMode="ENABLED")
            self.assertEqual(head[name], value)
            headers = head["ResponseMetadata"]["HTTPHeaders"]
            self.assertEqual(headers["x-amz-checksum-type"], checksum_type or "COMPOSITE")
            answer = self.get("m", PartNumber=2, ChecksumMode="ENABLED")
            self.assertEqual((answer[name], answer["Body"].read()), (parts[1][name], b"end"))
            found = self.s3.get_object_attributes(Bucket="photos", Key="m",
                                                  ObjectAttributes=["Checksum", "ObjectParts"])
            self.assertEqual(found["Checksum"][name], value)
            self.assertEqual([one[name] for one in found["ObjectParts"]["Parts"]],
                             [one[name] for one in parts])
            self.s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/m")
            head = self.s3.head_object(Bucket="photos", Key="copy", ChecksumMode="ENABLED")
            self.assertEqual(name in head, checksum_type == "FULL_OBJECT")

    def test_full_disk(self):
        """A part that could not be joined is not one with a wrong checksum."""
        upload, parts = self.send([os.urandom(PART), b"end"], "SHA256")
        limited = Gateway(self.root, under=["prlimit", f"--fsize={PART // 2}"], log="limited.txt")
        try:
            status = self.refused("InsufficientStorage", self.complete, upload, parts,
                                  s3=self.client(self.key, limited))
        finally:
            limited.close()
        self.assertEqual(status, 507)
        self.complete(upload, parts)

    def mount_small(self, folder):
        """Mounts a file system with room for 1 KiB of attributes of a file."""
        image = f"{folder}.img"
        self.addCleanup(subprocess.run, ["rm", "-f", image], check=True)
        try:
            for words in (["truncate", "-s", "320M", image],
                          ["mkfs.ext4", "-q", "-F", "-b", "1024", "-I", "128", image],
                          ["mount", "-o", "loop", image, folder]):
                subprocess.run(words, check=True, stderr=subprocess.PIPE)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            self.skipTest(f"small attributes are not tried: no loop device can be mounted: {error}")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=True)

    def test_small_attributes(self):
        """The lists of parts are left out if the file system has no room for them."""
        root = Path(tempfile.mkdtemp(prefix="thumbq-e2e-"))
        self.addCleanup(shutil.rmtree, root)
        (root / "buckets").mkdir()
        self.mount_small(root / "buckets")
        (root / "buckets/photos").mkdir()
        key = json.loads(run(root, "key", "create", "--rights", "read,write", "--json"))
        small = Gateway(root)
        self.addCleanup(small.close)
        s3 = self.client(key, small)
        upload = s3.create_multipart_upload(Bucket="photos", Key="m",
                                            ChecksumAlgorithm="SHA256")["UploadId"]
        parts = [{"PartNumber": i, "ETag": f"{i:032x}"} for i in range(1, 22)]
        for part in parts:
            name = f"{part['PartNumber']:05}-{part['ETag']}"
            with open(root / "buckets/photos/.thumbq-uploads" / upload / name, "wb") as file:
                file.truncate(PART)
        etag = self.complete(upload, parts, s3=s3)["ETag"]
        head = s3.head_object(Bucket="photos", Key="m", ChecksumMode="ENABLED")
        self.assertEqual((head["ETag"], head["ContentLength"]), (etag, 21 * PART))
        self.assertIn("ChecksumSHA256", head)

    def test_old_ones(self):
        """The sweep removes an upload that has got no part for a day."""
        uploads = self.photos / ".thumbq-uploads"
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]
        young = self.begin("n")
        self.s3.upload_part(Bucket="photos", Key="m", UploadId=upload, PartNumber=1, Body=b"x")
        os.utime(uploads / upload, (0, 0))
        other = Gateway(self.root)
        try:
            wait_for(lambda: not (uploads / upload).exists(), "the old upload is gone")
            self.assertTrue((uploads / young).exists())
        finally:
            other.close()


if __name__ == "__main__":
    main()
