# SPDX-License-Identifier: Apache-2.0
"""Messages about mistakes: each names the word, the disk or the type that is to blame, and a
remedy."""

import os
import subprocess

from harness import RED, E2ETest, jpeg, main, png

PLACES = ("'prefix'", "'state'", "--config")


class Words(E2ETest):
    """The message names the mistyped word."""

    def refuse(self, status, *arguments, cwd=None):
        result = self.bucket.command(*arguments, cwd=cwd)
        self.assertEqual(result.status, status, result.log)
        return result.log

    def test_mistyped_choices(self):
        log = self.refuse(2, "sweep", "orphan", self.bucket.path)
        self.assertIn("'orphan'; did you mean 'orphans'?", log)
        log = self.refuse(2, "dead", "revive", self.bucket.path)
        self.assertIn("'revive'; it is one of: list, retry, drop", log)
        log = self.refuse(2, "reprocess", "strt", "3", self.bucket.path)
        self.assertIn("'strt'; did you mean 'start'?", log)
        for line in log.splitlines():
            self.assertNotIn(os.fspath(self.bucket.path), line)

    def test_mistyped_choice_without_a_bucket(self):
        self.assertIn("'orphans'?", self.refuse(2, "sweep", "orphan", cwd=self.bucket.root))

    def test_a_bucket_is_no_choice(self):
        (self.bucket.root / "retri").mkdir()
        log = self.refuse(2, "dead", "retri", "more", cwd=self.bucket.root)
        self.assertIn("'more' is one argument too many", log)
        log = self.refuse(3, "dead", "nowhere", cwd=self.bucket.root)
        self.assertIn("no such bucket: 'nowhere'", log)

    def test_no_bucket(self):
        self.assertIn("'mkdir DIR'", self.refuse(3, "stats", cwd=self.bucket.root))
        log = self.refuse(3, "stats", "nowhere", cwd=self.bucket.root)
        self.assertIn("'mkdir' makes the folder", log)

    def test_arguments_show(self):
        """A quoted argument in a message has no effect on a terminal, in any place."""
        bad, seen = "a\x1b]0;b\a\n\u202ec\x9bd%41", "a%1B]0;b%07%0A%E2%80%AEc%C2%9Bd%41"
        path = self.bucket.path
        self.bucket.once()
        for arguments in (("show", bad, path), ("sweep", bad, path), ("dead", "retry", path, bad),
                          ("stats", bad), ("stats", "--by", bad, path), ("list", "--sort", bad, path),
                          ("list", "--state", bad, path), ("list", "--prefix", "/" + bad, path),
                          ("list", "--since", bad, path), ("list", "--" + bad, path),
                          ("list", "--limit", bad, path), ("run", "--jobs", bad, path),
                          ("bill", "--month", bad, path), ("sync", "--timeout", bad, path),
                          ("schedule", "--check", "0 3 * * *", "--tz", bad), ("stats", "--config", bad, path),
                          ("config", bad), (bad,), ("help", bad)):
            with self.subTest(arguments):
                result = self.bucket.command(*arguments)
                text = result.log + result.out
                self.assertNotEqual(result.status, 0, text)
                self.assertFalse([c for c in text if c in "\x1b\a\u202e\x9b"], ascii(text))
                self.assertIn(seen, text)

    def test_jobs(self):
        log = self.refuse(2, "run", "--jobs", "many", self.bucket.path)
        self.assertIn("--jobs: 'many' is no number; write auto, or 1 to 1024", log)


