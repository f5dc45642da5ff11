# SPDX-License-Identifier: Apache-2.0
"""Folders of a bucket: those that are reserved wherever they are, those that are removed with their
last object, and those that go and come back."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from gateway import GATEWAY, Gateway, S3Test
from harness import main

MADE = "user.thumbq.s3.folder"
# Folders below its common prefixes that a page of a list opens.
OPENED_MAX = 64


class Folders(S3Test):

    def test_own_folders_are_pruned(self):
        """A folder is removed with its last object if the gateway has made it for an object."""
        (self.photos / "theirs/below").mkdir(parents=True)
        self.put("theirs/below/ours/x")
        self.s3.delete_object(Bucket="photos", Key="theirs/below/ours/x")
        self.assertTrue((self.photos / "theirs/below").is_dir())
        self.assertFalse((self.photos / "theirs/below/ours").exists())
        self.put("theirs/below/x")
        self.s3.delete_object(Bucket="photos", Key="theirs/below/x")
        self.assertTrue((self.photos / "theirs/below").is_dir())
        # A failed upload leaves no folder of its own, and removes none of others.
        self.put("file")
        self.refused("KeyConflict", self.put, "file/x")
        self.assertEqual(self.keys(), ["file", "theirs/below/"])

    def test_mark(self):
        """The key "dir/" makes a folder that stays, also out of one that would not."""
        self.put("a/b/x")
        self.assertEqual(os.listxattr(self.photos / "a/b"), [MADE])
        self.put("a/b/", b"")
        self.assertEqual(os.listxattr(self.photos / "a/b"), [])
        self.s3.delete_object(Bucket="photos", Key="a/b/x")
        self.assertEqual(self.keys(), ["a/b/"])
        self.s3.delete_object(Bucket="photos", Key="a/b/")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])

    def test_bucket_comes_back(self):
        self.put("a", b"1")
        away = Path(self.root, "away")
        self.photos.rename(away)
        self.refused("NoSuchBucket", self.get, "a")
        away.rename(self.photos)
        self.assertEqual(self.get("a")["Body"].read(), b"1")
        # Another folder of the name.
        self.photos.rename(away)
        self.refused("NoSuchBucket", self.keys)
        self.photos.mkdir()
        try:
            self.assertIn("photos", [one["Name"] for one in self.s3.list_buckets()["Buckets"]])
            self.assertEqual(self.keys(), [])
            self.put("b")
            self.assertEqual((self.photos / "b").read_bytes(), b"x")
            self.assertFalse((away / "b").exists())
        finally:
            shutil.rmtree(self.photos)
            away.rename(self.photos)
        self.assertEqual(self.keys(), ["a"])

    def test_uploads_folder_comes_back(self):
        uploads = self.photos / ".thumbq-uploads"
        for lose in (lambda: uploads.rename(Path(self.root, "away")),
                     lambda: shutil.rmtree(uploads)):
            lose()
            self.put("a", b"1")
            self.assertEqual(self.get("a")["Body"].read(), b"1")
            upload = self.s3.create_multipart_upload(Bucket="photos", Key="m")["UploadId"]
            self.assertTrue((uploads / upload).is_dir())
            self.s3.abort_multipart_upload(Bucket="photos", Key="m", UploadId=upload)

    def test_root_comes_back(self):
        root = Path(self.root, "buckets")
        away = Path(self.root, "away2")
        root.rename(away)
        root.mkdir()
        (root / "newer").mkdir()
        try:
            self.assertEqual([one["Name"] for one in self.s3.list_buckets()["Buckets"]], ["newer"])
            self.s3.put_object(Bucket="newer", Key="x", Body=b"")
            self.assertTrue((root / "newer/x").exists())
        finally:
            shutil.rmtree(root)
            away.rename(root)
        self.assertEqual([one["Name"] for one in self.s3.list_buckets()["Buckets"]],
                         ["other", "photos"])


class Hollow(S3Test):
    """Folders that the gateway has made for objects that are not there: a kill leaves them."""

    def leave(self, key, bucket="photos"):
        """Makes the folders of a key as a killed gateway leaves them."""
        path = Path(self.root, "buckets", bucket)
        for name in key.split("/"):
            path = path / name
            if not path.is_dir():
                path.mkdir()
                os.setxattr(path, MADE, b"1")

    def prefixes(self, s3=None, **options):
        answer = (s3 or self.s3).list_objects_v2(Bucket="photos", Delimiter="/", **options)
        return [one["Prefix"] for one in answer.get("CommonPrefixes", [])]

    def test_work_of_a_list(self):
        """A list opens some folders, and shows the prefixes of the rest."""
        depth = OPENED_MAX // 2
        for name in "abcde":
            self.leave("/".join([name] + ["x"] * depth))
        self.assertEqual(self.prefixes(), ["c/", "d/", "e/"])
        self.assertEqual(self.prefixes(StartAfter="b/"), ["e/"])
        self.leave("/".join(["f"] + ["x"] * OPENED_MAX))
        self.leave("/".join(["g"] + ["x"] * (OPENED_MAX + 1)))
        self.assertEqual(self.prefixes(Prefix="f"), [])
        self.assertEqual(self.prefixes(Prefix="g"), ["g/"])
        # No object is left out.
        self.put("/".join(["g"] + ["x"] * (OPENED_MAX + 2)))
        self.assertEqual(len(self.keys()), 1)

    def test_deep_folders(self):
        self.leave("/".join(["x"] * 506))
        self.assertEqual((self.keys(), self.prefixes()), ([], ["x/"]))
        self.s3.delete_object(Bucket="photos", Key="x/")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])

    def test_delete_of_a_folder(self):
        (self.photos / "theirs").mkdir()
        self.leave("theirs/a/b")
        self.leave("theirs/c")
        self.assertEqual(self.keys(), ["theirs/"])
        self.s3.delete_object(Bucket="photos", Key="theirs/")
        self.assertEqual(os.listdir(self.photos), [".thumbq-uploads"])
        # Folders of others and objects stay.
        (self.photos / "theirs/below").mkdir(parents=True)
        self.put("theirs/ours/x")
        self.s3.delete_object(Bucket="photos", Key="theirs/")
        self.assertEqual(self.keys(), ["theirs/below/", "theirs/ours/x"])

    def test_delete_of_a_bucket(self):
        self.s3.create_bucket(Bucket="left")
        self.leave("a/b/c", bucket="left")
        self.leave("d", bucket="left")
        self.s3.delete_bucket(Bucket="left")
        self.assertFalse(Path(self.root, "buckets", "left").exists())
        # In a bucket of another program all folders stay.
        Path(self.root, "buckets", "theirs").mkdir()
        self.leave("a/b", bucket="theirs")
        self.refused("BucketNotEmpty", self.s3.delete_bucket, Bucket="theirs")
        self.assertTrue(Path(self.root, "buckets", "theirs/a/b").is_dir())
        shutil.rmtree(Path(self.root, "buckets", "theirs"))

    def test_shared_folders(self):
        """Folders of a group are not the gateway's, whatever their modes are."""
        for mode in (0o1770, 0o1775, 0o3770, 0o2775):
            with self.subTest(f"{mode:o}"):
                path = self.photos / f"team-{mode:o}"
                path.mkdir()
                path.chmod(mode)
                key = path.name + "/"
                self.assertIn(key, self.keys())
                self.s3.head_object(Bucket="photos", Key=key)
                for name in ("x", "ours/x"):
                    self.put(key + name)
                    self.assertEqual(path.stat().st_mode & 0o7777, mode)
                    self.assertEqual(os.listxattr(path), [])
                    self.s3.delete_object(Bucket="photos", Key=key + name)
                    self.assertEqual((path.is_dir(), os.listdir(path)), (True, []))
                self.put(key, b"")
                self.assertEqual(path.stat().st_mode & 0o7777, mode)

    def test_modes_of_new_folders(self):
        """A new folder has the group of a folder above that hands it on."""
        shared = self.photos / "shared"
        shared.mkdir()
        shared.chmod(0o2775)
        (shared / "by-hand").mkdir(mode=0o775)
        self.put("shared/ours/x")
        self.assertEqual((shared / "ours").stat().st_mode, (shared / "by-hand").stat().st_mode)

    def test_folder_that_cannot_be_read(self):
        """Objects below such a folder can be read, so the folder is a common prefix."""
        self.put("closed/x", b"1")
        (self.photos / "closed").chmod(0o111)
        as_user = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        gateway = Gateway(self.root, under=as_user if os.geteuid() == 0 else [], log="closed.txt")
        self.addCleanup(gateway.close)
        s3 = self.client(self.key, gateway)
        self.assertEqual(s3.get_object(Bucket="photos", Key="closed/x")["Body"].read(), b"1")
        self.assertEqual(self.prefixes(s3), ["closed/"])
        (self.photos / "closed").chmod(0o755)


