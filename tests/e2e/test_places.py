# SPDX-License-Identifier: Apache-2.0
"""Places: what thumbq makes never becomes an upload, whose the folder of the thumbnails is, and
what its names may be."""

import os
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).parents[1] / "support"))

from others import for_others
from harness import BLUE, GREEN, RED, THUMBQ, Bucket, E2ETest, main, png

MARK = "user.thumbq"


def has_attributes(folder):
    try:
        os.setxattr(folder, "user.test", b"x")
    except OSError:
        return False
    return True


class PlacesTest(E2ETest):

    def setUp(self):
        super().setUp()
        if not has_attributes(self.bucket.root):
            self.skipTest(f"{self.bucket.root} has no extended attributes")

    def other_bucket(self, path):
        """A bucket at another place."""
        other = Bucket.__new__(Bucket)
        other.root, other.path = self.bucket.root, path
        path.mkdir(parents=True, exist_ok=True)
        other.thumbnails, other.state, other.daemons = path / "thumbnails", path / ".thumbq", []
        return other

    def states(self, bucket=None):
        """{name: state, or the error's name}"""
        return {row["name"]: row["error"]["name"] if row["error"] else row["state"]
                for row in (bucket or self.bucket).list()}


class Loops(PlacesTest):
    """Thumbnails of thumbnails would never end."""

    def test_prefix_renamed(self):
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.put("b.png", png(300, 200, GREEN))
        self.bucket.sync()
        os.rename(self.bucket.thumbnails, self.bucket.path / "taken")
        self.bucket.put("c.png", png(300, 200, BLUE))
        self.bucket.wait_record("c.png")
        self.bucket.sync()
        made = {name: state for name, state in self.states().items()
                if name.startswith("taken/") and state != "made_by_thumbq"}
        self.assertEqual(made, {})
        self.assertEqual(daemon.stop(), 0)
        # Nor does the next one take them.
        self.assertEqual(self.bucket.once().status, 0)
        states = self.states()
        self.assertEqual({name for name, state in states.items() if state == "done"},
                         {"a.png", "b.png", "c.png"})
        self.assertEqual({state for name, state in states.items() if name.startswith("taken/")},
                         {"made_by_thumbq"})

    def test_prefix_is_below_a_folder_that_is_renamed(self):
        self.bucket.configure("[bucket]\nprefix = out/thumbs\n")
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        os.rename(self.bucket.path / "out", self.bucket.path / "else")
        self.bucket.put("b.png", png(300, 200, RED))
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.assertEqual({name for name, state in self.states().items()
                          if state != "made_by_thumbq"}, {"a.png", "b.png"})
        self.assertEqual(daemon.stop(), 0)

    def test_thumbnail_moved_out(self):
        """It is seen, and says why nothing is made of it."""
        self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        os.rename(self.bucket.small("a.png"), self.bucket.path / "b.webp")
        row = self.bucket.wait_record("b.webp", "skipped")
        self.assertEqual((row["error"]["name"], row["error"]["class"], row["thumbnails"]),
                         ("made_by_thumbq", "skip", []))
        # Another picture under that name is a picture, though the attribute is still there.
        self.bucket.put("b.webp", png(300, 200, GREEN))
        self.assertIn(MARK, os.listxattr(self.bucket.path / "b.webp"))
        self.assertEqual(self.bucket.wait_record("b.webp")["type"], "png")

    def test_forged_mark(self):
        """Whoever can set attributes hides nothing by that."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        mark = os.getxattr(self.bucket.small("a.png"), MARK)
        forged = {"random.png": os.urandom(len(mark)), "bit.png": bytes([mark[0] ^ 1]) + mark[1:]}
        for name in ("old.png", "older.png", "copied.png", *forged):
            path = self.bucket.put(name, png(300, 200, GREEN))
            mtime = struct.pack("<q", os.stat(path).st_mtime_ns)
            value = forged.get(name, {"old.png": mark[:16] + mtime, "older.png": mark[:8],
                                      "copied.png": mark}.get(name))
            os.setxattr(path, MARK, value)
        result = self.bucket.once()
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(set(self.states().values()), {"done"})

    def test_bucket_in_bucket(self):
        inner = self.other_bucket(self.bucket.path / "inner")
        inner.put("a.png", png(300, 200, RED))
        self.assertEqual(inner.once().status, 0)
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.states(), {"inner/a.png": "done"})
        inner.put("b.png", png(300, 200, RED))
        self.assertEqual(inner.once().status, 0)
        self.bucket.wait_record("inner/b.png")
        self.bucket.sync()
        self.assertEqual(self.states(), {"inner/a.png": "done", "inner/b.png": "done"})
        self.assertEqual(self.states(inner), {"a.png": "done", "b.png": "done"})
        self.assertEqual(daemon.stop(), 0)

    def test_prefix_in_another_bucket(self):
        """The thumbnails of one lie in the other."""
        other = self.other_bucket(self.bucket.root / "other")
        inside = self.bucket.path / "of-others" / "thumbs"
        other.configure(f"[bucket]\nprefix = {inside}\n")
        other.put("a.png", png(300, 200, RED))
        self.bucket.put("b.png", png(300, 200, RED))
        self.assertEqual(other.once().status, 0)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.states(), {"b.png": "done"})

    def test_prefixes_in_each_other(self):
        other = self.other_bucket(self.bucket.root / "other")
        outer = self.bucket.root / "thumbs"
        self.bucket.configure(f"[bucket]\nprefix = {outer}\n")
        other.configure(f"[bucket]\nprefix = {outer / 'small'}\n")
        self.bucket.put("a.png", png(300, 200, RED))
        other.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(other.once().status, 0)
        for bucket in (self.bucket, other):
            self.assertEqual(bucket.command("sweep", "all", "--bucket", bucket.path).status, 0)
            for row in bucket.list():
                self.assertEqual(row["state"], "done")
                for thumbnail in row["thumbnails"]:
                    self.assertTrue(os.path.exists(bucket.path / thumbnail["path"]), row)


class Marks(PlacesTest):

    def sweep(self):
        result = self.bucket.command("sweep", "all", "--bucket", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        return result.out

    def to_old_form(self, path):
        """As versions before the key marked it: two hashes and the time of the file."""
        os.setxattr(path, MARK, os.getxattr(path, MARK)[:24])

    def test_key_is_secret(self):
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        key = os.stat(self.bucket.state / "mark.key")
        self.assertEqual(key.st_mode & 0o7777, 0o600)

    def test_old_marks_hold(self):
        """An upgrade loses no thumbnail, and makes none again; sweeps still know theirs."""
        for name in ("a.png", "b.png"):
            self.bucket.put(name, png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        inodes = {}
        for path in self.bucket.thumbnails.rglob("*.png.*"):
            self.to_old_form(path)
            inodes[path] = os.stat(path).st_ino
        (self.bucket.state / "mark.key").unlink()
        self.assertEqual(self.sweep(), "all in order\n")
        self.assertEqual(self.bucket.once("--report").reports, [])
        self.assertEqual({path: os.stat(path).st_ino for path in inodes}, inodes)
        # Of an object that goes now, nothing stays.
        (self.bucket.path / "b.png").unlink()
        orphan = self.bucket.small("b.png").read_bytes()
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png"])
        self.assertTrue(orphan)

    def test_old_mark_set_later(self):
        """Nobody is believed who sets such a mark now, on other bytes."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("a.png")
        small.write_bytes(bytes(small.stat().st_size))
        mtime = struct.pack("<q", os.stat(small).st_mtime_ns)
        os.setxattr(small, MARK, os.getxattr(small, MARK)[:16] + mtime)
        self.assertIn("1 object with missing or changed thumbnails", self.sweep())
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.sweep(), "all in order\n")

    def test_key_lost(self):
        """Thumbnails are known by their bytes; none is taken for an upload, and none is lost."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        (self.bucket.state / "mark.key").unlink()
        self.sweep()
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.sweep(), "all in order\n")
        self.check_bucket(["a.png"])

    def test_key_of_others(self):
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        os.chmod(self.bucket.state / "mark.key", 0o644)
        result = self.bucket.once()
        self.assertNotEqual(result.status, 0)
        self.assertIn("mark.key", result.log)


class Owners(PlacesTest):
    """An absolute prefix is of one bucket."""

    def setUp(self):
        super().setUp()
        self.prefix = self.bucket.root / "thumbs"
        self.other = self.other_bucket(self.bucket.root / "other")
        for bucket in (self.bucket, self.other):
            bucket.configure(f"[bucket]\nprefix = {self.prefix}\n")
            bucket.put("a.png", png(300, 200, RED))
            bucket.put(f"{bucket.path.name}.png", png(300, 200, RED))

    def test_anothers_is_refused(self):
        self.assertEqual(self.bucket.once().status, 0)
        for command in (("run", "--once"), ("run",), ("sweep", "all", "--bucket")):
            result = self.other.command(*command, self.other.path)
            self.assertEqual(result.status, 2, result.log)
            self.assertIn(f"those of the bucket '{self.bucket.path}'", result.log)
            self.assertIn("run --adopt", result.log)
        self.assertEqual(self.bucket.command("sweep", "all", "--bucket", self.bucket.path).out,
                         "all in order\n")

    def test_adopt(self):
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.other.once("--adopt").status, 0)
        self.assertEqual(self.bucket.once().status, 2)
        # What the first one has made is not the second one's to remove.
        result = self.other.command("sweep", "all", "--bucket", self.other.path)
        self.assertEqual(result.status, 0, result.log)
        self.assertTrue((self.prefix / "small/bucket.png.webp").is_file())
        self.assertTrue((self.prefix / "small/other.png.webp").is_file())

    def test_moved_and_copied(self):
        self.assertEqual(self.bucket.once().status, 0)
        shutil.copytree(self.bucket.path, self.bucket.root / "copy", symlinks=True)
        copy = self.other_bucket(self.bucket.root / "copy")
        self.assertEqual(copy.once().status, 2)
        shutil.rmtree(copy.path)
        os.rename(self.bucket.path, self.bucket.root / "moved")
        moved = self.other_bucket(self.bucket.root / "moved")
        self.assertEqual(moved.once().status, 0)
        self.assertEqual(self.states(moved), {"a.png": "done", "bucket.png": "done"})

    def test_unreadable_owner(self):
        self.assertEqual(self.bucket.once().status, 0)
        (self.prefix / ".thumbq.owner").write_text("nonsense\n")
        result = self.bucket.once()
        self.assertEqual(result.status, 2)
        self.assertIn(".thumbq.owner", result.log)

    def test_relative_is_the_buckets_own(self):
        """Whoever may upload cannot stop it by such a file."""
        self.assertEqual(self.bucket.once().status, 0)
        third = self.other_bucket(self.bucket.root / "third")
        third.thumbnails.mkdir()
        shutil.copy(self.prefix / ".thumbq.owner", third.thumbnails)
        third.put("a.png", png(300, 200, RED))
        self.assertEqual(third.once().status, 0)


class Prefixes(PlacesTest):

    def test_link_in_the_prefix(self):
        elsewhere = self.bucket.root / "elsewhere"
        elsewhere.mkdir()
        self.bucket.put("a.png", png(300, 200, RED))
        (self.bucket.path / "out").symlink_to(elsewhere)
        for prefix in ("out/thumbs", "out", self.bucket.path / "out" / "thumbs"):
            self.bucket.configure(f"[bucket]\nprefix = {prefix}\n")
            result = self.bucket.once()
            self.assertEqual(result.status, 2, result.log)
            self.assertIn("'out' in it is a symbolic link", result.log)
            self.assertEqual(os.listdir(elsewhere), [])

    def test_link_in_place_of_the_prefix(self):
        """Somebody who may write to the bucket ends no daemon with it."""
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(30, 20, RED))
        self.bucket.wait_record("a.png")
        away = self.bucket.path / "away"
        os.rename(self.bucket.thumbnails, away)
        self.bucket.thumbnails.symlink_to("/nowhere")
        self.bucket.put("b.png", png(30, 20, RED))
        self.bucket.wait_for(lambda: "is a symbolic link" in daemon.log(), "a word on it")
        self.assertTrue(daemon.is_running(), daemon.log())
        self.bucket.thumbnails.unlink()
        self.bucket.wait_record("b.png")
        self.assertTrue(self.bucket.small("b.png").exists())
        self.assertEqual(daemon.stop(), 0)

    def test_link_in_an_absolute_prefix(self):
        (self.bucket.root / "real").mkdir()
        (self.bucket.root / "link").symlink_to("real")
        self.bucket.configure(f"[bucket]\nprefix = {self.bucket.root}/link/thumbs\n")
        result = self.bucket.once()
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("'link' in it is a symbolic link", result.log)


class Names(PlacesTest):

    def test_removal_that_fails_is_said(self):
        if os.geteuid() == 0:
            self.skipTest("root may remove everything")
        self.bucket.put("x/a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        folder = self.bucket.small("x/a.png").parent
        daemon = self.bucket.start()
        self.bucket.sync()
        os.chmod(folder, 0o500)
        (self.bucket.path / "x/a.png").unlink()
        self.bucket.wait_for(lambda: "cannot remove the thumbnail 'small/x/a.png.webp'" in
                             daemon.log(), "a warning")
        os.chmod(folder, 0o700)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.bucket.command("sweep", "orphans", self.bucket.path).status, 0)
        self.check_bucket([])

    def put_one_by_one(self, *names):
        for name in names:
            self.bucket.put(name, png(300, 200, RED))
            self.assertEqual(self.bucket.once().status, 0)

    def test_folder_of_a_thumbnails_name(self):
        self.bucket.configure("[bucket]\nignore = .*\n")
        self.put_one_by_one("victim.jpg.webp/b.png", "victim.jpg", "victim.jpg.webp~/b.png")
        self.check_bucket(["victim.jpg.webp/b.png", "victim.jpg", "victim.jpg.webp~/b.png"])
        shutil.rmtree(self.bucket.path / "victim.jpg.webp")
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["victim.jpg", "victim.jpg.webp~/b.png"])

    def test_imitation_of_a_cut_name(self):
        victim = "k" * 252
        self.put_one_by_one(victim)
        row, = self.bucket.list()
        names = {os.path.basename(t["path"]).rsplit(".", 1)[0] for t in row["thumbnails"]}
        self.put_one_by_one(*names)
        self.check_bucket([victim, *names])
        for name in names:
            (self.bucket.path / name).unlink()
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket([victim])

    def test_folder_renamed_to_and_fro(self):
        daemon = self.bucket.start()
        names = ["a.jpg/x.png", "a.jpg/" + "k" * 252]
        for name in names:
            self.bucket.put(name, png(300, 200, RED))
        self.bucket.sync()
        inode = os.stat(self.bucket.thumbnails / "small/a.jpg~/x.png.webp").st_ino
        os.rename(self.bucket.path / "a.jpg", self.bucket.path / "b")
        self.bucket.wait_record("b/x.png")
        self.bucket.sync()
        self.assertEqual(os.stat(self.bucket.small("b/x.png")).st_ino, inode)
        self.check_bucket([name.replace("a.jpg", "b") for name in names])
        self.assertEqual(daemon.stop(), 0)

    def test_names_of_an_older_version(self):
        """They are brought to their new places, and nothing is made again."""
        keys = ["a.jpg/x.png", "b.png"]
        for key in keys:
            self.bucket.put(key, png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        for rendition in ("small", "large"):
            folder = self.bucket.thumbnails / rendition
            os.rename(folder / "a.jpg~", folder / "a.jpg")
        for path in self.bucket.thumbnails.rglob("*.png.*"):
            os.setxattr(path, MARK, os.getxattr(path, MARK)[:24])
        (self.bucket.state / "mark.key").unlink()
        self.assertEqual(self.bucket.once("--report").reports, [])
        self.check_bucket(keys)

    def test_other_links(self):
        """A thumbnail that somebody has linked elsewhere is made anew when it moves: an attribute
        would be on the other name's file too."""
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        link = self.bucket.root / "link"
        os.link(self.bucket.small("a.png"), link)
        mark = os.getxattr(link, MARK)
        os.rename(self.bucket.path / "a.png", self.bucket.path / "b.png")
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.assertEqual(os.getxattr(link, MARK), mark)
        self.assertNotEqual(os.stat(self.bucket.small("b.png")).st_ino, os.stat(link).st_ino)
        self.check_bucket(["b.png"])
        self.assertEqual(daemon.stop(), 0)


