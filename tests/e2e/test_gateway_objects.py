# SPDX-License-Identifier: Apache-2.0
"""Objects over S3: bytes, metadata, ranges, conditions, checksums, deletion and copies."""

import base64
import hashlib
import json
import os
import stat
import urllib.error
import urllib.request
import zlib

from gateway import FAR_S, ClientError, S3Test, run
from harness import main


class Objects(S3Test):

    def test_put_and_get(self):
        body = os.urandom(3_000_000)
        etag = self.put("2026/trip/dune.bin", body, ContentType="text/x", CacheControl="no-store",
                        Metadata={"mtime": "1.5", "name": "a b"})["ETag"]
        self.assertEqual(etag, f'"{hashlib.md5(body).hexdigest()}"')
        self.assertEqual((self.photos / "2026/trip/dune.bin").read_bytes(), body)
        answer = self.get("2026/trip/dune.bin")
        self.assertEqual(answer["Body"].read(), body)
        head = self.s3.head_object(Bucket="photos", Key="2026/trip/dune.bin")
        for found in (answer, head):
            self.assertEqual(found["ContentLength"], len(body))
            self.assertEqual((found["ETag"], found["ContentType"], found["CacheControl"]),
                             (etag, "text/x", "no-store"))
            self.assertEqual(found["Metadata"], {"mtime": "1.5", "name": "a b"})

    def test_empty_and_replaced(self):
        self.put("a", b"")
        self.assertEqual(self.get("a")["Body"].read(), b"")
        self.put("a", b"second")
        self.assertEqual(self.get("a")["Body"].read(), b"second")
        self.assertEqual(stat.S_IMODE((self.photos / "a").stat().st_mode) & 0o007, 0)

    def test_ranges(self):
        self.put("a", b"0123456789")
        for asked, body, part in (("bytes=2-4", b"234", "bytes 2-4/10"),
                                  ("bytes=7-", b"789", "bytes 7-9/10"),
                                  ("bytes=-3", b"789", "bytes 7-9/10"),
                                  ("bytes=0-99", b"0123456789", "bytes 0-9/10")):
            answer = self.get("a", Range=asked)
            self.assertEqual((answer["Body"].read(), answer["ContentRange"]), (body, part))
            self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 206)
        self.assertEqual(self.refused("InvalidRange", self.get, "a", Range="bytes=10-"), 416)
        self.assertEqual(self.get("a", Range="bytes=5-2")["Body"].read(), b"0123456789")

    def test_conditions(self):
        etag = self.put("a", b"x")["ETag"]
        self.assertEqual(self.refused(304, self.get, "a", IfNoneMatch=etag), 304)
        self.assertEqual(self.refused("PreconditionFailed", self.get, "a", IfMatch='"other"'), 412)
        self.assertEqual(self.get("a", IfMatch=etag)["Body"].read(), b"x")
        when = self.get("a")["LastModified"]
        self.assertEqual(self.refused(304, self.get, "a", IfModifiedSince=when), 304)
        self.assertEqual(self.get("a", IfUnmodifiedSince=when)["Body"].read(), b"x")

    def test_only_new(self):
        def put(key):
            target = self.s3.generate_presigned_url("put_object",
                                                    {"Bucket": "photos", "Key": key})
            request = urllib.request.Request(target, b"new", {"If-None-Match": "*",
                                                              "Content-Type": ""}, method="PUT")
            with urllib.request.urlopen(request, timeout=FAR_S) as answer:
                return answer.status
        self.s3 = self.client(self.key, signature_version="s3v4")
        self.assertEqual(put("a"), 200)
        with self.assertRaises(urllib.error.HTTPError) as caught:
            put("a")
        caught.exception.close()
        self.assertEqual(caught.exception.code, 412)

    def test_overrides(self):
        self.put("a", b"x")
        answer = self.get("a", ResponseContentType="text/plain",
                          ResponseContentDisposition="attachment")
        self.assertEqual((answer["ContentType"], answer["ContentDisposition"]),
                         ("text/plain", "attachment"))

    def test_checksums_in_answers(self):
        """A verified checksum is kept, and a client that asks for it gets it."""
        body = b"hello world!"
        sums = {"CRC32": zlib.crc32(body).to_bytes(4, "big"), "SHA1": hashlib.sha1(body).digest(),
                "SHA256": hashlib.sha256(body).digest()}
        for name, digest in sums.items():
            member, value = f"Checksum{name}", base64.b64encode(digest).decode()
            self.assertEqual(self.put("a", body, ChecksumAlgorithm=name)[member], value)
            for call in (self.s3.get_object, self.s3.head_object):
                found = call(Bucket="photos", Key="a", ChecksumMode="ENABLED")
                self.assertEqual(found[member], value)
                self.assertEqual(found["ResponseMetadata"]["HTTPHeaders"]["x-amz-checksum-type"],
                                 "FULL_OBJECT")
            part = self.get("a", ChecksumMode="ENABLED", Range="bytes=0-3")
            self.assertNotIn(member, part)
            self.s3.copy_object(Bucket="photos", Key="b", CopySource="photos/a",
                                MetadataDirective="REPLACE")
            self.assertEqual(self.s3.head_object(Bucket="photos", Key="b",
                                                 ChecksumMode="ENABLED")[member], value)
        url = self.s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a"})
        with urllib.request.urlopen(url, timeout=FAR_S) as answer:
            self.assertEqual([name for name in answer.headers if "checksum" in name], [])

    def test_preflight(self):
        """A browser that asks for the page of another site is refused."""
        request = urllib.request.Request(self.gateway.url + "/photos/a", method="OPTIONS", headers={
            "Origin": "https://example.org", "Access-Control-Request-Method": "PUT"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=FAR_S)
        self.assertEqual(caught.exception.code, 403)
        self.assertIn(b"<Code>AccessForbidden</Code>", caught.exception.read())
        self.assertNotIn("Access-Control-Allow-Origin", caught.exception.headers)
        caught.exception.close()

    def test_ignored(self):
        for key, is_ignored in (("a.png", False), (".hidden", True), ("x/.y/a.png", True),
                                ("b.part", True)):
            headers = [self.put(key)["ResponseMetadata"]["HTTPHeaders"]]
            headers += [call(Bucket="photos", Key=key)["ResponseMetadata"]["HTTPHeaders"]
                        for call in (self.s3.get_object, self.s3.head_object)]
            self.assertEqual([one.get("x-thumbq-ignored") for one in headers],
                             ["1" if is_ignored else None] * 3, key)

    def test_checksums(self):
        for name, right in (("CRC32", "7XSYIA=="), ("SHA1", None), ("SHA256", None)):
            options = {"ChecksumAlgorithm": name}
            self.put("a", b"hello world!", **options)
        self.refused("XAmzContentSHA256Mismatch", self.put, "b", b"hello",
                     ChecksumCRC32="AAAAAA==")
        self.refused("BadDigest", self.put, "b", b"hello", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
        self.refused("InvalidDigest", self.put, "b", b"hello", ContentMD5="xyz")
        self.assertEqual(self.keys(), ["a"])

    def test_delete_many(self):
        for i in range(5):
            self.put(f"d/{i}")
        answer = self.s3.delete_objects(Bucket="photos", Delete={"Objects": [
            {"Key": "d/1"}, {"Key": "d/4"}, {"Key": "none"}, {"Key": "thumbnails/x"}]})
        self.assertEqual([one["Key"] for one in answer["Deleted"]], ["d/1", "d/4", "none"])
        self.assertEqual([(one["Key"], one["Code"]) for one in answer["Errors"]],
                         [("thumbnails/x", "AccessDenied")])
        self.assertEqual(self.keys(), ["d/0", "d/2", "d/3"])
        answer = self.s3.delete_objects(Bucket="photos", Delete={"Quiet": True,
                                                                 "Objects": [{"Key": "d/0"}]})
        self.assertNotIn("Deleted", answer)

    def test_copy(self):
        etag = self.put("a b/\u00e9", b"hello", ContentType="text/x", Metadata={"m": "1"})["ETag"]
        source = {"Bucket": "photos", "Key": "a b/\u00e9"}
        answer = self.s3.copy_object(Bucket="photos", Key="c/d", CopySource=source)
        self.assertEqual(answer["CopyObjectResult"]["ETag"], etag)
        head = self.s3.head_object(Bucket="photos", Key="c/d")
        self.assertEqual((head["ETag"], head["ContentType"], head["Metadata"]),
                         (etag, "text/x", {"m": "1"}))
        # A copy to itself with other metadata is the way in which rclone sets times.
        self.s3.copy_object(Bucket="photos", Key="c/d", MetadataDirective="REPLACE",
                            CopySource={"Bucket": "photos", "Key": "c/d"}, Metadata={"n": "2"})
        head = self.s3.head_object(Bucket="photos", Key="c/d")
        self.assertEqual((head["Metadata"], head["ContentLength"]), ({"n": "2"}, 5))
        self.refused("InvalidRequest", self.s3.copy_object, Bucket="photos", Key="c/d",
                     CopySource="photos/c/d")
        # The copy of another program's file gets an MD5.
        (self.photos / "plain").write_bytes(b"hello")
        self.assertEqual(self.s3.copy_object(Bucket="photos", Key="e", CopySource="photos/plain")
                         ["CopyObjectResult"]["ETag"], etag)
        for source, code in (("photos/none", "NoSuchKey"), ("nowhere/x", "NoSuchBucket"),
                             ("photos", "InvalidArgument"), ("photos/../x", "InvalidURI"),
                             ("photos/.thumbq/x", "AccessDenied"),
                             ("photos/e?versionId=7", "InvalidArgument")):
            with self.subTest(source):
                self.refused(code, self.s3.copy_object, Bucket="photos", Key="f",
                             CopySource=source)
        self.refused("PreconditionFailed", self.s3.copy_object, Bucket="photos", Key="f",
                     CopySource="photos/e", CopySourceIfMatch='"x"')
        self.refused("AccessDenied", self.s3.copy_object, Bucket="photos", Key="thumbnails/f",
                     CopySource="photos/e")
        writer = self.client(json.loads(run(self.root, "key", "create", "--rights", "write",
                                            "--json")))
        self.refused("AccessDenied", writer.copy_object, Bucket="photos", Key="f",
                     CopySource="photos/e")
        self.assertEqual(self.keys(), ["a b/\u00e9", "c/d", "e", "plain"])

    def test_copy_limits(self):
        """The answers of S3: 5 GiB at the most, no copy to itself that changes nothing."""
        limit = 5 << 30
        upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]
        part = {"Bucket": "photos", "Key": "m", "UploadId": upload, "PartNumber": 1,
                "CopySource": "photos/large"}
        copy = {"Bucket": "photos", "Key": "copy", "CopySource": "photos/large"}
        self.put("small", Metadata={"m": "1"})
        (self.photos / "large").touch()
        for size, code in ((limit, "InvalidArgument"), (limit + 1, "InvalidRequest")):
            os.truncate(self.photos / "large", size)
            # The directive is checked after the size, so that no byte is copied.
            self.refused(code, self.s3.copy_object, MetadataDirective="none", **copy)
        for call, options in ((self.s3.copy_object, copy), (self.s3.upload_part_copy, part)):
            with self.assertRaises(ClientError) as caught:
                call(**options)
            error = caught.exception.response["Error"]
            self.assertEqual(error["Code"], "InvalidRequest")
            self.assertRegex(error["Message"], f"maximum allowable size for a copy source: {limit}")
        # A range of a larger source can be copied.
        self.s3.upload_part_copy(**part, CopySourceRange="bytes=5-9")
        self.s3.abort_multipart_upload(Bucket="photos", Key="m", UploadId=upload)
        for options in ({}, {"MetadataDirective": "COPY"},
                        {"MetadataDirective": "COPY", "Metadata": {"m": "2"}}):
            with self.assertRaises(ClientError) as caught:
                self.s3.copy_object(Bucket="photos", Key="small", CopySource="/photos/small",
                                    **options)
            error = caught.exception.response["Error"]
            self.assertEqual(error["Code"], "InvalidRequest")
            self.assertRegex(error["Message"], "copy to itself")
        self.assertEqual(self.get("small")["Metadata"], {"m": "1"})
        self.assertEqual(self.keys(), ["large", "small"])
        # A copy to another key takes its metadata from the source or from the request.
        for options, expected in (({"Metadata": {"m": "2"}}, "1"),
                                  ({"Metadata": {"m": "2"}, "MetadataDirective": "REPLACE"}, "2")):
            self.s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/small", **options)
            self.assertEqual(self.get("copy")["Metadata"], {"m": expected})


if __name__ == "__main__":
    main()
