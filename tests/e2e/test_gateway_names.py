# SPDX-License-Identifier: Apache-2.0
"""Keys of objects, and the files and folders that they name: odd, refused, foreign, in conflict."""

import os
from pathlib import Path

from gateway import S3Test
from harness import main


class Names(S3Test):

    def test_names(self):
        names = ["a b", "a+b", "\u00e9/\u20ac", "a%2Fb", "a&<>\"'", "~x", "a\\b", "a/.b", "(x)!*",
                 ".hidden", "a.txt", "x" * 255, "=?", "tab\tx"]
        for name in names:
            with self.subTest(name):
                self.put(name, name.encode())
                self.assertEqual((self.photos / name).read_bytes(), name.encode())
                self.assertEqual(self.get(name)["Body"].read(), name.encode())
        self.assertEqual(self.keys(), sorted(names, key=str.encode))

    def test_names_refused(self):
        for name, code in (("a//b", "InvalidURI"), ("a/../b", "InvalidURI"), ("./a", "InvalidURI"),
                           ("..", "InvalidURI"), ("a/.", "InvalidURI"),
                           ("x" * 256, "KeyTooLongError"), ("a/" * 513, "KeyTooLongError"),
                           (".thumbq/x", "AccessDenied"), (".thumbq", "AccessDenied"),
                           (".thumbq-uploads/x", "AccessDenied"),
                           ("a/.thumbq/thumbq.conf", "AccessDenied"),
                           ("a/b/.thumbq-gateway/keys.json", "AccessDenied"),
                           ("a/.thumbq-uploads/x", "AccessDenied"),
                           ("thumbnails/x", "AccessDenied"), ("thumbnails", "AccessDenied")):
            with self.subTest(name):
                self.refused(code, self.put, name)
                if code != "AccessDenied":
                    self.refused(code if not name.startswith("/") else code, self.s3.delete_object,
                                 Bucket="photos", Key=name)
        self.assertEqual(self.keys(), [])
        self.assertFalse((Path(self.root) / "b").exists())

    def test_thumbnails_are_read(self):
        (self.photos / "thumbnails").mkdir()
        (self.photos / "thumbnails/x.webp").write_bytes(b"thumb")
        answer = self.get("thumbnails/x.webp")
        self.assertEqual((answer["Body"].read(), answer["ContentType"]), (b"thumb", "image/webp"))
        self.refused("AccessDenied", self.s3.delete_object, Bucket="photos", Key="thumbnails/x.webp")
        (self.photos / ".thumbq").mkdir()
        (self.photos / ".thumbq/thumbq.conf").write_text("")
        self.refused("AccessDenied", self.get, ".thumbq/thumbq.conf")
        (self.photos / "sub/.thumbq").mkdir(parents=True)
        (self.photos / "sub/.thumbq/mark.key").write_text("secret")
        self.refused("AccessDenied", self.get, "sub/.thumbq/mark.key")
        for source in ("photos/.thumbq/thumbq.conf", "photos/sub/.thumbq/mark.key"):
            self.refused("AccessDenied", self.s3.copy_object, Bucket="photos", Key="copy",
                         CopySource=source)
        self.assertNotIn("sub/.thumbq/mark.key", self.keys())
        self.assertIn("thumbnails/x.webp", self.keys())

    def test_conflicts(self):
        self.put("a/b")
        self.put("c")
        self.assertEqual(self.refused("KeyConflict", self.put, "a"), 409)
        self.assertEqual(self.refused("KeyConflict", self.put, "c/d"), 409)
        self.assertEqual(self.keys(), ["a/b", "c"])

    def test_folders(self):
        self.put("dir/", b"")
        self.assertTrue((self.photos / "dir").is_dir())
        self.assertEqual(self.keys(), ["dir/"])
        self.assertEqual(self.get("dir/")["Body"].read(), b"")
        self.put("dir/a")
        self.assertEqual(self.keys(), ["dir/a"])
        self.s3.delete_object(Bucket="photos", Key="dir/a")
        self.assertEqual(self.keys(), ["dir/"])
        self.s3.delete_object(Bucket="photos", Key="dir/")
        self.assertEqual(self.keys(), [])
        self.refused("InvalidArgument", self.put, "dir/", b"bytes")
        # A folder that came with an object is removed with it.
        self.put("x/y/z")
        self.s3.delete_object(Bucket="photos", Key="x/y/z")
        self.assertFalse((self.photos / "x").exists())

    def test_links_and_the_like(self):
        secret = Path(self.root, "secret")
        secret.write_text("secret")
        os.symlink(secret, self.photos / "link")
        os.symlink(self.root, self.photos / "folder")
        os.mkfifo(self.photos / "fifo")
        for name in ("link", "folder/secret", "fifo"):
            self.refused("NoSuchKey", self.get, name)
        self.assertEqual(self.keys(), [])
        self.refused("KeyConflict", self.put, "link")
        self.refused("KeyConflict", self.put, "folder/secret")
        for name in ("link", "folder/secret", "fifo"):
            self.s3.delete_object(Bucket="photos", Key=name)
        self.assertEqual(secret.read_text(), "secret")
        self.assertTrue((self.photos / "link").is_symlink())

    def test_files_of_others(self):
        (self.photos / "a.jpg").write_bytes(b"picture")
        head = self.s3.head_object(Bucket="photos", Key="a.jpg")
        self.assertRegex(head["ETag"], r'^"[0-9a-f]{32}-0"$')
        self.assertEqual(head["ContentType"], "image/jpeg")
        # A file that another program writes over an upload has nothing of the upload.
        self.put("b", b"one", ContentType="text/x", Metadata={"m": "1"})
        (self.photos / "b").write_bytes(b"other")
        head = self.s3.head_object(Bucket="photos", Key="b")
        self.assertRegex(head["ETag"], r'-0"$')
        self.assertEqual(head["Metadata"], {})


if __name__ == "__main__":
    main()