class Machine(E2ETest):
    """A lack of the machine is reported once, with the reason."""

    def test_handler_that_cannot_start(self):
        program = self.bucket.root / "handler"
        program.write_text("#!/bin/sh\nexit 3\n")
        program.chmod(0o755)
        self.bucket.put("a.png", png(4, 4, RED))
        for handler, reason in ((program, "exited with status 3"),
                                (self.bucket.root / "none", "No such file or directory")):
            result = self.bucket.command("run", "--once", self.bucket.path,
                                         env={"THUMBQ_HANDLER": os.fspath(handler)})
            self.assertEqual(result.status, 70, result.log)
            self.assertEqual(result.log.count(reason), 1, result.log)
            self.assertIn("thumbq doctor", result.log)

    def mount(self, *options):
        folder = self.bucket.root / "mounted"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder],
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"needs the right to mount a file system: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        (folder / "a.png").write_bytes(png(4, 4, RED))
        for option in options:
            subprocess.run(["mount", "-o", f"remount,{option}", folder], check=True)
        return folder

    def check_places(self, folder):
        result = self.bucket.command("run", "--once", folder)
        self.assertEqual(result.status, 74, result.log)
        for place in PLACES:
            self.assertIn(place, result.log)

    def test_disk_that_is_read_only(self):
        self.check_places(self.mount("ro"))

    def test_disk_that_is_full(self):
        folder = self.mount()
        (folder / ".thumbq").mkdir()
        with open(folder / "fill", "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass  # it is full
        self.check_places(folder)

    def test_files_elsewhere(self):
        """The remedy of the message helps."""
        folder = self.mount("ro")
        conf = self.bucket.root / "elsewhere.conf"
        places = self.bucket.root / "places"
        places.mkdir()
        conf.write_text(f"[bucket]\nprefix = {places}/thumbnails\nstate = {places}/state\n")
        result = self.bucket.command("run", "--once", "--config", conf, folder)
        self.assertEqual(result.status, 0, result.log)


class Types(E2ETest):
    """A picture of a type that thumbq does not read is left alone, and named."""

    FILES = {
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "export"),
        "layers.psd": (b"8BPS\0\1" + bytes(20), "PSD", "export"),
        "raw.cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3", "develop"),
        "raw.cr2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(20), "CR2", "develop"),
        "photo.jxl": (b"\xff\x0a" + bytes(20), "JPEG XL", "convert"),
        "scan.jp2": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20), "JPEG 2000", "convert"),
        "paint.bmp": (b"BM" + bytes(12) + b"\x28" + bytes(30), "BMP", "convert"),
    }

    def setUp(self):
        super().setUp()
        for name, (data, _type, _advice) in self.FILES.items():
            self.bucket.put(name, data)

    def test_named_and_skipped(self):
        self.assertEqual(self.bucket.once().status, 0)
        rows = {row["name"]: row for row in self.bucket.list()}
        for name, (_data, kind, advice) in self.FILES.items():
            error = rows[name]["error"]
            self.assertEqual(rows[name]["state"], "skipped", name)
            self.assertEqual((error["name"], error["class"]), ("unsupported_type", "skip"), name)
            self.assertIn(kind, error["message"], name)
            self.assertIn(f"{advice} it", error["message"], name)
        self.assertEqual(self.bucket.stats()["invocations"]["errors"], 0)
        self.assertEqual(self.bucket.read("dead", "list").out, "")

    def test_a_variety_of_a_read_type_is_dead(self):
        """A hierarchical JPEG file, which no library reads."""
        data = jpeg(16, 16, RED).replace(b"\xff\xc0", b"\xff\xc5").replace(b"\xff\xc2", b"\xff\xc5")
        self.bucket.put("odd.jpg", data)
        self.assertEqual(self.bucket.once().status, 1)
        row, = [row for row in self.bucket.list() if row["name"] == "odd.jpg"]
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"), row)

    def test_unknown_is_null_and_empty(self):
        self.bucket.put("notes.txt", b"no picture")
        self.bucket.once()
        for row in self.bucket.list():
            for field in ("width", "height", "pages", "orientation", "alpha"):
                self.assertIsNone(row[field], (row["name"], field))
        for line in self.bucket.read("list").out.splitlines():
            self.assertNotIn(" - ", line)
        csv = self.bucket.read("list", "--csv").out.splitlines()
        heading = csv[0].split(",")
        for line in csv[1:]:
            cells = dict(zip(heading, line.split(",")))
            self.assertEqual([cells[name] for name in ("width", "orientation", "alpha")], [""] * 3)


if __name__ == "__main__":
    main()
