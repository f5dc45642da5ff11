# SPDX-License-Identifier: Apache-2.0
"""A running gateway, its commands, and the test case of an S3 client."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import check_sanitizers, wait_for

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import (BotoCoreError, ClientError, IncompleteReadError,
                                     ResponseStreamingError)
except ImportError:
    boto3 = BotoCoreError = ClientError = IncompleteReadError = ResponseStreamingError = None

GATEWAY = os.environ.get("THUMBQ_GATEWAY", "")
FAR_S = 120


class Gateway:
    """A gateway over buckets in a folder of its own."""

    def __init__(self, root, *words, under=(), log="log.txt"):
        """Takes further words of the command, and the words of a command that runs it."""
        self.root = Path(root)
        self.log = open(self.root / log, "w+")
        self.process = subprocess.Popen(
            [*under, GATEWAY, "gateway", "--root", self.root / "buckets", "--listen",
             "127.0.0.1:0", *words], stdout=self.log, stderr=self.log)
        found = wait_for(lambda: re.search(r"(https?)://127\.0\.0\.1:(\d+)", self.text()),
                         "the gateway listens", self.text)
        self.port = int(found[2])
        self.url = f"{found[1]}://127.0.0.1:{self.port}"

    def text(self):
        return Path(self.log.name).read_text(errors="replace")

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(FAR_S)
        self.log.close()
        check_sanitizers(self.text())
        if status:
            raise AssertionError(f"the gateway ended with {status}:\n{self.text()}")


def certify(folder):
    """Makes an authority `ca.pem` and a certificate of 127.0.0.1 by it, `server.pem`, with its key
    `server.key`, in `folder`."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=FAR_S)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=authority of a test", "-keyout",
            "ca.key", "-out", "ca.pem")
    openssl("req", *new_key, "-subj", "/CN=gateway", "-keyout", "server.key", "-out", "server.csr")
    (Path(folder) / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-set_serial", "1", "-days", "2", "-extfile", "names", "-out", "server.pem")


def run(root, *words, status=0):
    """Runs a command of the gateway. Returns its stdout; its stderr if a failure is expected."""
    result = subprocess.run([GATEWAY, *words, "--root", Path(root) / "buckets"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            timeout=FAR_S)
    check_sanitizers(result.stderr)
    if result.returncode != status:
        raise AssertionError(f"{words}: {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout if status == 0 else result.stderr


@unittest.skipUnless(boto3, "needs python3-boto3")
class S3Test(unittest.TestCase):
    """A gateway with the buckets `photos`, `other` and `Meine Bilder`, and an S3 client."""

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.photos = Path(cls.root, "buckets", "photos")
        cls.photos.mkdir(parents=True)
        Path(cls.root, "buckets", "other").mkdir()
        Path(cls.root, "buckets", "Meine Bilder").mkdir()
        cls.key = json.loads(run(cls.root, "key", "create", "--rights", "read,write", "--json"))
        cls.gateway = Gateway(cls.root)
        cls.addClassCleanup(cls.gateway.close)
        cls.s3 = cls.client(cls.key)

    def setUp(self):
        self.addCleanup(self.clean)

    def clean(self):
        left = list((self.photos / ".thumbq-uploads").iterdir())
        for path in [*left, *self.photos.iterdir()]:
            if path.is_dir() and not path.is_symlink():
                if path.name != ".thumbq-uploads":
                    shutil.rmtree(path)
            else:
                path.unlink()
        self.assertEqual(left, [])

    @classmethod
    def client(cls, key, gateway=None, region="us-east-1", **options):
        # A session of its own: threads must not share one.
        session = boto3.session.Session(aws_access_key_id=key["id"],
                                        aws_secret_access_key=key["secret"])
        return session.client("s3", endpoint_url=(gateway or cls.gateway).url,
                              region_name=region,
                              config=Config(s3={"addressing_style": "path"},
                                            retries={"max_attempts": 0}, **options))

    def put(self, key, body=b"x", **options):
        return self.s3.put_object(Bucket="photos", Key=key, Body=body, **options)

    def get(self, key, **options):
        return self.s3.get_object(Bucket="photos", Key=key, **options)

    def keys(self, **options):
        return [entry["Key"] for entry in
                self.s3.list_objects_v2(Bucket="photos", **options).get("Contents", [])]

    def refused(self, code, call, *arguments, **options):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **options)
        answer = caught.exception.response
        self.assertEqual(answer["Error"]["Code"], str(code), answer)
        return answer["ResponseMetadata"]["HTTPStatusCode"]
