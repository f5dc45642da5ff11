# SPDX-License-Identifier: Apache-2.0
"""S3 clients of other projects use the gateway for each of their operations. The test compares the
folder."""

import hashlib
import io
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import unittest
import urllib.request
from pathlib import Path

from harness import main, wait_for
from gateway import FAR_S, Gateway, boto3, certify, run

if boto3:
    from botocore.config import Config
    from botocore.exceptions import ClientError

# The clients of the distribution are in these folders.
PATH = "/usr/bin:/bin"


def program(name):
    return shutil.which(name, path=PATH)


class Client:
    """A gateway with a bucket `photos`, files to send, and a folder for the files that come
    back."""

    # File of the authority that the client has to trust; None: HTTP.
    authority = None

    def start_gateway(self):
        return Gateway(self.root)

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        self.addCleanup(shutil.rmtree, self.root)
        self.photos = Path(self.root, "buckets", "photos")
        self.photos.mkdir(parents=True)
        self.key = json.loads(run(self.root, "key", "create", "--rights", "read,write", "--json"))
        self.gateway = self.start_gateway()
        self.addCleanup(self.gateway.close)
        self.home = Path(self.root, "home")
        self.home.mkdir()
        self.files = {"a.txt": b"hello", "empty": b"", "trip/dune & sea.bin": os.urandom(70_000),
                      "trip/\u00e9\u20ac+=.txt": b"odd", "large.bin": os.urandom(17_000_000)}
        self.up = Path(self.root, "up")
        self.back = Path(self.root, "back")
        for name, body in self.files.items():
            path = self.up / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def call(self, *words, status=0):
        environment = {"PATH": PATH, "HOME": str(self.home), "LC_ALL": "C.UTF-8",
                       "AWS_ACCESS_KEY_ID": self.key["id"],
                       "AWS_SECRET_ACCESS_KEY": self.key["secret"],
                       "AWS_DEFAULT_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_PAGER": ""}
        result = subprocess.run([*self.command(), *map(str, words)], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=FAR_S)
        if (result.returncode == 0) != (status == 0):
            raise AssertionError(f"{words}: {result.returncode}\n{result.stdout}{result.stderr}\n"
                                 f"{self.gateway.text()}")
        return result.stdout

    def in_folder(self, folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*")
                if path.is_file() and ".thumbq-uploads" not in path.parts}

    def test_there_and_back(self):
        self.send()
        self.assertEqual(self.in_folder(self.photos), self.files)
        listed = self.listed()
        for name in self.files:
            self.assertIn(name, listed)
        self.fetch()
        self.assertEqual(self.in_folder(self.back), self.files)

    def test_only_what_has_changed(self):
        """A client recognizes a sent file by its ETag, its size and its time."""
        self.send()
        before = {path: path.stat().st_ino for path in self.photos.rglob("*") if path.is_file()}
        (self.up / "a.txt").write_bytes(b"changed")
        self.send()
        self.assertEqual((self.photos / "a.txt").read_bytes(), b"changed")
        for path, inode in before.items():
            if path.name != "a.txt":
                self.assertEqual(path.stat().st_ino, inode, path)

    def test_copy_and_delete(self):
        self.send()
        self.copy("a.txt", "copies/b.txt")
        self.assertEqual((self.photos / "copies/b.txt").read_bytes(), b"hello")
        self.delete("a.txt")
        self.assertFalse((self.photos / "a.txt").exists())
        self.delete_all()
        self.assertEqual(self.in_folder(self.photos), {})

    def test_wrong_secret(self):
        self.key["secret"] = "x" * 40
        self.write_configuration()
        with self.assertRaises(AssertionError):
            self.listed()
        # The line of the log is written after the answer.
        wait_for(lambda: "403" in self.gateway.text(), "the refused request", self.gateway.text)

    def write_configuration(self):
        pass


