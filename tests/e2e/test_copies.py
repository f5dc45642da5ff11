# SPDX-License-Identifier: Apache-2.0
"""Buckets that were copied, restored or moved: no existing thumbnail is made again. Also the
commands of docs/backup.md."""

import os
import re
import shutil
import subprocess

from harness import BLUE, GREEN, RED, SOURCE_DIR, THUMBQ, Bucket, E2ETest, main, png

PICTURES = {f"{folder}{i}.png": png(20 + i, 20, color) for i, (folder, color) in enumerate(
    [("", RED), ("a/", GREEN), ("a/b/", BLUE), ("c d/", RED), ("k" * 251 + "/", GREEN)])}
LONG = "k" * 251 + ".png"  # its thumbnails' names are cut

# Ways to copy a folder from "$1" to "$2".
COPIES = {
    "cp -a": 'cp -a "$1" "$2"',
    "cp -r": 'cp -r "$1" "$2"',
    "rsync -a": 'rsync -a "$1/" "$2/"',
    "rsync -aX": 'rsync -aX "$1/" "$2/"',
    "rsync -rlp": 'rsync -rlp "$1/" "$2/"',
    "tar": 'mkdir "$2" && tar -C "$1" -cf - . | tar -C "$2" -xf -',
    "tar --xattrs": 'mkdir "$2" && tar -C "$1" --xattrs -cf - . | tar -C "$2" --xattrs -xf -',
    "mv": 'mv "$1" "$2"',
}


class Copies(E2ETest):

    def setUp(self):
        super().setUp()
        for name, data in {**PICTURES, LONG: png(9, 9, BLUE), "notes.txt": b"x"}.items():
            self.bucket.put(name, data)
        self.assertEqual(self.bucket.once().status, 0)

    def copy(self, how):
        """Copies the bucket, and keeps the original. Returns the copy."""
        kept = self.bucket.root / "kept"
        if not kept.exists():
            subprocess.run(["cp", "-a", self.bucket.path, kept], check=True)
        source = self.bucket.root / "source"
        subprocess.run(["cp", "-a", kept, source], check=True)
        root = self.bucket.root / f"to {how}"
        copy = Bucket(root) if root.mkdir() is None else None
        copy.path.rmdir()
        subprocess.run(["sh", "-c", COPIES[how], "sh", source, copy.path], check=True)
        shutil.rmtree(source, ignore_errors=True)
        return copy

    @staticmethod
    def thumbnails(bucket):
        """Returns {thumbnail: inode}."""
        base = os.fsencode(bucket.thumbnails)
        return {name: os.stat(os.path.join(base, name)).st_ino
                for name in bucket.files_in(bucket.thumbnails)}

    def check_copy(self, copy):
        self.bucket, original = copy, self.bucket
        try:
            return self.check_bucket([*PICTURES, LONG, "notes.txt"])
        finally:
            self.bucket = original

    def test_nothing_is_made_again(self):
        facts = {name: [row[field] for field in ("width", "height", "thumbhash", "color")]
                 for name, row in self.bucket.records().items()}
        for how in COPIES:
            with self.subTest(how=how):
                if how.startswith("rsync") and not shutil.which("rsync"):
                    self.skipTest("copies by rsync are not tried: it is not installed")
                copy = self.copy(how)
                there = self.thumbnails(copy)
                self.assertEqual(len(there), 2 * (len(PICTURES) + 1))
                self.assertEqual(copy.once().status, 0)
                self.assertEqual(self.thumbnails(copy), there)
                rows = self.check_copy(copy)
                self.assertEqual(facts, {name: [row[field] for field in (
                    "width", "height", "thumbhash", "color")] for name, row in rows.items()})
                # The thumbnails have their marks again: another run has no work, and sweeps know
                # them.
                count = copy.stats()["invocations"]["count"]
                self.assertEqual(copy.once().status, 0)
                self.assertEqual(copy.stats()["invocations"]["count"], count)
                self.assertEqual(copy.command("sweep", copy.path).out, "all in order\n")
                (copy.path / "0.png").unlink()
                copy.once()
                self.assertEqual(len(self.thumbnails(copy)), len(there) - 2)

    def test_under_a_daemon(self):
        copy = self.copy("cp -r")
        there = self.thumbnails(copy)
        self.bucket.daemons.append(copy.start())
        copy.sync()
        self.assertEqual(self.thumbnails(copy), there)
        self.check_copy(copy)

    def test_what_is_another_is_made_again(self):
        copy = self.copy("cp -r")
        there = self.thumbnails(copy)
        (copy.path / "0.png").write_bytes(png(77, 20, BLUE))
        damaged = copy.small("a/1.png")
        data = bytearray(damaged.read_bytes())
        data[-1] ^= 1
        damaged.write_bytes(data)
        copy.large("a/b/2.png").unlink()
        self.assertEqual(copy.once().status, 0)
        self.check_copy(copy)
        now = self.thumbnails(copy)
        remade = {name for name, inode in now.items() if there[name] != inode}
        self.assertEqual({os.path.relpath(name, b"small") for name in remade
                          if name.startswith(b"small/")},
                         {b"0.png.webp", b"a/1.png.webp", b"a/b/2.png.webp"})

    def test_thumbnails_alone_are_restored(self):
        """The records are unchanged, but the thumbnails have lost their marks."""
        aside = self.bucket.root / "aside"
        subprocess.run(["cp", "-r", self.bucket.thumbnails, aside], check=True)
        shutil.rmtree(self.bucket.thumbnails)
        subprocess.run(["cp", "-r", aside, self.bucket.thumbnails], check=True)
        there = self.thumbnails(self.bucket)
        dry = self.bucket.command("sweep", "missing", "--dry-run", self.bucket.path)
        self.assertEqual((dry.status, dry.log), (0, "all in order\n"))
        self.assertEqual(self.bucket.command("sweep", "missing", self.bucket.path).out,
                         "all in order\n")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.thumbnails(self.bucket), there)
        self.check_bucket([*PICTURES, LONG, "notes.txt"])


