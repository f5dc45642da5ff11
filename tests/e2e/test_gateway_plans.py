# SPDX-License-Identifier: Apache-2.0
"""Usage plans: 429 with Retry-After, counters that survive a restart and a kill, mistakes."""

import json
import os
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from gateway import FAR_S, GATEWAY, Gateway, boto3, run
from harness import main, wait_for
from test_gateway_config import ConfigTest

PLANS = ("[plan slow]\nrate = 0.01\nburst = 3\n"
         "[plan month]\nquota = 4 per month\n")


class Plans(ConfigTest):

    def make_key(self, plan):
        return json.loads(run(self.root, "key", "create", "--rights", "read,write", "--plan", plan,
                              "--json"))

    def signed(self, gateway, key, *words):
        return self.url(gateway, "--key", key["id"], *words)

    def ask(self, url):
        """Status, Retry-After and body."""
        try:
            with urllib.request.urlopen(url, timeout=FAR_S) as answer:
                return answer.status, answer.headers["Retry-After"], answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Retry-After"], error.read()

    def test_rate(self):
        self.config.write_text(PLANS)
        key, other = self.make_key("slow"), self.make_key("slow")
        self.assertEqual(key["plan"], "slow")
        (self.root / "buckets/photos/a").write_bytes(b"hello")
        gateway = self.start()
        url = self.signed(gateway, key, "photos/a")
        self.assertEqual([self.ask(url)[0] for _ in range(3)], [200] * 3)
        status, retry, body = self.ask(url)
        self.assertEqual(status, 429)
        self.assertTrue(0 < int(retry) <= 100, retry)
        self.assertIn(b"<Code>SlowDown</Code>", body)
        # Keys with the same plan do not share it, and one without a plan has no limit.
        self.assertEqual(self.ask(self.signed(gateway, other, "photos/a"))[0], 200)
        free = self.url(gateway, "--key", self.key["id"], "photos/a")
        self.assertEqual([self.ask(free)[0] for _ in range(10)], [200] * 10)
        # A wrong signature uses nothing up.
        third = self.make_key("slow")
        url = self.signed(gateway, third, "photos/a")
        wrong = url[:-4] + ("0000" if not url.endswith("0000") else "1111")
        self.assertEqual([self.ask(wrong)[0] for _ in range(5)], [403] * 5)
        self.assertEqual(self.ask(url)[0], 200)

    def test_quota_survives(self):
        """A restart, and a kill in the middle, forget no request."""
        self.config.write_text(PLANS)
        key = self.make_key("month")
        (self.root / "buckets/photos/a").write_bytes(b"hello")
        gateway = self.start()
        self.assertEqual(self.ask(self.signed(gateway, key, "photos/a"))[0], 200)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.process.wait(FAR_S)
        killed = Gateway(self.root)
        self.assertEqual(self.ask(self.signed(killed, key, "photos/a"))[0], 200)
        self.assertEqual(self.ask(self.signed(killed, key, "photos/gone"))[0], 404)
        killed.process.kill()
        killed.process.wait(FAR_S)
        killed.log.close()
        last = Gateway(self.root)
        self.addCleanup(last.close)
        url = self.signed(last, key, "photos/a")
        self.assertEqual(self.ask(url)[0], 200)
        status, retry, body = self.ask(url)
        self.assertEqual(status, 429)
        self.assertTrue(0 < int(retry) <= 31 * 86400, retry)
        self.assertIn(b"quota", body)
        self.assertEqual((self.config.parent / "usage").stat().st_mode & 0o777, 0o600)
        self.addCleanup(gateway.log.close)

    def test_quota_survives_keys_with_a_rate(self):
        """A key with a rate alone has no counter in the file, and does not harm those of others."""
        self.config.write_text(PLANS)
        slow, month = self.make_key("slow"), self.make_key("month")
        (self.root / "buckets/photos/a").write_bytes(b"hello")
        gateway = self.start()
        self.assertEqual(self.ask(self.signed(gateway, slow, "photos/a"))[0], 200)
        for _ in range(4):
            self.assertEqual(self.ask(self.signed(gateway, month, "photos/a"))[0], 200)
        gateway.close()
        again = self.start()
        self.assertEqual(self.ask(self.signed(again, month, "photos/a"))[0], 429)

    def start(self, text=None):
        if text is not None:
            self.config.write_text(text)
        gateway = Gateway(self.root)
        self.addCleanup(self.end, gateway)
        return gateway

    @staticmethod
    def end(gateway):
        if gateway.process.poll() is None:
            gateway.close()

    def test_changes(self):
        """SIGHUP changes a plan; a plan that is gone allows nothing, and the log says for which key."""
        key_plan = "[plan slow]\nrate = 0.01\nburst = 1\n"
        self.config.write_text(key_plan)
        key = self.make_key("slow")
        (self.root / "buckets/photos/a").write_bytes(b"hello")
        gateway = self.start()
        url = self.signed(gateway, key, "photos/a")
        self.assertEqual([self.ask(url)[0] for _ in range(2)], [200, 429])
        self.reload(gateway, "[plan slow]\nrate = 0\n", "has been read again")
        self.assertEqual([self.ask(url)[0] for _ in range(5)], [200] * 5)
        self.reload(gateway, "[plan other]\n", "has been read again")
        self.assertIn(f"the key '{key['id']}' has the usage plan 'slow'", gateway.text())
        self.assertEqual(self.ask(url)[0], 403)

    def test_mistakes(self):
        self.config.write_text(PLANS)
        self.assertIn("there is no [plan slwo]",
                      run(self.root, "key", "create", "--plan", "slwo", status=2))
        self.assertIn("did you mean 'slow'?",
                      run(self.root, "key", "create", "--plan", "slwo", status=2))
        self.config.write_text("[plan slow]\nrate = fast\n")
        self.assertIn("gateway.conf:2: rate",
                      run(self.root, "key", "create", "--plan", "slow", status=2))
        self.assertEqual(len(run(self.root, "key", "list").splitlines()), 1, "no key was made")
        self.config.write_text(PLANS)
        self.make_key("slow")
        self.assertIn("plan slow", run(self.root, "key", "list"))

    def test_two_gateways(self):
        """Of two gateways with one state folder, one may have usage plans."""
        second = [GATEWAY, "gateway", "--state", self.config.parent, "--listen", "127.0.0.1:0",
                  self.root / "buckets/photos"]
        gateway = self.start(PLANS)
        refused = subprocess.run(second, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 timeout=FAR_S, check=False)
        self.assertEqual(refused.returncode, 4, refused.stdout)
        self.assertIn("another gateway counts", refused.stdout)
        self.reload(gateway, "[gateway]\n", "has been read again")
        gateway.close()
        first, other = self.start("[gateway]\n"), Gateway(self.root, log="other.txt")
        self.addCleanup(self.end, other)
        self.reload(first, PLANS, "has been read again")
        before = len(other.text())
        other.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "stays in force: another gateway counts" in other.text()[before:],
                 "the second one keeps its configuration", other.text)

    def test_damaged_counters(self):
        (self.config.parent / "usage").write_bytes(os.urandom(500))
        (self.config.parent / "usage").chmod(0o600)
        gateway = self.start(PLANS)
        self.assertIn("each quota begins anew", gateway.text())
        self.assertTrue((self.config.parent / "usage.damaged").exists())

    @unittest.skipUnless(boto3, "needs python3-boto3")
    def test_client(self):
        """boto3 knows the code, and waits before it tries again."""
        self.config.write_text("[plan slow]\nrate = 2\nburst = 1\n")
        key = self.make_key("slow")
        (self.root / "buckets/photos/a").write_bytes(b"hello")
        gateway = self.start()
        s3 = boto3.client("s3", endpoint_url=gateway.url, region_name="us-east-1",
                          aws_access_key_id=key["id"], aws_secret_access_key=key["secret"],
                          config=boto3.session.Config(s3={"addressing_style": "path"},
                                                      retries={"max_attempts": 10,
                                                               "mode": "standard"}))
        for _ in range(4):
            self.assertEqual(s3.get_object(Bucket="photos", Key="a")["Body"].read(), b"hello")


if __name__ == "__main__":
    main()
