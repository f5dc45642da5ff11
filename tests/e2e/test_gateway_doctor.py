# SPDX-License-Identifier: Apache-2.0
"""The checks of `thumbq doctor` that are about the gateway."""

import json
import os
import subprocess

from gateway import FAR_S
from harness import E2ETest, THUMBQ, main


class Doctor(E2ETest):

    def setUp(self):
        super().setUp()
        self.state = self.bucket.root / "state/thumbq/gateway"
        self.environment = {**os.environ, "XDG_STATE_HOME": os.fspath(self.bucket.root / "state")}

    def rows(self):
        """The rows of the group, by name; a list where there are several."""
        result = subprocess.run([THUMBQ, "doctor", "--json"], env=self.environment, check=False,
                                stdout=subprocess.PIPE, text=True, timeout=FAR_S, cwd="/")
        found = {}
        for row in json.loads(result.stdout)["checks"]:
            if row["group"] == "gateway":
                found.setdefault(row["name"], []).append((row["status"], row["result"]))
        return found

    def command(self, *words):
        return subprocess.run([THUMBQ, *words], env=self.environment, check=True, text=True,
                              stdout=subprocess.PIPE, timeout=FAR_S).stdout

    def configure(self, text):
        (self.state / "gateway.conf").write_text(text)

    def test_not_set_up(self):
        """Nothing is made, and nothing fails."""
        if os.path.exists("/etc/thumbq/gateway.conf"):
            self.skipTest("a gateway is set up on this machine")
        found = self.rows()
        self.assertEqual({status for rows in found.values() for status, _ in rows}, {"ok"}, found)
        self.assertFalse(self.state.exists())

    def test_set_up(self):
        self.command("key", "create")
        buckets = self.bucket.root / "buckets"
        (buckets / "photos").mkdir(parents=True)
        self.configure(f"[gateway]\nroot = {buckets}\nlisten = 127.0.0.1:1\n"
                       f"[bucket pictures]\npath = {buckets}/gone\n")
        before = sorted(self.bucket.root.rglob("*"))
        found = self.rows()
        self.assertEqual(sorted(self.bucket.root.rglob("*")), before, "doctor changes nothing")
        self.assertEqual([status for status, _ in found["bucket"]], ["ok", "failed"])
        self.assertIn("gone", found["bucket"][1][1])
        self.assertEqual(found["keys"], [("ok", "1")])
        self.assertEqual(found["tls"][0][0], "ok")
        self.assertEqual(found["process"], [("warning", "no process listens at '127.0.0.1:1'")])
        self.assertIn("gateway.conf", found["configuration"][0][1])

        self.configure(f"[gateway]\nroot = {buckets}\nlisten = 0.0.0.0:1\n")
        self.assertEqual(self.rows()["tls"][0][0], "warning")
        self.configure("[gateway]\ntls_certificate = a.pem\ntls_key = a.key\n")
        (self.state / "a.pem").write_text("nothing")
        (self.state / "a.key").write_text("nothing")
        self.assertEqual(self.rows()["tls"][0][0], "failed")
        self.configure("[gatewy]\n")
        found = self.rows()
        self.assertEqual(found["configuration"][0][0], "failed")
        self.assertIn("gateway.conf:1", found["configuration"][0][1])

    def test_keys_and_plans(self):
        self.state.mkdir(parents=True, mode=0o700)
        self.configure("[plan slow]\nrate = 1\n")
        self.assertEqual(self.rows()["keys"], [("warning", "there is none")])
        self.command("key", "create", "--plan", "slow")
        self.assertEqual(self.rows()["keys"], [("ok", "1")])
        self.configure("[plan other]\nrate = 1\n")
        self.assertEqual(self.rows()["keys"][0][0], "warning")


if __name__ == "__main__":
    main()
