# SPDX-License-Identifier: Apache-2.0
"""conf.d of a state folder: more files of the configuration, in the order of their names, and the
files that are refused there."""

import os
import signal

from harness import BLUE, RED, E2ETest, main, png, wait_for


class Fragments(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.put("a.png", png(90, 60, RED))
        self.folder = self.bucket.state / "conf.d"
        self.folder.mkdir(parents=True, mode=0o700)

    def fragment(self, name, text):
        (self.folder / name).write_text(text)

    def rendition(self, name, size):
        return f"[rendition {name}]\nsize = {size}\n"

    def made(self):
        return {path.name for path in self.bucket.thumbnails.iterdir() if path.is_dir()}

    def refused(self, *says):
        """Checks that `config` and `run` refuse the configuration, with these words in the
        message."""
        for command in (["config"], ["run", "--once"]):
            result = self.bucket.command(*command, self.bucket.path)
            self.assertEqual(result.status, 2, (command, result.log))
            for words in says:
                self.assertIn(words, result.log)
        self.assertFalse(self.bucket.thumbnails.exists())

    def test_beside_the_main_file(self):
        self.bucket.configure(self.rendition("one", "30x30"))
        self.fragment("20-two.conf", self.rendition("two", "20x20") + "[handler]\nretries = 1\n")
        self.fragment("10-three.conf", self.rendition("three", "10x10"))
        self.fragment(".hidden.conf", "nonsense\n")
        self.fragment("notes.txt", "nonsense\n")
        self.fragment("20-two.conf~", "nonsense\n")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.made(), {"one", "two", "three"})
        text = self.bucket.read("config").out
        self.assertIn("\nretries = 1\n", text)
        names = [line for line in text.splitlines() if line.startswith("[rendition")]
        self.assertEqual(names, ["[rendition one]", "[rendition three]", "[rendition two]"])
        for file, section in (("thumbq.conf", "rendition one"),
                              ("conf.d/10-three.conf", "rendition three"),
                              ("conf.d/20-two.conf", "handler")):
            self.assertIn(f"# from {os.path.realpath(self.bucket.state)}/{file}\n[{section}]\n",
                          text)
        # The printed configuration is a file with the same meaning.
        copy = self.bucket.root / "copy.conf"
        copy.write_text(text)
        again = self.bucket.command("config", "--config", copy).out
        self.assertEqual([line for line in text.splitlines() if not line.startswith("# from")],
                         again.splitlines())

    def test_without_a_main_file(self):
        self.fragment("a.conf", "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.made(), {"small", "large"})
        self.assertIn("\nretries = 0\n", self.bucket.read("config").out)

    def test_state_elsewhere(self):
        state = self.bucket.root / "state"
        (state / "conf.d").mkdir(parents=True, mode=0o700)
        (state / "conf.d" / "a.conf").write_text(self.rendition("there", "10x10"))
        self.fragment("a.conf", self.rendition("here", "10x10"))
        main_file = self.bucket.root / "main.conf"
        main_file.write_text(f"[bucket]\nstate = {state}\n")
        done = self.bucket.once("--config", main_file)
        self.assertEqual(done.status, 0, done.log)
        self.assertEqual(self.made(), {"there"})

    def test_mistakes_are_named(self):
        self.bucket.configure(self.rendition("one", "30x30") + "[handler]\nretries = 1\n")
        for text, says in (
                (self.rendition("one", "20x20"), ":1: there are two renditions named 'one'; the "
                 f"other is in '{os.path.realpath(self.bucket.state)}/thumbq.conf'"),
                ("\n[handler]\n", ":2: there are two sections [handler]; the other is in '"),
                ("[rendition x]\nqualty = 3\n", ":2: unknown key 'qualty'"),
                ("[bucket]\nstate = other\n", ":2: 'state' must be in the main file"),
                ("[bucket]\npath = /srv\n", ":2: 'path' must be in the main file"),
                ("[schedule x]\ncron = 1\nrun = sweep all\n", ":1: [schedule x] cron: "),
                ("[lifecycle x]\nprefix = ./x\nexpire = 3d\n", ":1: [lifecycle x] prefix: "),
                ("[alarm x]\nmetric = Errors\nthreshold = 1\nperiod = 90s\n", ":1: [alarm x] "),
                ("[rendition x]\nformat = avif\nkeep = exif\n", ": [rendition x] avif "),
        ):
            with self.subTest(text=text):
                self.fragment("50-x.conf", text)
                self.refused("conf.d/50-x.conf" + says)

    def test_twice_in_two_fragments(self):
        self.fragment("a.conf", self.rendition("one", "20x20"))
        self.fragment("b.conf", self.rendition("one", "20x20"))
        self.refused("conf.d/b.conf:1: there are two renditions named 'one'", "conf.d/a.conf'")

    def test_bounds(self):
        for i in range(64):
            self.fragment(f"{i:02}.conf", "")
        self.assertEqual(self.bucket.command("config", self.bucket.path).status, 0)
        self.fragment("64.conf", "")
        self.refused("more than 64 files in ", "/conf.d'")
        for i in range(65):
            (self.folder / f"{i:02}.conf").unlink()
        for name in ("a", "b"):
            self.fragment(f"{name}.conf", "# words\n" * 70000)
        self.refused("conf.d/b.conf", "more than 1 MiB")
        (self.folder / "b.conf").write_bytes(b"[handler]\0\n")
        self.refused("conf.d/b.conf: the file holds NUL bytes")

    def test_what_is_not_trusted(self):
        victim = self.bucket.root / "victim"
        victim.mkdir()
        (victim / "a.conf").write_text(self.rendition("planted", "10x10"))
        path = self.folder / "a.conf"
        path.symlink_to(victim / "a.conf")
        self.refused("conf.d/a.conf': it is a symbolic link")
        path.unlink()
        os.mkfifo(path)
        self.refused("conf.d/a.conf': it is no regular file")
        path.unlink()
        path.mkdir()
        self.refused("conf.d/a.conf': it is no regular file")
        path.rmdir()
        self.fragment("a.conf", self.rendition("planted", "10x10"))
        path.chmod(0o622)
        self.refused("conf.d/a.conf': others than its owner may write to it")
        path.chmod(0o600)
        self.folder.chmod(0o777)
        self.refused("conf.d': others than its owner may write to it")
        path.unlink()
        self.folder.rmdir()
        self.folder.symlink_to(victim)
        self.refused("conf.d': it is a symbolic link")
        self.folder.unlink()
        os.mkfifo(self.folder)
        self.refused("conf.d': it is no folder")

    def test_read_anew(self):
        self.bucket.configure(self.rendition("one", "30x30"))
        daemon = self.bucket.start("--jobs", "1")
        self.bucket.sync()
        self.fragment("two.conf", self.rendition("two", "20x20"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "[rendition two]" in daemon.log(), "the fragment to be read", daemon.log)
        self.assertIn("thumbq.conf' and 1 in conf.d: [rendition two]", daemon.log())
        self.bucket.sync()
        self.assertEqual(self.made(), {"one", "two"})

        self.fragment("two.conf", self.rendition("one", "20x20"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the old one stays in force" in daemon.log(), "the mistake to be named",
                 daemon.log)
        self.assertIn("conf.d/two.conf:1: there are two renditions named 'one'", daemon.log())
        self.bucket.put("b.png", png(20, 20, BLUE))
        (self.folder / "two.conf").unlink()  # for the commands; the daemon has both renditions
        self.bucket.sync()
        self.assertEqual(len(self.bucket.show("b.png")["thumbnails"]), 2)


if __name__ == "__main__":
    main()
