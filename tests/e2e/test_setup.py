# SPDX-License-Identifier: Apache-2.0
"""`thumbq setup`: a service over a folder, on a machine of the test's own, with systemd."""

import os
import shutil
import unittest

from harness import E2ETest, RED, main, png, wait_for
from installed import make_package, needs_real_build
from machine import Machine

INSTANCE = "thumbq@srv-photos.service"
CONFIG = "/etc/thumbq/photos.conf"
STATE = "/var/lib/thumbq/srv-photos"


class Refused(E2ETest):

    @unittest.skipIf(os.geteuid() == 0, "root may set up a service")
    def test_not_root(self):
        result = self.bucket.command("setup", self.bucket.path)
        self.assertEqual(result.status, 74)
        self.assertIn("sudo thumbq setup", result.log)


@needs_real_build
class Setup(E2ETest):

    @classmethod
    def setUpClass(cls):
        cls.package = make_package(cls)

    def setUp(self):
        super().setUp()
        self.machine = Machine()
        self.addCleanup(self.machine.end)
        shutil.copy(self.package, self.machine.path("/tmp/thumbq.deb"))
        self.install()
        self.photos = self.machine.path("/srv/photos")
        self.photos.mkdir()
        (self.photos / "old.png").write_bytes(png(30, 30, RED))

    def install(self):
        self.machine.check("dpkg", "--no-triggers", "-i", "/tmp/thumbq.deb")

    def status(self, name):
        return self.machine.check("systemctl", "show", "--value", "--property", name,
                                  INSTANCE).strip()

    def check_works(self, name):
        (self.photos / name).write_bytes(png(30, 30, RED))
        thumbnail = self.photos / f"thumbnails/small/{name}.webp"
        wait_for(thumbnail.exists, f"a thumbnail of {name}",
                 lambda: self.machine.run("journalctl", "--no-pager", "-u", INSTANCE).stdout)

    def owner(self, path):
        return self.machine.check("stat", "--format", "%U %a", path).strip()

    def test_from_nothing(self):
        out = self.machine.check("thumbq", "setup", "/srv/photos")
        for text in (CONFIG, STATE, INSTANCE):
            self.assertIn(text, out)
        self.assertEqual(self.status("ActiveState"), "active")
        self.check_works("new.png")
        self.assertEqual(self.owner(STATE), "thumbq 700")
        self.assertEqual(self.owner(CONFIG), "root 644")
        self.assertFalse((self.photos / ".thumbq").exists())

        # README's daily commands work for root, and tell other users which user they need.
        self.machine.check("thumbq", "sync", "/srv/photos")
        self.assertIn("2 done", self.machine.check("thumbq", "stats", "/srv/photos"))
        other = self.machine.run("setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups",
                                 "thumbq", "stats", "/srv/photos")
        self.assertNotEqual(other.returncode, 0)
        self.assertIn("thumbq", other.stdout.split("thumbq:", 1)[1])
        self.assertEqual(self.owner(STATE), "thumbq 700", "root has left nothing of its own")
        self.assertEqual(self.machine.check("find", STATE, "!", "-user", "thumbq"), "")

        # A second call changes nothing.
        self.machine.path(CONFIG).write_text(
            f"[bucket]\npath = /srv/photos\nstate = {STATE}\n[rendition small]\nsize = 16x16\n"
            "format = webp\n")
        text = self.machine.path(CONFIG).read_text()
        self.machine.check("thumbq", "setup", "/srv/photos/")
        self.assertEqual(self.machine.path(CONFIG).read_text(), text)
        self.check_works("newer.png")

        # The removal keeps the files of people.
        out = self.machine.check("thumbq", "setup", "--remove", "/srv/photos")
        self.assertIn(STATE, out)
        self.assertEqual(self.status("ActiveState"), "inactive")
        self.assertFalse(self.machine.path(CONFIG).exists())
        self.assertTrue((self.photos / "thumbnails/small/new.png.webp").exists())
        self.assertTrue(self.machine.path(STATE).exists())
        self.assertEqual(self.machine.run("thumbq", "setup", "--remove", "/srv/photos").returncode,
                         1)

    def test_what_root_has_made_is_taken_over(self):
        state = self.photos / ".thumbq"
        state.mkdir(mode=0o700)
        (state / "thumbq.conf").write_text("[rendition tiny]\nsize = 8x8\nformat = png\n")
        self.machine.check("thumbq", "run", "--once", "--quiet", "/srv/photos")
        made = (self.photos / "thumbnails/tiny/old.png.png").stat()
        self.machine.check("thumbq", "setup", "/srv/photos")
        self.assertFalse(state.exists())
        self.assertIn("size = 8x8", self.machine.path(CONFIG).read_text())
        self.machine.check("thumbq", "sync", "/srv/photos")
        after = (self.photos / "thumbnails/tiny/old.png.png").stat()
        self.assertEqual(after.st_ino, made.st_ino, "the record moved along: nothing is made again")
        (self.photos / "new.png").write_bytes(png(30, 30, RED))
        self.machine.check("thumbq", "sync", "/srv/photos")
        self.assertTrue((self.photos / "thumbnails/tiny/new.png.png").exists())

    def test_what_others_have_planted_is_not(self):
        state = self.photos / ".thumbq"
        state.mkdir(mode=0o700)
        (state / "thumbq.conf").write_text("[schedule x]\ncron = @daily\nrun = exec id\n")
        self.machine.check("chown", "-R", "daemon:daemon", "/srv/photos")
        result = self.machine.run("thumbq", "setup", "/srv/photos")
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertIn("belongs to the user 'daemon'", result.stdout)
        self.assertFalse(self.machine.path(CONFIG).exists())
        self.machine.check("rm", "-r", "/srv/photos/.thumbq")
        self.machine.check("ln", "-s", "/etc", "/srv/photos/.thumbq")
        self.assertNotEqual(self.machine.run("thumbq", "setup", "/srv/photos").returncode, 0)
        self.assertEqual(self.machine.check("stat", "--format", "%U", "/etc").strip(), "root")

    def test_reinstalled_it_runs_again(self):
        self.machine.check("thumbq", "setup", "/srv/photos")
        self.machine.check("dpkg", "-r", "thumbq")
        self.assertEqual(self.machine.run("pgrep", "-x", "thumbq").stdout, "")
        self.install()
        self.assertEqual(self.status("ActiveState"), "active")
        self.check_works("new.png")
        # A service that an administrator has stopped stays stopped.
        self.machine.check("systemctl", "stop", INSTANCE)
        self.install()
        self.assertEqual(self.status("ActiveState"), "inactive")


if __name__ == "__main__":
    main()
