# SPDX-License-Identifier: Apache-2.0
"""Uploads in parts, in chunks with a checksum behind them, to a full disk, and cut off."""

import base64
import hashlib
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from gateway import FAR_S, Gateway, S3Test, run
from harness import main, wait_for

try:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    pass  # S3Test skips the tests


class Multipart(S3Test):

    def begin(self, key, **options):
        return self.s3.create_multipart_upload(Bucket="photos", Key=key, **options)["UploadId"]

    def part(self, key, upload, number, body):
        return self.s3.upload_part(Bucket="photos", Key=key, UploadId=upload, PartNumber=number,
                                   Body=body)["ETag"]

    def complete(self, key, upload, *parts):
        return self.s3.complete_multipart_upload(
            Bucket="photos", Key=key, UploadId=upload, MultipartUpload={"Parts": [
                {"PartNumber": number, "ETag": etag} for number, etag in parts]})

    def test_multipart(self):
        bodies = {1: os.urandom(5 << 20), 3: os.urandom(5 << 20), 7: b"end"}
        upload = self.begin("m/x", ContentType="text/x", Metadata={"a": "b"})
        etags = {number: self.part("m/x", upload, number, bodies[number]) for number in (7, 3, 1)}
        for number in bodies:
            self.assertEqual(etags[number], f'"{hashlib.md5(bodies[number]).hexdigest()}"')
        self.assertEqual(self.keys(), [])
        listed = self.s3.list_parts(Bucket="photos", Key="m/x", UploadId=upload)
        self.assertEqual([(one["PartNumber"], one["Size"], one["ETag"]) for one in listed["Parts"]],
                         [(number, len(bodies[number]), etags[number]) for number in (1, 3, 7)])
        listed = self.s3.list_parts(Bucket="photos", Key="m/x", UploadId=upload, MaxParts=1)
        self.assertEqual((listed["IsTruncated"], listed["NextPartNumberMarker"]), (True, 1))
        listed = self.s3.list_multipart_uploads(Bucket="photos")
        self.assertEqual([(one["Key"], one["UploadId"]) for one in listed["Uploads"]],
                         [("m/x", upload)])
        # s3cmd sends ETags without quotes.
        answer = self.complete("m/x", upload, *((number, etags[number].strip('"'))
                                                for number in (1, 3, 7)))
        whole = b"".join(bodies[number] for number in (1, 3, 7))
        md5s = b"".join(hashlib.md5(bodies[number]).digest() for number in (1, 3, 7))
        self.assertEqual(answer["ETag"], f'"{hashlib.md5(md5s).hexdigest()}-3"')
        found = self.get("m/x")
        self.assertEqual(found["Body"].read(), whole)
        self.assertEqual((found["ETag"], found["ContentType"], found["Metadata"]),
                         (answer["ETag"], "text/x", {"a": "b"}))
        self.refused("NoSuchUpload", self.complete, "m/x", upload, (1, etags[1]))

    def test_multipart_mistakes(self):
        upload = self.begin("m")
        small = self.part("m", upload, 1, b"small")
        end = self.part("m", upload, 2, b"end")
        self.refused("EntityTooSmall", self.complete, "m", upload, (1, small), (2, end))
        self.refused("InvalidPartOrder", self.complete, "m", upload, (2, end), (1, small))
        self.refused("InvalidPart", self.complete, "m", upload, (1, end))
        self.refused("InvalidPart", self.complete, "m", upload, (3, end))
        self.refused("MalformedXML", self.complete, "m", upload, (1, "no etag"))
        self.refused("NoSuchUpload", self.complete, "other", upload, (1, small))
        self.refused("NoSuchUpload", self.part, "m", "../" + upload, 1, b"x")
        self.refused("NoSuchUpload", self.part, "m", "0" * 32, 1, b"x")
        self.refused("InvalidArgument", self.part, "m", upload, 10001, b"x")
        self.refused("AccessDenied", self.begin, "thumbnails/m")
        # A part is sent again: the named one counts.
        again = self.part("m", upload, 1, b"again")
        self.assertEqual(len(self.s3.list_parts(Bucket="photos", Key="m",
                                                UploadId=upload)["Parts"]), 2)
        self.complete("m", upload, (1, again))
        self.assertEqual(self.get("m")["Body"].read(), b"again")

    def test_multipart_given_up(self):
        upload = self.begin("m")
        self.part("m", upload, 1, b"x")
        self.s3.abort_multipart_upload(Bucket="photos", Key="m", UploadId=upload)
        self.refused("NoSuchUpload", self.part, "m", upload, 2, b"x")
        self.refused("NoSuchUpload", self.s3.abort_multipart_upload, Bucket="photos", Key="m",
                     UploadId=upload)

    def test_managed_transfer(self):
        """boto3 and awscli send parts in parallel."""
        body = os.urandom(20_000_000)
        path = Path(self.root, "large")
        path.write_bytes(body)
        self.s3.upload_file(str(path), "photos", "large")
        self.assertRegex(self.s3.head_object(Bucket="photos", Key="large")["ETag"], '-3"$')
        self.s3.download_file("photos", "large", str(path) + ".back")
        self.assertEqual(Path(str(path) + ".back").read_bytes(), body)


