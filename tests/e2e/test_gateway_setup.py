# SPDX-License-Identifier: Apache-2.0
"""`thumbq setup --gateway` with files of the machine under a temporary layer, and without systemd."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from gateway import FAR_S
from harness import THUMBQ, check_sanitizers, main

LAYER = """
mount -t tmpfs tmpfs "$0"
cd "$0"
for folder in etc var/lib; do
    mkdir -p "$folder"/upper "$folder"/work
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$0/$folder/upper,workdir=$0/$folder/work" \
        "/$folder"
done
rm -rf /etc/thumbq /var/lib/thumbq-gateway
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir srv srv/photos "srv/Meine Bilder" srv/shared
chmod 755 . srv srv/*
chgrp mail srv/shared
cd srv
"""
CONFIG = "/etc/thumbq/gateway.conf"


@unittest.skipUnless(os.geteuid() == 0, "only root sets a service up")
class Setup(unittest.TestCase):

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="thumbq-e2e-"))
        self.root.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.root)

    def run_script(self, script):
        """Runs the script with the temporary layer. Returns what it prints."""
        result = subprocess.run(["unshare", "--mount", "bash", "-ec", LAYER + script, self.root],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "thumbq": THUMBQ}, timeout=FAR_S, check=False)
        check_sanitizers(result.stdout)
        self.assertEqual(result.returncode, 0, result.stdout)
        return result.stdout

    def test_life(self):
        out = self.run_script(f"""
            "$thumbq" setup --gateway photos
            echo == files
            stat --format '%U:%G %a' photos /var/lib/thumbq-gateway {CONFIG}
            cat {CONFIG}
            getent passwd thumbq-gateway | cut -d: -f4,7
            getent group thumbq | cut -d: -f3
            "$thumbq" key list --json --state /var/lib/thumbq-gateway
            cp {CONFIG} before
            echo == again
            "$thumbq" setup --gateway "$PWD/photos/"
            cmp {CONFIG} before
            echo == more
            "$thumbq" setup --gateway 'Meine Bilder'
            cat {CONFIG}
            "$thumbq" gateway --config {CONFIG} --state /var/lib/thumbq-gateway --print-config >/dev/null
            "$thumbq" key list --json photos
            echo == remove
            "$thumbq" setup --gateway --remove 'Meine Bilder'
            cmp {CONFIG} before
            "$thumbq" setup --gateway --remove photos
            test ! -e {CONFIG} -a -e {CONFIG}.removed -a -e /var/lib/thumbq-gateway/keys.json
            "$thumbq" setup --gateway --remove photos || echo status $?
            """)
        first, files, again, more, removed = re.split(r"== \w+\n", out)
        key = re.search(r"id      (\w+)\nsecret  (\S+)", first)
        self.assertIn("systemd does not run here", first)
        lines = files.splitlines()
        self.assertEqual(lines[:3], ["root:thumbq 2775", "thumbq-gateway:thumbq 700", "root:root 644"])
        self.assertIn(f"[bucket photos]\npath = {self.root}/srv/photos\n", files)
        listed = json.loads(lines[-1])
        self.assertEqual((listed["id"], listed["rights"]), (key[1], ["read", "write"]))
        group, shell = lines[-3].split(":")
        self.assertEqual((group, shell), (lines[-2], "/usr/sbin/nologin"))
        self.assertNotIn("secret", again, "a key is printed once")
        self.assertIn(f"[bucket meine-bilder]\npath = {self.root}/srv/Meine Bilder\n", more)
        self.assertEqual(json.loads(more.splitlines()[-1])["id"], key[1])
        self.assertIn("gateway.conf.removed", removed)
        self.assertTrue(removed.endswith("status 1\n"), removed)

    def test_what_stays(self):
        """The group of people, a file that serves the folder already, and one with a mistake."""
        out = self.run_script(f"""
            "$thumbq" setup --gateway shared
            stat --format '%G %a' shared
            printf '# mine\\n[gateway]\\nroot = %s\\n' "$PWD" > {CONFIG}
            "$thumbq" setup --gateway photos
            cat {CONFIG}
            printf '[bucket photos]\\npath = %s/shared\\n' "$PWD" > {CONFIG}
            "$thumbq" setup --gateway photos || echo status $?
            printf '[gatway]\\n' > {CONFIG}
            "$thumbq" setup --gateway photos || echo status $?
            "$thumbq" setup --gateway nothing || echo status $?
            """)
        self.assertIn("setfacl -R -m g:thumbq:rwX", out)
        self.assertIn("\nmail 755\n", out)
        self.assertTrue(re.search(r"\n# mine\n\[gateway\]\nroot = .*\n(?!\n?\[bucket)", out), out)
        self.assertIn("add a section with another name", out)
        self.assertIn("did you mean 'gateway'?", out)
        self.assertEqual(re.findall(r"status (\d+)", out), ["2", "2", "3"])

    def test_folders_that_cannot_be_served(self):
        """The configuration stays as it is."""
        names = ["a # b", "a ; b", "end ", "x" * 40]
        folders = " ".join(f"'{name}'" for name in names)
        out = self.run_script(f"""
            "$thumbq" setup --gateway photos >/dev/null
            cp {CONFIG} before
            mkdir {folders}
            chmod 755 {folders}
            for folder in {folders}; do
                echo "== $folder"
                if "$thumbq" setup --gateway "$folder"; then
                    "$thumbq" gateway --config {CONFIG} --state /var/lib/thumbq-gateway --print-config
                    "$thumbq" setup --gateway --remove "$folder"
                fi
                cmp {CONFIG} before
                ls /etc/thumbq
            done
            """)
        for name, text in zip(names, re.split(r"== .*\n", out)[1:]):
            is_served = f"{self.root}/srv/{name}\n" in text
            self.assertNotEqual(is_served, "cannot serve the folder" in text, text)
            self.assertTrue(text.endswith("\ngateway.conf\n"), text)
        self.assertIn("[bucket " + "x" * 31 + "]", out)
        self.assertEqual(out.count("cannot serve the folder"), 3)

    def test_drop_ins(self):
        """Each folder has a drop-in of its own, also two of the same name."""
        out = self.run_script(f"""
            mkdir -p /run/systemd/system bin one/photos two/photos
            chmod 755 one one/photos two two/photos
            ln -s /bin/true bin/systemctl
            PATH="$PWD/bin:$PATH"
            drop_ins=/etc/systemd/system/thumbq-gateway.service.d
            "$thumbq" setup --gateway one/photos
            sed -i 's/bucket photos/bucket first/' {CONFIG}
            "$thumbq" setup --gateway two/photos
            echo == both
            cat "$drop_ins"/bucket-photos*
            "$thumbq" setup --gateway --remove two/photos
            echo == one
            cat "$drop_ins"/bucket-photos*
            """)
        _, both, one = re.split(r"== \w+\n", out)
        self.assertIn(f'ReadWritePaths="{self.root}/srv/one/photos"', both)
        self.assertIn(f'ReadWritePaths="{self.root}/srv/two/photos"', both)
        self.assertIn(f'ReadWritePaths="{self.root}/srv/one/photos"', one)
        self.assertNotIn("/srv/two/photos", one)


@unittest.skipIf(os.geteuid() == 0, "root may set up a service")
class Refused(unittest.TestCase):

    def test_not_root(self):
        result = subprocess.run([THUMBQ, "setup", "--gateway", "/tmp"], stderr=subprocess.PIPE,
                                text=True, timeout=FAR_S, check=False)
        self.assertEqual(result.returncode, 74)
        self.assertIn("sudo thumbq setup --gateway", result.stderr)


if __name__ == "__main__":
    main()