@unittest.skipUnless(program("aws"), "needs awscli")
class Awscli(Client, unittest.TestCase):

    def command(self):
        trust = ["--ca-bundle", self.authority] if self.authority else []
        return [program("aws"), "--endpoint-url", self.gateway.url, *trust]

    def send(self):
        self.call("s3", "sync", self.up, "s3://photos")

    def fetch(self):
        self.call("s3", "sync", "s3://photos", self.back)

    def listed(self):
        return self.call("s3", "ls", "--recursive", "s3://photos")

    def copy(self, source, target):
        self.call("s3", "cp", f"s3://photos/{source}", f"s3://photos/{target}")

    def delete(self, name):
        self.call("s3", "rm", f"s3://photos/{name}")

    def delete_all(self):
        self.call("s3", "rm", "--recursive", "s3://photos")

    def test_others(self):
        self.send()
        self.assertIn("PRE trip/", self.call("s3", "ls", "s3://photos"))
        self.assertIn("photos", self.call("s3", "ls"))
        url = self.call("s3", "presign", "s3://photos/a.txt").strip()
        with urllib.request.urlopen(url, timeout=FAR_S) as answer:
            self.assertEqual(answer.read(), b"hello")
        out = Path(self.root, "out")
        self.call("s3api", "get-object", "--bucket", "photos", "--key", "a.txt", "--range",
                  "bytes=1-2", out)
        self.assertEqual(out.read_bytes(), b"el")
        self.call("s3", "mv", "s3://photos/a.txt", "s3://photos/moved.txt")
        self.assertFalse((self.photos / "a.txt").exists())


@unittest.skipUnless(program("s3cmd"), "needs s3cmd")
class S3cmd(Client, unittest.TestCase):

    def setUp(self):
        super().setUp()
        self.write_configuration()

    def write_configuration(self):
        (self.home / ".s3cfg").write_text(f"""[default]
access_key = {self.key['id']}
secret_key = {self.key['secret']}
host_base = 127.0.0.1:{self.gateway.port}
host_bucket = 127.0.0.1:{self.gateway.port}
use_https = {bool(self.authority)}
ca_certs_file = {self.authority or ""}
""")

    def command(self):
        return [program("s3cmd"), "--no-progress"]

    def send(self):
        self.call("sync", f"{self.up}/", "s3://photos/")

    def fetch(self):
        self.back.mkdir()
        self.call("sync", "s3://photos/", f"{self.back}/")

    def listed(self):
        return self.call("ls", "--recursive", "s3://photos/")

    def copy(self, source, target):
        self.call("cp", f"s3://photos/{source}", f"s3://photos/{target}")

    def delete(self, name):
        self.call("del", f"s3://photos/{name}")

    def delete_all(self):
        self.call("del", "--recursive", "--force", "s3://photos/")

    def test_others(self):
        self.send()
        self.assertIn("MD5 sum", self.call("info", "s3://photos/a.txt"))
        self.assertIn("DIR", self.call("ls", "s3://photos/"))
        self.assertIn("s3://photos", self.call("ls"))


@unittest.skipUnless(program("rclone"), "needs rclone")
class Rclone(Client, unittest.TestCase):

    def command(self):
        trust = ["--ca-cert", self.authority] if self.authority else []
        return [program("rclone"), *trust, "--s3-provider", "Other", "--s3-endpoint", self.gateway.url,
                "--s3-access-key-id", self.key["id"], "--s3-secret-access-key",
                self.key["secret"], "--s3-force-path-style", "--retries", "1",
                "--low-level-retries", "1", "--s3-upload-cutoff", "8M"]

    def send(self):
        self.call("sync", self.up, ":s3:photos")

    def fetch(self):
        self.call("sync", ":s3:photos", self.back)

    def listed(self):
        return self.call("lsf", "--recursive", ":s3:photos")

    def copy(self, source, target):
        self.call("copyto", f":s3:photos/{source}", f":s3:photos/{target}")

    def delete(self, name):
        self.call("deletefile", f":s3:photos/{name}")

    def delete_all(self):
        self.call("delete", ":s3:photos")

    def test_others(self):
        self.send()
        self.call("check", self.up, ":s3:photos")
        os.utime(self.up / "a.txt", (1_000_000_000, 1_000_000_000))
        self.send()
        self.assertIn("2001-09-09", self.call("lsl", ":s3:photos/a.txt"))


