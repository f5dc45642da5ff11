# SPDX-License-Identifier: Apache-2.0
"""thumbq.conf and the options of run: messages name mistakes, a change remakes only the affected
thumbnails, and folders may lie anywhere."""

import os
import shutil
from unittest import mock

from harness import BLUE, GREEN, RED, E2ETest, identify, main, png

TWO = "[rendition small]\nsize = 32x32\nformat = {}\nquality = {}\n[rendition big]\nsize = 64x64\n"


class Mistakes(E2ETest):

    def assert_refused(self, text, *expected):
        self.bucket.configure(text)
        self.bucket.put("a.png", png(20, 20, RED))
        result = self.bucket.once()
        self.assertEqual(result.status, 2, (text, result.log))
        for part in expected:
            self.assertIn(part, result.log)
        self.assertFalse((self.bucket.state / "store").exists(), "nothing has begun")
        self.assertFalse(self.bucket.thumbnails.exists())

    def test_unknown_section(self):
        self.assert_refused("[bucket]\n\n[handlr]\n", "thumbq.conf:3:", "'handlr'", "'handler'")

    def test_unknown_key(self):
        self.assert_refused("# a comment\n[rendition small]\nqualty = 80\n", "thumbq.conf:3:",
                            "'qualty'", "[rendition", "'quality'")

    def test_unknown_value(self):
        self.assert_refused("[rendition small]\nfit = insde\n", "thumbq.conf:2:", "fit",
                            "'insde'", "'inside'")

    def test_wrong_schedule(self):
        self.assert_refused("[schedule x]\ncron = 0 3 * *\nrun = sweep all\n", "[schedule x]",
                            "0 3 * *")
        self.assert_refused("[schedule x]\ncron = @daily\nrun = swep all\n", "[schedule x]",
                            "swep all")

    def test_values_out_of_range(self):
        for section, line in (("handler", "concurrency = 0"), ("handler", "timeout = 5 parsecs"),
                              ("handler", "memory = 1K"), ("rendition x", "quality = 101"),
                              ("rendition x", "size = 0x10"), ("rendition x", "size = big"),
                              ("bucket", "prefix ="), ("bucket", "prefix = a/../b"),
                              ("rendition x", "background = red")):
            with self.subTest(line):
                self.assert_refused(f"[{section}]\n{line}\n", "thumbq.conf")

    def test_not_a_line(self):
        self.assert_refused("[bucket]\nprefix\n", "thumbq.conf:2:", "'prefix'")

    def test_missing_file(self):
        result = self.bucket.once("--config", self.bucket.root / "nowhere.conf")
        self.assertEqual(result.status, 3, result.log)
        self.assertIn("nowhere.conf", result.log)

    def test_wrong_environment(self):
        with mock.patch.dict(os.environ, THUMBQ_ISOLATION="some"):
            result = self.bucket.once()
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("THUMBQ_ISOLATION: ", result.log)
        self.assertIn("'some'", result.log)

    def test_wrong_options(self):
        for arguments in (["--jobs", "none"], ["--jobs", "0"], ["--size", "big"],
                          ["--size", "0x0"], ["--size", "8x8,8x8"], ["--size", ""], ["--sizes"]):
            with self.subTest(arguments):
                result = self.bucket.once(*arguments)
                self.assertEqual(result.status, 2, result.log)
                self.assertIn(arguments[0], result.log)