NO_ID = 0xffffffff  # in an entry of an access control list that names nobody


class Readers(E2ETest):
    """Nobody may read a thumbnail who could not read the picture."""

    def mode(self, path):
        return os.stat(path).st_mode & 0o7777

    def put(self, name, mode, folder_mode=None):
        path = self.bucket.put(name, png(300, 200, RED))
        os.chmod(path, mode)
        if folder_mode is not None:
            os.chmod(path.parent, folder_mode)
        return path

    def test_mode_of_the_picture(self):
        modes = {"a.png": 0o600, "b.png": 0o640, "c.png": 0o644, "d.png": 0o660, "e.png": 0o444}
        for name, mode in modes.items():
            self.put(name, mode)
        self.assertEqual(self.bucket.once().status, 0)
        for name, mode in modes.items():
            for path in (self.bucket.small(name), self.bucket.large(name)):
                self.assertEqual(self.mode(path), mode | 0o600, name)

    def test_folders(self):
        """A picture that everybody may read lies in a folder that nobody else may enter."""
        self.put("private/deep/a.png", 0o644)
        self.put("public/b.png", 0o644, 0o755)
        os.chmod(self.bucket.path / "private", 0o700)
        os.chmod(self.bucket.path / "private/deep", 0o777)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.thumbnails / "small"
        self.assertEqual(self.mode(small / "private"), 0o700)
        self.assertEqual(self.mode(small / "private/deep"), 0o755)
        self.assertEqual(self.mode(small / "public"), 0o755)

    def test_changed_later(self):
        daemon = self.bucket.start()
        path = self.put("x/a.png", 0o644, 0o755)
        self.bucket.wait_record("x/a.png")
        small = self.bucket.small("x/a.png")
        os.chmod(path, 0o600)
        self.bucket.wait_for(lambda: self.mode(small) == 0o600, "the thumbnail to be private")
        os.chmod(path.parent, 0o700)
        self.bucket.wait_for(lambda: self.mode(small.parent) == 0o700, "its folder to be private")
        os.chmod(path.parent, 0o750)
        self.bucket.wait_for(lambda: self.mode(small.parent) == 0o750, "its folder to follow")
        self.assertEqual(daemon.stop(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_files_that_others_put_there(self):
        """The owner of a folder of thumbnails moves somebody else's file to a thumbnail's name."""
        alice, bob = 3001, 3002
        os.chmod(self.bucket.path, 0o777)
        os.chmod(self.bucket.root, 0o755)
        daemon = self.bucket.start()
        picture = self.put("alice/p.png", 0o644)
        os.chown(picture.parent, alice, alice)
        os.chown(picture, alice, alice)
        self.bucket.wait_record("alice/p.png")
        self.bucket.sync()
        small = self.bucket.small("alice/p.png")
        secret = self.bucket.root / "secret"
        secret.write_bytes(b"s" * small.stat().st_size)
        os.chmod(secret, 0o600)
        os.chown(secret, bob, bob)
        os.rename(secret, small)
        self.as_user(alice, "mv", picture, picture.with_name("q.png"))
        self.bucket.wait_record("alice/q.png")
        self.as_user(alice, "touch", picture.with_name("q.png"))
        self.bucket.sync()
        self.bucket.command("sweep", "all", self.bucket.path)
        for path in small.parent.iterdir():
            if path.read_bytes().startswith(b"sss"):
                self.assertEqual((path.stat().st_uid, self.mode(path)), (bob, 0o600), path)
        self.assertEqual(daemon.stop(), 0)

    def set_list(self, path, attribute, entries):
        """An access control list as the kernel takes it: (tag, rights, user or group) each."""
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        try:
            os.setxattr(path, attribute, value)
        except OSError as error:
            self.skipTest(f"no access control lists: {error}")

    def as_user(self, uid, *command):
        subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                        *map(os.fspath, command)], check=True)

    def test_lists_that_are_handed_down(self):
        """A folder's default list gives user 3001 what is made in it; the thumbnail gets none."""
        entries = ((1, 7, NO_ID), (2, 5, 3001), (4, 5, NO_ID), (16, 5, NO_ID), (32, 5, NO_ID))
        self.set_list(self.bucket.path, "system.posix_acl_default", entries)
        elsewhere = self.bucket.root / "s.png"
        elsewhere.write_bytes(png(30, 20, RED))
        os.chmod(elsewhere, 0o640)
        os.rename(elsewhere, self.bucket.path / "s.png")
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("s.png")
        self.assertEqual(self.mode(small), 0o640)
        self.assertNotIn("system.posix_acl_access", os.listxattr(small))

    def test_folders_of_an_older_version(self):
        self.put("x/a.png", 0o644)
        os.chmod(self.bucket.path / "x", 0o700)
        self.assertEqual(self.bucket.once().status, 0)
        folder = self.bucket.small("x/a.png").parent
        os.chmod(folder, 0o755)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(folder), 0o700)

    def test_moved_into_a_private_folder(self):
        daemon = self.bucket.start()
        path = self.put("a.png", 0o644)
        (self.bucket.path / "private").mkdir(mode=0o700)
        self.bucket.wait_record("a.png")
        os.rename(path, self.bucket.path / "private/a.png")
        self.bucket.wait_record("private/a.png")
        self.bucket.sync()
        self.assertEqual(self.mode(self.bucket.small("private/a.png").parent), 0o700)
        self.assertEqual(daemon.stop(), 0)

    def test_owner_and_group_as_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        path = self.put("x/a.png", 0o640, 0o750)
        os.chown(path, 12345, 12346)
        os.chown(path.parent, 12347, 12348)
        self.assertEqual(self.bucket.once().status, 0)
        made = self.bucket.small("x/a.png")
        st = os.stat(made)
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (12345, 12346, 0o640))
        st = os.stat(made.parent)
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (12347, 12348, 0o750))

    def test_group_that_cannot_be_given(self):
        """Its rights are dropped; others keep only what the group had, too."""
        if os.geteuid() != 0:
            self.skipTest("only root can make such files for the test")
        modes = {"a.png": (0o640, 0o600), "b.png": (0o644, 0o644), "c.png": (0o604, 0o600)}
        os.chmod(self.bucket.path, 0o755)
        for name, (mode, _expected) in modes.items():
            path = self.put(name, mode)
            os.chown(path, 12345, 12346)
        os.chown(self.bucket.path, 12345, 12345)
        thumbq = for_others(THUMBQ)
        result = subprocess.run([thumbq, "run", "--once", self.bucket.path], user=12345,
                                group=12345, extra_groups=[], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        for name, (_mode, expected) in modes.items():
            self.assertEqual(self.mode(self.bucket.small(name)), expected, name)

    def test_access_control_list(self):
        """A list says who else may read: with one, only the owner is left."""
        path = self.put("a.png", 0o640)
        entries = ((1, 6, NO_ID), (2, 4, 12345), (4, 0, NO_ID), (16, 4, NO_ID), (32, 0, NO_ID))
        self.set_list(path, "system.posix_acl_access", entries)
        self.assertEqual(self.mode(path), 0o640)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(self.bucket.small("a.png")), 0o600)

    def test_thumbnails_of_an_older_version(self):
        """They are open to all: the first sweep closes them."""
        self.put("a.png", 0o600)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("a.png")
        os.chmod(small, 0o644)
        result = self.bucket.command("sweep", "missing", "--dry-run", "--bucket", self.bucket.path)
        self.assertEqual((result.status, self.mode(small)), (0, 0o644))
        result = self.bucket.command("sweep", "missing", "--bucket", self.bucket.path)
        self.assertEqual((result.status, self.mode(small)), (0, 0o600))

    def test_setting(self):
        self.bucket.configure("[bucket]\nmode = 0640\n")
        self.put("x/a.png", 0o600, 0o700)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("x/a.png")
        self.assertEqual((self.mode(small), self.mode(small.parent)), (0o640, 0o750))
        for wrong in ("0755", "640x", "0200", "all", "0888", "06440"):
            self.bucket.configure(f"[bucket]\nmode = {wrong}\n")
            self.assertEqual(self.bucket.once().status, 2, wrong)

    def test_absolute_prefix(self):
        """The bucket lies where nobody else gets, the thumbnails would lie where all do."""
        prefix = self.bucket.root / "thumbs"
        inner = self.bucket.path / "closed" / "photos"
        inner.mkdir(parents=True)
        os.chmod(inner.parent, 0o700)
        bucket = Bucket.__new__(Bucket)
        bucket.root, bucket.path, bucket.daemons = self.bucket.root, inner, []
        bucket.thumbnails, bucket.state = prefix, inner / ".thumbq"
        bucket.configure(f"[bucket]\nprefix = {prefix}\n")
        bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(bucket.once().status, 0)
        self.assertEqual(self.mode(prefix / "small"), 0o700)


if __name__ == "__main__":
    main()
