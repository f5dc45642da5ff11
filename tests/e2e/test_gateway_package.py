# SPDX-License-Identifier: Apache-2.0
"""The Debian package of the gateway: its files, and its life as a service beside the daemon, on a
machine of the test's own, with systemd."""

import contextlib
import json
import random
import re
import shutil
import socket
import unittest
import urllib.request
from pathlib import Path

from harness import E2ETest, RED, main, png, wait_for
from installed import HAS_GATEWAY, gateway_files, make_packages, needs_real_build, run
from machine import Machine

UNIT = "thumbq-gateway.service"
SOCKET = "thumbq-gateway.socket"
CONFIG = "/etc/thumbq/gateway.conf"
STATE = "/var/lib/thumbq-gateway"
FAR_S = 60


def free_port():
    """Returns a port that is free, below those that the kernel gives to other processes."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with contextlib.suppress(OSError), socket.socket() as listener:
            port = random.randrange(first // 2, first)
            listener.bind(("127.0.0.1", port))
            return port


@needs_real_build
@unittest.skipUnless(shutil.which("dpkg-deb"), "no Debian machine")
@unittest.skipUnless(HAS_GATEWAY, "the gateway is not built")
class Package(E2ETest):

    @classmethod
    def setUpClass(cls):
        cls.packages = make_packages(cls)
        cls.package = cls.packages["thumbq-gateway"]

    def test_files(self):
        rows = run("dpkg-deb", "-c", self.package).splitlines()
        files = {row.split()[5] for row in rows if not row.startswith("d")}
        documents = {f"share/doc/thumbq-gateway/{name}" for name in ("changelog.gz", "copyright")}
        self.assertEqual(files, {f"./usr/{name}" for name in gateway_files() | documents})
        self.assertEqual({row.split()[1] for row in rows}, {"root/root"})

    def test_control(self):
        """The base needs nothing of the gateway, and says so by its own list of libraries."""
        depends = run("dpkg-deb", "-f", self.package, "Depends")
        version = run("dpkg-deb", "-f", self.package, "Version").strip()
        for name in (f"thumbq (= {version})", "libmicrohttpd12", "libnettle8"):
            self.assertIn(name, depends)
        base = run("dpkg-deb", "-f", self.packages["thumbq"], "Depends")
        for name in ("libmicrohttpd", "libnettle", "zlib"):
            self.assertNotIn(name, base)
        for package, beginning in ((self.package, "buckets of thumbq over HTTP"),
                                   (self.packages["thumbq"], "thumbnails of the images")):
            self.assertTrue(run("dpkg-deb", "-f", package, "Description").startswith(beginning))

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def make_machine(self):
        machine = Machine()
        self.addCleanup(machine.end)
        self.before = machine.changed()
        for name, package in sorted(self.packages.items()):
            shutil.copy(package, machine.path(f"/tmp/{name}.deb"))
        machine.check("dpkg", "--no-triggers", "-i", "/tmp/thumbq.deb", "/tmp/thumbq-gateway.deb")
        machine.check("install", "-d", "-m", "2775", "-g", "thumbq", "/srv/photos")
        return machine

    def configure(self, machine, **options):
        lines = "".join(f"{name} = {value}\n" for name, value in
                        {"root": "/srv", "listen": f"127.0.0.1:{self.port}", **options}.items())
        path = machine.path(CONFIG)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[gateway]\n{lines}")

    def status(self, machine, name, unit=UNIT):
        return machine.check("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, machine):
        return machine.run("journalctl", "--no-pager", "-o", "cat", "-u", UNIT).stdout

    def fetch(self, machine, *words, body=None):
        """A request with a signed URL, in the network that test and machine share."""
        url = machine.check("thumbq", "sign", "--state", STATE, "--url",
                            f"http://127.0.0.1:{self.port}", *words).strip()
        request = urllib.request.Request(url, data=body, method="PUT" if body else "GET")
        with urllib.request.urlopen(request, timeout=FAR_S) as answer:
            return answer.read()

    def make_key(self, machine):
        return json.loads(machine.check("thumbq", "key", "create", "--state", STATE, "--rights",
                                        "read,write", "--json"))

    def test_life(self):
        machine = self.make_machine()
        user = machine.check("getent", "passwd", "thumbq-gateway").split(":")
        group = machine.check("getent", "group", "thumbq").split(":")
        self.assertEqual(user[3], group[2], "the gateway's group is that of the daemon")

        # Without a configuration it does not run, and that is no failure.
        for unit in (UNIT, SOCKET):
            machine.run("systemctl", "start", unit)
            self.assertEqual(self.status(machine, "ActiveState", unit), "inactive")
            self.assertEqual(self.status(machine, "ConditionResult", unit), "no")

        # The gateway runs as its user, and keeps its keys to itself.
        self.configure(machine)
        machine.check("systemctl", "enable", "--now", UNIT)
        self.assertEqual(self.status(machine, "ActiveState"), "active")
        self.assertRegex(self.status(machine, "StatusText"), r"^\d+ connections$")
        self.make_key(machine)
        for path, expected in ((STATE, "thumbq-gateway 700"),
                               (f"{STATE}/keys.json", "thumbq-gateway 600")):
            self.assertEqual(machine.check("stat", "--format", "%U %a", path).strip(), expected)
        self.fetch(machine, "--put", "photos/2026/dune.png", body=png(30, 30, RED))
        self.assertEqual(machine.check("stat", "--format", "%U %G %a",
                                       "/srv/photos/2026/dune.png").strip(),
                         "thumbq-gateway thumbq 660")

        # A daemon beside it takes the upload, and the gateway serves the thumbnail.
        machine.check("thumbq", "setup", "/srv/photos")
        thumbnail = "photos/thumbnails/small/2026/dune.png.webp"
        wait_for(machine.path(f"/srv/{thumbnail}").exists, "the thumbnail",
                 lambda: machine.run("systemctl", "status", "--no-pager", "thumbq@*").stdout)
        self.assertTrue(self.fetch(machine, thumbnail).startswith(b"RIFF"))

        # The gateway reads a new configuration without a restart; a wrong one changes nothing.
        machine.check("mount", "--bind", "/dev/null", "/usr/bin/kill")
        process = self.status(machine, "MainPID")
        self.configure(machine, access_log="json")
        machine.check("systemctl", "reload", UNIT)
        wait_for(lambda: "has been read again" in self.journal(machine), "the reload")
        self.fetch(machine, thumbnail)
        wait_for(lambda: '"method":"GET"' in self.journal(machine), "a line of the log in JSON",
                 lambda: self.journal(machine))
        self.configure(machine, acces_log="json")
        machine.check("systemctl", "reload", UNIT)
        wait_for(lambda: "did you mean 'access_log'" in self.journal(machine), "the mistake is named")
        self.fetch(machine, thumbnail)
        self.assertEqual(self.status(machine, "MainPID"), process)

        # An upgrade restarts it, a removal stops it, a purge leaves the files of people, and the keys.
        self.configure(machine)
        machine.check("dpkg", "-i", "/tmp/thumbq-gateway.deb")
        self.assertNotEqual(self.status(machine, "MainPID"), process)
        self.fetch(machine, thumbnail)
        machine.check("dpkg", "-r", "thumbq-gateway")
        self.assertEqual(machine.run("pgrep", "-f", "thumbq-gateway gateway").stdout, "")
        result = machine.run("thumbq", "key", "list")
        self.assertEqual(result.returncode, 3)
        machine.check("dpkg", "--purge", "thumbq-gateway")
        left = {path for path in machine.changed() - self.before if "gateway" in path}
        # The base has the manual and the documentation of the gateway.
        others = (rf"{re.escape(STATE)}/|{CONFIG}$|/var/lib/(dpkg|systemd)/|/var/log/|"
                  "/usr/share/(doc/thumbq|man)/")
        self.assertEqual(sorted(path for path in left if not re.match(others, path)), [])
        self.assertTrue(machine.path(f"{STATE}/keys.json").exists())

    def test_socket(self):
        """The socket starts the service with the first connection."""
        machine = self.make_machine()
        self.configure(machine, listen="192.0.2.1:1")
        drop_in = machine.path(f"/etc/systemd/system/{SOCKET}.d/port.conf")
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text(f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{self.port}\n")
        self.make_key(machine)
        machine.check("systemctl", "daemon-reload")
        machine.check("systemctl", "start", SOCKET)
        self.assertEqual(self.status(machine, "ActiveState"), "inactive")
        self.fetch(machine, "--put", "photos/a.txt", body=b"hello")
        self.assertEqual(self.status(machine, "ActiveState"), "active")
        self.assertEqual(self.fetch(machine, "photos/a.txt"), b"hello")

        # A restart of the service loses no connection: the socket keeps them.
        machine.check("systemctl", "restart", UNIT)
        self.assertEqual(self.fetch(machine, "photos/a.txt"), b"hello")

    def test_wrong_configuration(self):
        """The unit fails, says where the mistake is, and is not started again and again."""
        machine = self.make_machine()
        self.configure(machine, max_connections="many")
        self.assertNotEqual(machine.run("systemctl", "start", UNIT).returncode, 0)
        self.assertEqual(self.status(machine, "ActiveState"), "failed")
        self.assertEqual(self.status(machine, "NRestarts"), "0")
        self.assertIn("gateway.conf:4: max_connections", self.journal(machine))


if __name__ == "__main__":
    main()
