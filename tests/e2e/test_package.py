# SPDX-License-Identifier: Apache-2.0
"""The Debian package: its content, and its life on a machine of the test's own, with systemd."""

import re
import shutil
import unittest

from harness import E2ETest, RED, THUMBQ, main, png, slow_png, wait_for
from installed import SOURCE, expected_files, make_package, needs_real_build, run
from machine import Machine

INSTANCE = "thumbq@srv-photos.service"

# Lintian reports these about the address of the builder, which the builder of a package chooses.
LINTIAN_SUPPRESSED = "bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact"


@needs_real_build
@unittest.skipUnless(shutil.which("dpkg-deb"), "no Debian machine")
class Package(E2ETest):

    @classmethod
    def setUpClass(cls):
        cls.package = make_package(cls)

    def test_name(self):
        version = run(THUMBQ, "version").split()[1]
        architecture = run("dpkg", "--print-architecture").strip()
        self.assertEqual(self.package.name, f"thumbq_{version}_{architecture}.deb")

    def test_files(self):
        rows = run("dpkg-deb", "-c", self.package).splitlines()
        files = {row.split()[5] for row in rows if not row.startswith("d")}
        documents = {"share/doc/thumbq/changelog.gz", "share/doc/thumbq/copyright"}
        self.assertEqual(files, {f"./usr/{name}" for name in expected_files() | documents})
        self.assertEqual({row.split()[1] for row in rows}, {"root/root"})
        self.assertEqual({row[:10] for row in rows if row.startswith("d")}, {"drwxr-xr-x"})

    def test_control(self):
        depends = run("dpkg-deb", "-f", self.package, "Depends")
        for name in ("libc6", "libvips42", "libglib2.0-0", "liblmdb0", "libseccomp2"):
            self.assertRegex(depends, rf"\b{re.escape(name)}", "by dpkg-shlibdeps")
        self.assertNotIn("-dev", depends)
        self.assertEqual(run("dpkg-deb", "-f", self.package, "Section").strip(), "graphics")

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed")
    def test_lintian(self):
        out = run("lintian", "--allow-root", "--fail-on", "error,warning",
                  f"--suppress-tags={LINTIAN_SUPPRESSED}", self.package)
        self.assertNotRegex(out, r"(?m)^[EW]: ")

    def make_machine(self):
        """A machine with the package. The triggers of a package (the index of the manual) take
        longer."""
        machine = Machine()
        self.addCleanup(machine.end)
        shutil.copy(self.package, machine.path("/tmp/thumbq.deb"))
        self.before = machine.changed()
        machine.check("dpkg", "--no-triggers", "-i", "/tmp/thumbq.deb")
        return machine

    def make_bucket(self, machine):
        """Prepares a bucket like an administrator: with pictures of a user, and two folders that
        thumbq may fill."""
        photos = machine.path("/srv/photos")
        photos.mkdir()
        shutil.copytree(SOURCE / "sample-images/2025", photos / "2025")
        machine.check("install", "-d", "-o", "thumbq", "-g", "thumbq", "/srv/photos/.thumbq",
                      "/srv/photos/thumbnails")

    def check_works(self, machine, name):
        """Puts a picture, and waits for its thumbnails."""
        machine.path(f"/srv/photos/{name}").write_bytes(png(30, 30, RED))
        thumbnail = machine.path(f"/srv/photos/thumbnails/small/{name}.webp")
        wait_for(thumbnail.exists, f"a thumbnail of {name}",
                 lambda: machine.run("systemctl", "status", "--no-pager", INSTANCE).stdout +
                 machine.run("thumbq", "list", "/srv/photos").stdout)
        return thumbnail

    def status(self, machine, name):
        return machine.check("systemctl", "show", "--value", "--property", name, INSTANCE).strip()

    def test_life(self):
        machine = self.make_machine()
        self.assertIn("thumbq", machine.check("getent", "passwd", "thumbq"))
        self.make_bucket(machine)
        machine.check("systemctl", "enable", "--now", INSTANCE)

        # The service runs as its user, is ready, has a watchdog, and makes thumbnails.
        self.assertEqual(self.status(machine, "ActiveState"), "active")
        self.assertEqual(self.status(machine, "Type"), "notify")
        self.assertEqual(self.status(machine, "WatchdogUSec"), "3min")
        self.assertEqual(self.status(machine, "TasksMax"), "4096")
        self.assertRegex(self.status(machine, "StatusText"), r"^\d+ objects?: ")
        thumbnail = self.check_works(machine, "new.png")
        owner = machine.check("getent", "passwd", "thumbq").split(":")[2]
        self.assertEqual(str(thumbnail.stat().st_uid), owner)
        machine.check("thumbq", "sync", "/srv/photos")
        self.assertEqual(machine.run("thumbq", "list", "--state", "dead", "--json",
                                     "/srv/photos").stdout, "")

        # The service reads a new configuration without a restart. On a machine without procps no
        # program `kill` could be run.
        machine.check("mount", "--bind", "/dev/null", "/usr/bin/kill")
        process = self.status(machine, "MainPID")
        machine.path("/srv/photos/.thumbq/thumbq.conf").write_text(
            "[rendition small]\nsize = 16x16\nformat = webp\n[rendition tiny]\nsize = 8x8\n")
        machine.check("systemctl", "reload", INSTANCE)
        tiny = machine.path("/srv/photos/thumbnails/tiny/new.png.jpg")
        wait_for(tiny.exists, "a rendition of the new configuration")
        self.assertEqual(self.status(machine, "MainPID"), process)
        self.assertEqual(self.status(machine, "ActiveState"), "active")

        # An upgrade restarts the service, a removal stops it, and a purge leaves only the files of
        # people.
        machine.check("dpkg", "-i", "/tmp/thumbq.deb")
        self.assertNotEqual(self.status(machine, "MainPID"), process)
        self.check_works(machine, "after-upgrade.png")
        machine.check("dpkg", "-r", "thumbq")
        self.assertEqual(machine.run("pgrep", "-x", "thumbq").stdout, "")
        self.assertFalse(machine.path("/usr/bin/thumbq").exists())
        machine.check("dpkg", "--purge", "thumbq")
        self.check_left(machine, machine.changed() - self.before)

    def check_left(self, machine, left):
        """The user stays, because its files in the bucket stay. dpkg, man-db and systemd keep files
        of their own."""
        others = (r"/srv/photos/|/etc/(passwd|group|g?shadow)-?$|/etc/\.pwd\.lock$|/var/lib/dpkg/|"
                  r"/var/log/|/var/cache/man/|/var/lib/systemd/|/etc/machine-id$|"
                  r"/var/lib/private$|/var/cache/ldconfig/")
        self.assertEqual(sorted(path for path in left if not re.match(others, path)), [])
        self.assertTrue(machine.path("/srv/photos/thumbnails/small/new.png.webp").exists())
        self.assertNotIn("thumbq", machine.check("dpkg-query", "-W", "-f", "${Package}\n"))

    def test_sandbox_within_the_unit(self):
        """Every check of doctor runs as the unit's user and under its filters."""
        machine = self.make_machine()
        self.make_bucket(machine)
        unit = machine.path("/lib/systemd/system/thumbq@.service").read_text()
        drop_ins = {"thumbq": "", "root": (SOURCE / "packaging/as-root.conf").read_text(),
                    "container": "[Service]\nSystemCallErrorNumber=EPERM\n"}
        for name, lines in drop_ins.items():
            with self.subTest(name=name):
                doctor = re.sub(r"(?m)^(ExecStart=\S+).*", r"\1 doctor %f", unit)
                doctor = re.sub(r"(?m)^Type=.*|^Restart.*|^Watchdog.*|^ExecReload.*", "", doctor)
                doctor = doctor.replace("[Service]", "[Service]\nType=oneshot")
                folder = machine.path("/run/systemd/system/doctor@srv-photos.service.d")
                folder.mkdir(parents=True, exist_ok=True)
                machine.path("/run/systemd/system/doctor@.service").write_text(doctor)
                (folder / "user.conf").write_text(lines)
                machine.check("systemctl", "daemon-reload")
                result = machine.run("systemctl", "start", "doctor@srv-photos.service")
                journal = machine.run("journalctl", "--no-pager", "-o", "cat", "-u",
                                      "doctor@srv-photos.service").stdout.split("machine\n")[-1]
                self.assertEqual(result.returncode, 0, journal)
                self.assertRegex(journal, r"\b0 failed")
                # Calls that a filter only refuses, like those of containers, are reported.
                self.assertEqual("by a filter around thumbq" in journal, name == "container")

    def test_as_root(self):
        """The drop-in is for pictures that only their owners may read."""
        machine = self.make_machine()
        photos = machine.path("/srv/photos")
        photos.mkdir()
        (photos / "secret.png").write_bytes(png(30, 30, RED))
        machine.check("chown", "-R", "daemon:daemon", "/srv/photos")
        machine.check("chmod", "-R", "go=", "/srv/photos")
        machine.check("install", "-D", "-m", "644",
                      "/usr/share/doc/thumbq/examples/as-root.conf",
                      f"/etc/systemd/system/{INSTANCE}.d/user.conf")
        machine.check("systemctl", "daemon-reload")
        machine.check("systemctl", "start", INSTANCE)
        self.check_works(machine, "new.png")
        machine.check("thumbq", "sync", "/srv/photos")
        self.assertTrue((photos / "thumbnails/small/secret.png.webp").exists())
        (photos / "slow.png").write_bytes(slow_png())

        def users():
            return {int(uid) for uid in machine.run("ps", "-C", "thumbq-thumbnail", "-o",
                                                    "uid=").stdout.split()}

        wait_for(lambda: any(60706 <= uid <= 61183 for uid in users()), "a worker's own user",
                 lambda: machine.run("ps", "-ef").stdout)
        wait_for(lambda: not any(60706 <= uid <= 61183 for uid in users()),
                 "the end of the process of a picture", lambda: machine.run("ps", "-ef").stdout)
        machine.check("systemctl", "stop", INSTANCE)
        self.assertEqual(self.status(machine, "Result"), "success")

    def test_without_rights_it_says_what_to_do(self):
        machine = self.make_machine()
        machine.path("/srv/photos").mkdir()
        machine.run("systemctl", "start", INSTANCE)
        journal = machine.check("journalctl", "--no-pager", "-o", "cat", "-u", INSTANCE)
        self.assertIn("/srv/photos/.thumbq", journal)
        self.assertIn("permission denied", journal)


if __name__ == "__main__":
    main()