class Options(E2ETest):

    def test_size_replaces_the_renditions(self):
        self.bucket.put("a.png", png(200, 100, RED))
        done = self.bucket.once("--size", "64x64,32x16")
        self.assertEqual(done.status, 0, done.log)
        row = self.check_bucket(["a.png"])[b"a.png"]
        made = [(t["rendition"], t["type"], t["width"], t["height"]) for t in row["thumbnails"]]
        self.assertEqual(made, [("64x64", "jpeg", 64, 32), ("32x16", "jpeg", 32, 16)])
        self.assertEqual(row["thumbnails"][0]["path"], "thumbnails/64x64/a.png.jpg")

    def test_jobs_bounds_the_workers(self):
        for i in range(30):
            self.bucket.put(f"{i}.png", png(300, 300, (i, 0, 0)))
        daemon = self.bucket.start_once("--jobs", "1")
        seen = set()

        def look():
            found = daemon.workers()
            self.assertLessEqual(len(found), 1)
            seen.update(found)
            return not daemon.is_running()

        self.bucket.wait_for(look, "the daemon to finish")
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(len(seen), 1)

    def test_config_refuses_what_the_daemon_would(self):
        path = self.bucket.root / "try.conf"
        for text, reason in (
                ("[schedule x]\ncron = 0 3 * *\nrun = sweep all\n", "cron: cannot parse"),
                ("[schedule x]\ncron = @daily\nrun = swep all\n", "cannot be run"),
                ("[schedule x]\ncron = @daily\ntimezone = Europe/Berlyn\nrun = sweep all\n",
                 "unknown time zone 'Europe/Berlyn'"),
                ("[lifecycle x]\nprefix = /tmp/\nexpire = 3d\n", "no name begins with '/tmp/'"),
                ("[lifecycle x]\nprefix = tmp/\nexpire = 3\n", "has no unit")):
            with self.subTest(text):
                path.write_text(text)
                result = self.bucket.command("config", "--config", path)
                self.assertEqual(result.status, 2, result.log)
                self.assertIn(reason, result.log)
                self.assertEqual(result.out, "")
        path.write_text("[lifecycle x]\nprefix = tmp*\nexpire = 3d\n")
        result = self.bucket.command("config", "--config", path)
        self.assertEqual(result.status, 0, result.log)
        self.assertIn("'tmp*' is no pattern", result.log)

    def test_quiet_with_nothing_to_do(self):
        """Cron would send each line of output as a mail."""
        self.bucket.put("a.png", png(9, 9, RED))
        self.bucket.once()
        result = self.bucket.once("--quiet")
        self.assertEqual((result.status, result.out, result.log), (0, "", ""))

    def test_ignored_paths(self):
        self.bucket.configure("[bucket]\nignore = private/*; *.gif\n")
        for name in ("private/a.png", "private/x/b.png", "c.png", "other/private/d.png"):
            self.bucket.put(name, png(9, 9, RED))
        self.bucket.once()
        self.assertEqual(sorted(row["name"] for row in self.bucket.list()),
                         ["c.png", "other/private/d.png"])
        self.bucket.configure("[bucket]\nignore = other/private/*\n")
        self.bucket.once()
        self.assertEqual(sorted(row["name"] for row in self.bucket.list()),
                         ["c.png", "private/a.png", "private/x/b.png"])

    def test_quiet(self):
        self.bucket.put("a.png", png(20, 20, RED))
        done = self.bucket.once("--quiet")
        self.assertEqual(done.reports, [])
        self.assertEqual(done.status, 0)

    def test_config_elsewhere(self):
        conf = self.bucket.root / "other.conf"
        conf.write_text("[rendition only]\nsize = 10x10\nformat = png\n")
        self.bucket.put("a.png", png(20, 20, RED))
        done = self.bucket.once("--config", conf)
        self.assertEqual(done.status, 0, done.log)
        self.assertEqual(identify([self.bucket.thumbnail("only", "a.png", "png")]),
                         [("PNG", 10, 10)])

    def test_printed_configuration_is_taken_again(self):
        first = self.bucket.read("config").out
        conf = self.bucket.root / "printed.conf"
        conf.write_text(first)
        again = self.bucket.command("config", "--config", conf)
        self.assertEqual(again.status, 0, again.log)
        self.assertEqual(again.out, first)