class Reserved(unittest.TestCase):
    """Folders of thumbq in any place of a bucket."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        self.addCleanup(shutil.rmtree, self.root)
        self.buckets = Path(self.root, "buckets")
        self.photos = self.buckets / "photos"
        for folder in ("photos/.thumbq", "photos/St/store", "photos/Thumbs/small", "photos/inner",
                       "photos/inner/.thumbq", "photos/inner/own", "photos/inner/tn",
                       "photos/a/gwstate", "photos/a/b", "gwroot", "outside"):
            (self.buckets / folder).mkdir(parents=True)
            os.chmod(self.buckets / folder, 0o700)
        (self.photos / ".thumbq/thumbq.conf").write_text("[bucket]\nprefix = Thumbs\nstate = St\n")
        (self.photos / "inner/.thumbq/thumbq.conf").write_text(
            f"[bucket]\nprefix = tn\nstate = {self.photos}/a/b/deep\n")
        (self.photos / "a/b/deep").mkdir()
        for file in ("St/store/data.mdb", "Thumbs/small/t.webp", "a/gwstate/secret",
                     "inner/tn/t.webp", "a/b/deep/x", "a/plain"):
            (self.photos / file).write_bytes(b"x")

    def serve(self, state):
        """Serves the root and the bucket inside the bucket; returns a client."""
        subprocess.run([GATEWAY, "key", "create", "--state", state, "--rights", "read,write"],
                       check=True, stdout=subprocess.DEVNULL)
        key = json.loads((Path(state) / "keys.json").read_text())["keys"][0]
        gateway = Gateway(self.root, "--state", state, self.photos / "inner")
        self.addCleanup(gateway.close)
        S3Test.gateway = gateway
        return S3Test.client(key)

    refused = S3Test.refused

    def private(self, s3, bucket, key):
        folder = key.rpartition("/")[0]
        for call in (lambda: s3.get_object(Bucket=bucket, Key=key),
                     lambda: s3.put_object(Bucket=bucket, Key=key, Body=b""),
                     lambda: s3.put_object(Bucket=bucket, Key=folder + "/new/y", Body=b""),
                     lambda: s3.put_object(Bucket=bucket, Key=folder + "/", Body=b""),
                     lambda: s3.delete_object(Bucket=bucket, Key=key),
                     lambda: s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/{key}")):
            self.refused("AccessDenied", call)

    def output(self, s3, bucket, key):
        folder = key.rpartition("/")[0]
        self.assertEqual(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), b"x")
        for call in (lambda: s3.put_object(Bucket=bucket, Key=key, Body=b""),
                     lambda: s3.put_object(Bucket=bucket, Key=folder + "/new/y", Body=b""),
                     lambda: s3.delete_object(Bucket=bucket, Key=key)):
            self.refused("AccessDenied", call)

    def test_places(self):
        s3 = self.serve(self.photos / "a/gwstate")
        self.private(s3, "photos", "St/store/data.mdb")
        self.private(s3, "photos", "a/gwstate/secret")
        self.private(s3, "photos", "a/gwstate/keys.json")
        self.private(s3, "photos", "a/b/deep/x")
        self.output(s3, "photos", "Thumbs/small/t.webp")
        self.output(s3, "photos", "inner/tn/t.webp")
        self.output(s3, "inner", "tn/t.webp")
        # An empty folder of thumbnails is no key to remove.
        (self.photos / "inner/tn/t.webp").unlink()
        self.refused("AccessDenied", lambda: s3.delete_object(Bucket="photos", Key="inner/tn/"))
        self.assertTrue((self.photos / "inner/tn").is_dir())
        for options in ({}, {"Delimiter": "/", "Prefix": "a/"}, {"Delimiter": "/"},
                        {"Delimiter": "/", "Prefix": "St/"}, {"Prefix": "a/gwstate/"}):
            answer = s3.list_objects_v2(Bucket="photos", **options)
            found = [one["Key"] for one in answer.get("Contents", [])]
            found += [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
            self.assertEqual([one for one in found if one.startswith(("St", "a/g", "a/b/deep"))], [],
                             options)
        self.assertIn("a/plain", [one["Key"] for one in
                                  s3.list_objects_v2(Bucket="photos")["Contents"]])
        # A folder of state that is moved is one at its new place.
        (self.photos / "a/gwstate").rename(self.photos / "b")
        self.private(s3, "photos", "b/keys.json")

    def test_state_is_no_bucket(self):
        s3 = self.serve(self.buckets / "gwroot")
        self.assertNotIn("gwroot", [one["Name"] for one in s3.list_buckets()["Buckets"]])
        self.refused("NoSuchBucket", s3.get_object, Bucket="gwroot", Key="keys.json")

    def test_case(self):
        """Names of state are reserved in any case: file systems may ignore it."""
        s3 = self.serve(self.buckets / "gwroot")
        for key in (".THUMBQ/x", "a/.Thumbq-Gateway/x", ".thumbq-UPLOADS/x"):
            self.refused("AccessDenied", s3.put_object, Bucket="photos", Key=key, Body=b"")


class Races(S3Test):

    def test_put_while_its_folder_goes(self):
        """A PUT into a folder whose last object is being removed."""
        failures = []

        def work(name):
            client = self.client(self.key)
            try:
                for _ in range(50):
                    client.put_object(Bucket="photos", Key=f"f/g/{name}", Body=b"x")
                    client.delete_object(Bucket="photos", Key=f"f/g/{name}")
            except Exception as failure:  # pylint: disable=broad-except
                failures.append(failure)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.keys(), [])


if __name__ == "__main__":
    main()
