# SPDX-License-Identifier: Apache-2.0
"""Buckets that clients make and remove."""

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from gateway import ClientError, Gateway, S3Test, boto3, run
from harness import descriptors, main, wait_for
from test_gateway_config import ConfigTest


class Made(S3Test):

    def test_life(self):
        folder = Path(self.root, "buckets", "made-now")
        self.s3.create_bucket(Bucket="made-now")
        self.assertTrue(folder.is_dir())
        self.s3.create_bucket(Bucket="made-now")
        self.s3.put_object(Bucket="made-now", Key="a/b", Body=b"x")
        self.assertEqual(self.refused("BucketNotEmpty", self.s3.delete_bucket, Bucket="made-now"),
                         409)
        self.s3.delete_object(Bucket="made-now", Key="a/b")
        # An upload that was not completed is no object.
        self.s3.create_multipart_upload(Bucket="made-now", Key="m")
        self.s3.delete_bucket(Bucket="made-now")
        self.assertFalse(folder.exists())
        self.refused("NoSuchBucket", self.s3.delete_bucket, Bucket="made-now")
        self.refused(404, self.s3.head_bucket, Bucket="made-now")

    def test_not_empty(self):
        folder = Path(self.root, "buckets", "full")
        for content in (lambda: (folder / ".thumbq").mkdir(), lambda: (folder / "empty").mkdir(),
                        lambda: (folder / "link").symlink_to("/nowhere")):
            self.s3.create_bucket(Bucket="full")
            content()
            self.refused("BucketNotEmpty", self.s3.delete_bucket, Bucket="full")
            self.assertTrue((folder / ".thumbq-uploads").is_dir())
            shutil.rmtree(folder)

    def test_names(self):
        for name in ("Capital", "under_score", "a..b"):
            self.refused("InvalidBucketName", self.s3.create_bucket, Bucket=name)
            self.assertFalse(Path(self.root, "buckets", name).exists())
        Path(self.root, "buckets", "a-file").write_bytes(b"")
        self.assertEqual(self.refused("BucketAlreadyExists", self.s3.create_bucket,
                                      Bucket="a-file"), 409)

    def test_rights(self):
        for words in (["--rights", "read"], ["--rights", "write", "--bucket", "other"],
                      ["--rights", "write", "--prefix", "a/"]):
            key = json.loads(run(self.root, "key", "create", "--json", *words))
            s3 = self.client(key)
            self.refused("AccessDenied", s3.create_bucket, Bucket="of-others")
            self.refused("AccessDenied", s3.delete_bucket, Bucket="photos")
        self.assertFalse(Path(self.root, "buckets", "of-others").exists())
        # A client may make a bucket sure that is there.
        s3.create_bucket(Bucket="photos")

    def test_named(self):
        """A bucket of the command line stays."""
        with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as root:
            Path(root, "named").mkdir()
            gateway = Gateway(self.root, Path(root, "named"))
            try:
                s3 = self.client(self.key, gateway=gateway)
                self.refused("AccessDenied", s3.delete_bucket, Bucket="named")
            finally:
                gateway.close()

    def test_removed_bucket_is_closed(self):
        """A gateway holds no descriptor of a bucket that a client has removed."""
        def of_buckets():
            links = descriptors(self.gateway.process.pid).values()
            return [link for link in links if "/passing-" in link]

        for i in range(3):
            self.s3.create_bucket(Bucket=f"passing-{i}")
            self.s3.head_bucket(Bucket=f"passing-{i}")
            self.s3.delete_bucket(Bucket=f"passing-{i}")
        # The gateway frees the last request when its answer is sent, after the client has it.
        wait_for(lambda: not of_buckets(), "the gateway to close the removed buckets")

    def test_folders_of_others_stay(self):
        """A client removes only buckets that a client has made."""
        folder = Path(self.root, "buckets", "of-a-person")
        folder.mkdir()
        self.addCleanup(shutil.rmtree, folder)
        self.assertEqual(self.refused("AccessDenied", self.s3.delete_bucket, Bucket="of-a-person"),
                         403)
        self.assertTrue(folder.is_dir())
        self.s3.head_bucket(Bucket="of-a-person")

    def test_moved_folder(self):
        """Another folder at the place of the bucket's folder stays."""
        self.s3.create_bucket(Bucket="moved-away")
        self.s3.head_bucket(Bucket="moved-away")
        folder = Path(self.root, "buckets", "moved-away")
        folder.rename(folder.with_name("moved-there"))
        folder.mkdir()
        self.refused("AccessDenied", self.s3.delete_bucket, Bucket="moved-away")
        self.assertTrue(folder.is_dir())
        self.s3.delete_bucket(Bucket="moved-there")
        self.assertFalse(folder.with_name("moved-there").exists())
        shutil.rmtree(folder)


@unittest.skipUnless(boto3, "needs python3-boto3")
class Configured(ConfigTest):

    def client(self, gateway):
        return S3Test.client(self.key, gateway=gateway)

    def refused(self, code, call, **options):
        with self.assertRaises(ClientError) as caught:
            call(**options)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_number(self):
        """Clients make no more buckets than the configuration allows; those of others count."""
        s3 = self.client(self.start("[gateway]\nmax_buckets = 4\n"))
        s3.create_bucket(Bucket="third")
        s3.create_bucket(Bucket="fourth")
        self.refused("TooManyBuckets", s3.create_bucket, Bucket="fifth")
        self.assertFalse((self.root / "buckets/fifth").exists())
        s3.create_bucket(Bucket="fourth")
        s3.delete_bucket(Bucket="third")
        s3.create_bucket(Bucket="fifth")

    def test_named_under_another_name(self):
        """A folder that the configuration names stays, under each of its names."""
        folder = self.root / "buckets/made-here"
        folder.mkdir()
        s3 = self.client(self.start("[bucket pictures]\npath = ../made-here\n"))
        os.setxattr(folder, "user.thumbq.s3.bucket", b"1")
        for name in ("pictures", "made-here"):
            self.refused("AccessDenied", s3.delete_bucket, Bucket=name)
        self.assertTrue(folder.is_dir())

    def test_output_of_another_bucket(self):
        """A bucket that is the folder of the thumbnails of another one stays."""
        (self.root / "buckets/docs/.thumbq").mkdir(mode=0o700)
        (self.root / "buckets/docs/.thumbq/thumbq.conf").write_text(
            f"[bucket]\nprefix = {self.root}/buckets/outputs\n")
        s3 = self.client(self.start())
        s3.create_bucket(Bucket="outputs")
        s3.list_buckets()
        wait_for(lambda: refuses(s3.put_object, Bucket="outputs", Key="a", Body=b""),
                 "the folder is known as reserved")
        self.refused("AccessDenied", s3.delete_bucket, Bucket="outputs")
        self.assertTrue((self.root / "buckets/outputs").is_dir())

    def test_named_bucket_that_is_away(self):
        """CreateBucket makes no folder in the root for a bucket whose own folder is away."""
        (self.root / "elsewhere").mkdir()
        s3 = self.client(self.start("[bucket pictures]\npath = ../../elsewhere\n"))
        (self.root / "elsewhere").rename(self.root / "away")
        self.refused("ServiceUnavailable", s3.create_bucket, Bucket="pictures")
        self.assertFalse((self.root / "buckets/pictures").exists())
        (self.root / "away").rename(self.root / "elsewhere")
        s3.create_bucket(Bucket="pictures")


def refuses(call, **options):
    try:
        call(**options)
    except ClientError:
        return True
    return False


if __name__ == "__main__":
    main()
