# SPDX-License-Identifier: Apache-2.0
"""Buckets, the fixed answers about them, and lists of their objects, page by page."""

import ctypes
import json
import os
from pathlib import Path

from gateway import S3Test, run
from harness import main


class Buckets(S3Test):

    def test_buckets(self):
        self.assertEqual([one["Name"] for one in self.s3.list_buckets()["Buckets"]],
                         ["other", "photos"])
        self.s3.head_bucket(Bucket="photos")
        self.s3.create_bucket(Bucket="photos")
        self.assertIsNone(self.s3.get_bucket_location(Bucket="photos")["LocationConstraint"])
        self.assertEqual(self.refused(404, self.s3.head_bucket, Bucket="nowhere"), 404)
        self.refused("NoSuchBucket", self.s3.list_objects_v2, Bucket="nowhere")
        self.refused("NoSuchKey", self.get, "nothing")

    def test_canned(self):
        self.assertEqual(self.s3.get_bucket_acl(Bucket="photos")["Grants"][0]["Permission"],
                         "FULL_CONTROL")
        self.assertNotIn("Status", self.s3.get_bucket_versioning(Bucket="photos"))
        for call, code in ((self.s3.get_bucket_policy, "NoSuchBucketPolicy"),
                           (self.s3.get_bucket_cors, "NoSuchCORSConfiguration"),
                           (self.s3.get_bucket_tagging, "NoSuchTagSet"),
                           (self.s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
                           (self.s3.get_bucket_lifecycle_configuration,
                            "NoSuchLifecycleConfiguration"),
                           (self.s3.get_bucket_encryption,
                            "ServerSideEncryptionConfigurationNotFoundError"),
                           (self.s3.get_object_lock_configuration,
                            "ObjectLockConfigurationNotFoundError")):
            self.assertEqual(self.refused(code, call, Bucket="photos"), 404)
        self.refused("NotImplemented", self.s3.put_bucket_versioning, Bucket="photos",
                     VersioningConfiguration={"Status": "Enabled"})
        self.refused("NotImplemented", self.s3.put_object_tagging, Bucket="photos", Key="a",
                     Tagging={"TagSet": []})


class Versions(S3Test):

    def test_versions(self):
        """Each object has one version."""
        for name in ("a/1", "a/2", "b", "c"):
            self.put(name)
        for size in (1, 2, 100):
            pages = list(self.s3.get_paginator("list_object_versions").paginate(
                Bucket="photos", PaginationConfig={"PageSize": size}))
            versions = [one for page in pages for one in page["Versions"]]
            self.assertEqual([(one["Key"], one["VersionId"], one["IsLatest"]) for one in versions],
                             [(name, "null", True) for name in ("a/1", "a/2", "b", "c")])
        answer = self.s3.list_object_versions(Bucket="photos", Delimiter="/")
        self.assertEqual([one["Prefix"] for one in answer["CommonPrefixes"]], ["a/"])
        below = self.client(json.loads(run(self.root, "key", "create", "--prefix", "a/",
                                           "--json")))
        self.refused("AccessDenied", below.list_object_versions, Bucket="photos")
        self.assertEqual(len(below.list_object_versions(Bucket="photos", Prefix="a/")["Versions"]),
                         2)


class Lists(S3Test):

    def fill(self):
        names = ["a.txt", "a/b", "a/c/d", "a/c/e", "a0", "b/x", "b/y", "c", "\u00e9"]
        for name in names:
            path = self.photos / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return names

    def test_list(self):
        names = self.fill()
        self.assertEqual(self.keys(), names)
        self.assertEqual(self.keys(Prefix="a"), names[:5])
        self.assertEqual(self.keys(Prefix="a/c/"), names[2:4])
        self.assertEqual(self.keys(Prefix="a/cc"), [])
        self.assertEqual(self.keys(StartAfter="a/c"), names[2:])
        self.assertEqual(self.keys(StartAfter="a/c/d"), names[3:])
        for delimiter, prefix, keys, prefixes in (
                ("/", "", ["a.txt", "a0", "c", "\u00e9"], ["a/", "b/"]),
                ("/", "a/", ["a/b"], ["a/c/"]), ("/", "a", ["a.txt", "a0"], ["a/"]),
                ("/", "b/", ["b/x", "b/y"], []), ("c", "", ["a.txt", "a/b", "a0", "b/x", "b/y",
                                                           "\u00e9"], ["a/c", "c"]),
                ("/d", "a", ["a.txt", "a/b", "a/c/e", "a0"], ["a/c/d"])):
            answer = self.s3.list_objects_v2(Bucket="photos", Delimiter=delimiter, Prefix=prefix)
            self.assertEqual([one["Key"] for one in answer.get("Contents", [])], keys)
            self.assertEqual([one["Prefix"] for one in answer.get("CommonPrefixes", [])], prefixes)
            self.assertEqual(answer["KeyCount"], len(keys) + len(prefixes))
        one = self.s3.list_objects_v2(Bucket="photos", Prefix="a/b", FetchOwner=True)["Contents"][0]
        self.assertEqual((one["Size"], one["StorageClass"], one["Owner"]["ID"]),
                         (3, "STANDARD", "thumbq"))
        self.assertEqual(one["ETag"], self.s3.head_object(Bucket="photos", Key="a/b")["ETag"])

    def watches(self):
        """Number of folders whose names the gateway keeps."""
        folder = Path("/proc", str(self.gateway.process.pid), "fdinfo")
        return sum(path.read_text().count("inotify wd:") for path in folder.iterdir())

    def pages(self, **options):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="photos", **options)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def test_large_folder(self):
        """The names in a large folder are kept. A list has every change that came before it."""
        large = self.photos / "large"
        large.mkdir()
        names = {f"large/picture-{i:06}.jpeg" for i in range(4000)}
        for name in names:
            (self.photos / name).touch()
        self.assertEqual(self.pages(), sorted(names))
        self.assertEqual(self.watches(), 1)
        for i in range(30):
            mine = f"large/picture-{i * 50:06}-put.jpeg"
            self.put(mine)
            names.add(mine)
            gone = f"large/picture-{i * 70:06}.jpeg"
            self.s3.delete_object(Bucket="photos", Key=gone)
            names.remove(gone)
            # Another program.
            (self.photos / f"large/picture-{i * 70 + 1:06}.jpeg").rename(large / f"renamed-{i}")
            names.remove(f"large/picture-{i * 70 + 1:06}.jpeg")
            names.add(f"large/renamed-{i}")
            self.assertEqual(self.keys(Prefix=mine), [mine])
            self.assertEqual(self.keys(Prefix=gone), [])
            self.assertEqual(self.keys(StartAfter=f"large/picture-{i * 70:06}", MaxKeys=1),
                             [min(name for name in names if name > f"large/picture-{i * 70:06}")])
        (large / "folder").mkdir()
        (large / "link").symlink_to("renamed-1")
        names.add("large/folder/")
        self.assertEqual(self.pages(PaginationConfig={"PageSize": 700}), sorted(names))
        self.assertEqual(self.pages(Prefix="large/r"),
                         sorted(name for name in names if name.startswith("large/r")))
        answer = self.s3.list_objects_v2(Bucket="photos", Delimiter="/", Prefix="large/")
        self.assertEqual((answer["IsTruncated"], answer["KeyCount"]), (True, 1000))
        self.assertEqual(answer["CommonPrefixes"][0]["Prefix"], "large/folder/")
        self.assertEqual(self.watches(), 1)
        # The folder is replaced by another one.
        large.rename(self.photos / "moved")
        self.put("large/x")
        self.assertEqual(self.keys(Prefix="large/"), ["large/x"])
        self.assertEqual(len(self.pages(Prefix="moved/")), len(names))

    def exchange(self, one, other):
        """Exchanges the names of two files, as renameat2(2) does with RENAME_EXCHANGE."""
        if ctypes.CDLL(None, use_errno=True).renameat2(
                -100, bytes(one), -100, bytes(other), 2) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def test_exchanged_names(self):
        large = self.photos / "large"
        large.mkdir()
        names = {f"large/picture-{i:06}.jpeg" for i in range(4000)}
        for name in names:
            (self.photos / name).touch()
        self.assertEqual(self.pages(), sorted(names))
        self.assertEqual(self.watches(), 1)
        self.exchange(large / "picture-000001.jpeg", large / "picture-000003.jpeg")
        self.assertEqual(self.pages(), sorted(names))
        # A folder and a file.
        (large / "folder").mkdir()
        self.put("large/folder/x")
        self.exchange(large / "folder", large / "picture-000001.jpeg")
        names = names - {"large/picture-000001.jpeg"} | {"large/folder",
                                                         "large/picture-000001.jpeg/x"}
        self.assertEqual(self.pages(), sorted(names))
        self.assertEqual(self.watches(), 1)

    def test_empty_token(self):
        self.fill()
        answer = self.s3.list_objects_v2(Bucket="photos", ContinuationToken="", StartAfter="c")
        self.assertEqual((answer["ContinuationToken"], answer["KeyCount"]), ("", 1))
        self.refused("InvalidArgument", self.s3.list_objects_v2, Bucket="photos",
                     ContinuationToken="=")

    def test_pages(self):
        names = self.fill()
        for call in ("list_objects_v2", "list_objects"):
            for size in (1, 2, 3, 100):
                for options in ({}, {"Delimiter": "/"}, {"Prefix": "a"}):
                    whole = getattr(self.s3, call)(Bucket="photos", **options)
                    expected = [[one["Key"] for one in whole.get("Contents", [])],
                                [one["Prefix"] for one in whole.get("CommonPrefixes", [])]]
                    found = [[], []]
                    pages = self.s3.get_paginator(call).paginate(
                        Bucket="photos", PaginationConfig={"PageSize": size}, **options)
                    for page in pages:
                        contents = page.get("Contents", [])
                        prefixes = page.get("CommonPrefixes", [])
                        self.assertLessEqual(len(contents) + len(prefixes), size)
                        found[0] += [one["Key"] for one in contents]
                        found[1] += [one["Prefix"] for one in prefixes]
                    self.assertEqual(found, expected, (call, size, options))
        self.assertEqual(self.s3.list_objects_v2(Bucket="photos", MaxKeys=0)["KeyCount"], 0)
        self.assertEqual(len(names), 9)


if __name__ == "__main__":
    main()