class Documented(E2ETest):
    """Runs docs/backup.md from its first block to its last."""

    def test_every_command(self):
        for program in ("rsync", "mdb_copy"):
            if not shutil.which(program):
                self.skipTest(f"docs/backup.md is not tried: {program} is not installed")
        text = (SOURCE_DIR / "docs" / "backup.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 3)
        home = self.bucket.root / "home"
        home.mkdir()
        photos = Bucket(home)
        photos.path.rename(home / "photos")
        photos.path = home / "photos"
        photos.thumbnails = photos.path / "thumbnails"
        photos.state = photos.path / ".thumbq"
        for name, data in PICTURES.items():
            photos.put(name, data)
        self.assertEqual(photos.once().status, 0)
        programs = self.bucket.root / "bin"
        programs.mkdir()
        for name in ("thumbq", "thumbq-thumbnail"):
            (programs / name).symlink_to(os.path.join(os.path.dirname(os.path.realpath(THUMBQ)),
                                                      name))
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        for number, block in enumerate(blocks):
            if "mdb_copy" in block:  # the copy of a store that is written to
                daemon = photos.start()
                self.bucket.daemons.append(daemon)
                photos.put("late.png", png(50, 50, RED))
                photos.sync()
            done = subprocess.run(["bash", "-ec", block], cwd=home, env=environment, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, 0, f"block {number}:\n{block}\n{done.stdout}")
        restored = home / "restored" / "photos"
        result = self.bucket.command("list", "--json", restored)
        self.assertEqual({(row["name"], row["state"]) for row in result.lines()},
                         {(name, "done") for name in [*PICTURES, "late.png"]})
        # The next run makes no thumbnail again, although the restored files have other inodes.
        self.assertEqual(self.bucket.command("run", "--once", restored).status, 0)
        for name in [*PICTURES, "late.png"]:
            made = restored / "thumbnails" / "small" / f"{name}.webp"
            self.assertEqual(made.stat().st_mtime_ns,
                             (photos.small(name)).stat().st_mtime_ns)


if __name__ == "__main__":
    main()