@unittest.skipUnless(boto3, "needs python3-boto3")
class Boto3(Client, unittest.TestCase):

    PART = 8 << 20

    def setUp(self):
        super().setUp()
        self.clients = {}

    def s3(self, signature_version=None):
        """A client with the present secret, and with this kind of signatures."""
        known = (self.key["secret"], signature_version)
        if known not in self.clients:
            options = {"signature_version": signature_version} if signature_version else {}
            self.clients[known] = self.new_client(options)
            self.addCleanup(self.clients[known].close)
        return self.clients[known]

    def new_client(self, options):
        return boto3.client("s3", endpoint_url=self.gateway.url, region_name="eu-central-1",
                            aws_access_key_id=self.key["id"],
                            aws_secret_access_key=self.key["secret"], verify=self.authority,
                            config=Config(retries={"max_attempts": 0}, **options))

    def etag(self, body):
        """The ETag of a file as boto3 uploads it."""
        if len(body) < self.PART:
            return hashlib.md5(body).hexdigest()
        parts = [hashlib.md5(body[i:i + self.PART]).digest()
                 for i in range(0, len(body), self.PART)]
        return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"

    def objects(self):
        pages = self.s3().get_paginator("list_objects_v2").paginate(Bucket="photos")
        return {one["Key"]: one["ETag"].strip('"') for page in pages
                for one in page.get("Contents", [])}

    def send(self):
        there = self.objects()
        for name, body in self.in_folder(self.up).items():
            if there.get(name) != self.etag(body):
                self.s3().upload_file(str(self.up / name), "photos", name)
        self.assertEqual(self.objects(), {name: self.etag(body) for name, body in
                                          self.in_folder(self.up).items()})

    def fetch(self):
        for name in self.objects():
            path = self.back / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self.s3().download_file("photos", name, str(path))

    def listed(self):
        try:
            return self.objects()
        except ClientError as error:
            raise AssertionError("the list is refused") from error

    def copy(self, source, target):
        self.s3().copy({"Bucket": "photos", "Key": source}, "photos", target)

    def delete(self, name):
        self.s3().delete_object(Bucket="photos", Key=name)

    def delete_all(self):
        gone = self.s3().delete_objects(Bucket="photos", Delete={
            "Objects": [{"Key": key} for key in self.objects()]})
        self.assertNotIn("Errors", gone)

    def test_others(self):
        self.send()
        context = ssl.create_default_context(cafile=self.authority) if self.authority else None
        for version in ("s3", "s3v4"):
            s3 = self.s3(version)
            url = s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a.txt"})
            with urllib.request.urlopen(url, timeout=FAR_S, context=context) as answer:
                self.assertEqual(answer.read(), b"hello")
            url = s3.generate_presigned_url("put_object", {"Bucket": "photos", "Key": version})
            request = urllib.request.Request(url, b"sent", {"Content-Type": ""}, method="PUT")
            urllib.request.urlopen(request, timeout=FAR_S, context=context).close()
            self.assertEqual((self.photos / version).read_bytes(), b"sent")
        # A stream of unknown length, and a range of it.
        self.s3().upload_fileobj(io.BytesIO(self.files["large.bin"]), "photos", "stream")
        part = self.s3().get_object(Bucket="photos", Key="stream", Range="bytes=9000000-9000099")
        self.assertEqual(part["Body"].read(), self.files["large.bin"][9_000_000:9_000_100])

    def test_sparse(self):
        with open(self.photos / "sparse", "wb") as file:
            file.truncate(5 << 30)
            file.seek(-3, os.SEEK_END)
            file.write(b"end")
        head = self.s3().head_object(Bucket="photos", Key="sparse")
        self.assertEqual(head["ContentLength"], 5 << 30)
        part = self.s3().get_object(Bucket="photos", Key="sparse", Range="bytes=-5")
        self.assertEqual(part["Body"].read(), b"\0\0end")


class Https:
    """A client over HTTPS, with a certificate of the test's own authority: there and back."""

    test_only_what_has_changed = test_copy_and_delete = None

    def start_gateway(self):
        folder = Path(self.root, "tls")
        folder.mkdir()
        certify(folder)
        self.authority = str(folder / "ca.pem")
        config = Path(self.root, "gateway.conf")
        config.write_text(f"[gateway]\ntls_certificate = {folder}/server.pem\n"
                          f"tls_key = {folder}/server.key\n")
        return Gateway(self.root, "--config", config)


@unittest.skipUnless(program("openssl"), "needs openssl")
class AwscliHttps(Https, Awscli):

    test_others = None


@unittest.skipUnless(program("openssl"), "needs openssl")
class S3cmdHttps(Https, S3cmd):

    test_others = None


@unittest.skipUnless(program("openssl"), "needs openssl")
class RcloneHttps(Https, Rclone):

    test_others = None


@unittest.skipUnless(program("openssl"), "needs openssl")
class Boto3Https(Https, Boto3):

    test_sparse = None


if __name__ == "__main__":
    main()