class Recipes(E2ETest):

    def identity(self, path):
        st = os.stat(path)
        return (st.st_ino, st.st_mtime_ns, st.st_size)

    def fill(self):
        self.names = ["a.png", "x/b.png"]
        for name in self.names:
            self.bucket.put(name, png(100, 100, GREEN))

    def run_once(self, text):
        self.bucket.configure(text)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_bucket(self.names)
        return done

    def test_changed_rendition_is_the_only_one_remade(self):
        self.fill()
        self.run_once(TWO.format("webp", 80))
        before = [self.identity(self.bucket.thumbnail("big", name, "jpg")) for name in self.names]
        small = [self.identity(self.bucket.small(name)) for name in self.names]

        done = self.run_once(TWO.format("webp", 30))
        self.assertEqual(len(done.reports), 2)
        after = [self.identity(self.bucket.thumbnail("big", name, "jpg")) for name in self.names]
        self.assertEqual(after, before)
        for old, name in zip(small, self.names):
            self.assertNotEqual(self.identity(self.bucket.small(name))[0], old[0])

        self.assertEqual(self.run_once(TWO.format("webp", 30)).reports, [])

    def test_changed_format_leaves_nothing_of_the_old(self):
        self.fill()
        self.run_once(TWO.format("webp", 80))
        self.run_once(TWO.format("png", 80))
        self.assertEqual(identify([self.bucket.thumbnail("small", "a.png", "png")]),
                         [("PNG", 32, 32)])
        self.assertFalse(self.bucket.small("a.png").exists())

    def test_added_rendition_is_the_only_one_made(self):
        self.fill()
        self.run_once("[rendition big]\nsize = 64x64\n")
        big = self.identity(self.bucket.thumbnail("big", "a.png", "jpg"))
        done = self.run_once("[rendition big]\nsize = 64x64\n[rendition new]\nsize = 10x10\n")
        self.assertEqual(len(done.reports), 2)
        self.assertEqual(self.identity(self.bucket.thumbnail("big", "a.png", "jpg")), big)
        self.assertEqual(identify([self.bucket.thumbnail("new", "a.png", "jpg")]),
                         [("JPEG", 10, 10)])

    def test_fits(self):
        self.names = ["a.png"]
        self.bucket.put("a.png", png(200, 100, GREEN))
        self.run_once("".join(f"[rendition {fit}]\nsize = 50x50\nformat = png\nfit = {fit}\n"
                              for fit in ("inside", "cover", "attention", "entropy", "fill")))
        row = self.bucket.show("a.png")
        self.assertEqual([(t["rendition"], t["width"], t["height"]) for t in row["thumbnails"]],
                         [("inside", 50, 25), ("cover", 50, 50), ("attention", 50, 50),
                          ("entropy", 50, 50), ("fill", 50, 50)])

    def test_changed_object_gets_all_its_thumbnails_back(self):
        self.fill()
        self.run_once(TWO.format("webp", 80))
        shutil.rmtree(self.bucket.thumbnails / "big" / "x")
        self.bucket.put("x/b.png", png(50, 100, RED))
        self.run_once(TWO.format("webp", 80))
        self.assert_color(self.bucket.thumbnail("big", "x/b.png", "jpg"), RED)


class Places(E2ETest):

    def check_place(self, prefix, state):
        """Checks all work with these folders, with `run` and with `run --once`."""
        self.bucket.thumbnails = self.bucket.path / prefix
        self.bucket.state = self.bucket.path / state
        conf = self.bucket.root / "places.conf"
        conf.write_text(f"[bucket]\nprefix = {prefix}\nstate = {state}\n")
        config = ("--config", conf)
        read = self.bucket.command
        self.bucket.command = lambda *arguments, **more: read(
            arguments[0], *config, *arguments[1:], **more)
        self.bucket.put("one.png", png(20, 20, RED))
        daemon = self.bucket.start(*map(str, config))
        self.bucket.put("x/two.png", png(20, 20, BLUE))
        self.bucket.wait_record("one.png")
        row = self.bucket.wait_record("x/two.png")
        self.bucket.sync()
        self.assertEqual(daemon.stop(), 0)
        self.check_bucket(["one.png", "x/two.png"])
        done = self.bucket.once()
        self.assertEqual((done.status, done.reports), (0, []), done.log)
        self.assert_color(self.bucket.path / row["thumbnails"][0]["path"], BLUE)
        self.bucket.command = read
        return row

    def test_elsewhere(self):
        elsewhere = self.bucket.root / "else where"
        row = self.check_place(f"{elsewhere}/thumbs", f"{elsewhere}/state")
        self.assertEqual(row["thumbnails"][0]["path"],
                         f"{elsewhere}/thumbs/small/x/two.png.webp")
        self.assertEqual(self.bucket.files_in(self.bucket.path), {b"one.png", b"x/two.png"})

    def test_other_names_inside(self):
        row = self.check_place("web/thumbs", ".state/thumbq")
        self.assertEqual(row["thumbnails"][0]["path"], "web/thumbs/small/x/two.png.webp")

    def test_absolute_inside(self):
        row = self.check_place(f"{self.bucket.path}/web/thumbs", f"{self.bucket.path}/state")
        self.assertEqual(row["thumbnails"][0]["path"], "web/thumbs/small/x/two.png.webp")

    def test_one_inside_the_other_is_refused(self):
        self.bucket.configure("[bucket]\nprefix = .thumbq/thumbnails\n")
        self.assertEqual(self.bucket.once().status, 2)


if __name__ == "__main__":
    main()