class Chunks(S3Test):

    def put_chunks(self, gateway, key, body, checksum=None, length=None, framed=False):
        """Sends a PUT in chunks with a checksum behind them, as the SDKs stream it. Returns the
        answer."""
        checksum = checksum or base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        half = len(body) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])
                          if part) + f"0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
        request = AWSRequest("PUT", f"{gateway.url}/photos/{key}", {
            "Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32",
            "X-Amz-Decoded-Content-Length": str(len(body) if length is None else length)})
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
        S3SigV4Auth(Credentials(self.key["id"], self.key["secret"]), "s3",
                    "us-east-1").add_auth(request)
        sent = f"PUT /photos/{key} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
        sent += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        sent += "Connection: close\r\n"
        if framed:
            sent += "Transfer-Encoding: chunked\r\n\r\n"
            chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(chunks), chunks)
        else:
            sent += f"Content-Length: {len(chunks)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gateway.port), FAR_S) as connection:
            connection.sendall(sent.encode() + chunks)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.decode()

    def test_chunks(self):
        body = os.urandom(100_000)
        for framed in (False, True):
            answer = self.put_chunks(self.gateway, "c", body, framed=framed)
            self.assertIn(" 200 ", answer)
            self.assertIn(hashlib.md5(body).hexdigest(), answer)
            found = self.get("c")
            self.assertEqual(found["Body"].read(), body)
            self.assertEqual(found.get("ContentEncoding"), None)
            for options, code in (({"checksum": "AAAAAA=="}, "XAmzContentSHA256Mismatch"),
                                  ({"checksum": "AAAA"}, "InvalidArgument"),
                                  ({"length": 99_999}, "IncompleteBody"),
                                  ({"length": 100_001}, "IncompleteBody")):
                answer = self.put_chunks(self.gateway, "d", body, framed=framed, **options)
                self.assertIn(f"<Code>{code}</Code>", answer)
        self.assertEqual(self.keys(), ["c"])

    def test_no_space(self):
        """A limit on the size of files stands for a full disk, because both end a write."""
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
            photos = Path(root, "buckets", "photos")
            photos.mkdir(parents=True)
            shutil.copytree(Path(self.root, "buckets", ".thumbq-gateway"),
                            Path(root, "buckets", ".thumbq-gateway"))
            gateway = Gateway(root, under=["prlimit", "--fsize=1000000"])
            try:
                for framed in (False, True):
                    answer = self.put_chunks(gateway, "large", bytes(3_000_000), framed=framed)
                    self.assertIn(" 507 ", answer)
                    self.assertIn("<Code>InsufficientStorage</Code>", answer)
                signed = run(root, "sign", "--put", "photos/large", "--url", gateway.url).strip()
                request = urllib.request.Request(signed, bytes(3_000_000), method="PUT")
                with self.assertRaises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(request, timeout=FAR_S)
                self.assertEqual(caught.exception.code, 507)
                caught.exception.close()
                self.assertIn(" 200 ", self.put_chunks(gateway, "small", b"x"))
            finally:
                gateway.close()
            self.assertEqual(sorted(os.listdir(photos)), [".thumbq-uploads", "small"])
            self.assertEqual(os.listdir(photos / ".thumbq-uploads"), [])


class Cut(S3Test):

    def test_cut_upload(self):
        signed = run(self.root, "sign", "--put", "photos/half", "--url", self.gateway.url).strip()
        target = signed[len(self.gateway.url):]
        uploads = self.photos / ".thumbq-uploads"
        with socket.create_connection(("127.0.0.1", self.gateway.port), FAR_S) as connection:
            connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.gateway.port}\r\n"
                               "Content-Length: 1000000\r\n\r\n".encode() + b"x" * 1000)
            wait_for(lambda: list(uploads.iterdir()), "the upload has begun")
            self.assertEqual(self.keys(), [])
        wait_for(lambda: not list(uploads.iterdir()), "what was cut is gone")
        self.assertEqual(self.keys(), [])


if __name__ == "__main__":
    main()
