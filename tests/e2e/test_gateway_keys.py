# SPDX-License-Identifier: Apache-2.0
"""Keys of the gateway: their life and file, the rights that they give, and signed URLs."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from gateway import FAR_S, GATEWAY, S3Test, run
from harness import main


class Keys(unittest.TestCase):

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        self.addCleanup(shutil.rmtree, self.root)
        os.mkdir(Path(self.root, "buckets"))

    def test_life(self):
        made = json.loads(run(self.root, "key", "create", "--rights", "read,write", "--bucket",
                              "photos", "--prefix", "a/", "--json"))
        self.assertEqual(list(made), ["id", "secret", "token", "rights", "buckets", "prefix",
                                      "plan"])
        self.assertEqual(made["rights"], ["read", "write"])
        self.assertEqual((made["buckets"], made["prefix"], made["plan"]), (["photos"], "a/", None))
        other = json.loads(run(self.root, "key", "create", "--json"))
        self.assertEqual((other["rights"], other["buckets"], other["prefix"]), (["read"], ["*"], ""))
        self.assertNotEqual(made["secret"], other["secret"])
        listed = run(self.root, "key", "list", "--json")
        self.assertEqual([json.loads(line)["id"] for line in listed.splitlines()],
                         [made["id"], other["id"]])
        text = listed + run(self.root, "key", "list")
        for secret in (made["secret"], made["token"], other["secret"], other["token"]):
            self.assertNotIn(secret, text)
        run(self.root, "key", "revoke", made["id"])
        self.assertIn("no key", run(self.root, "key", "revoke", made["id"], status=3))
        self.assertEqual(len(run(self.root, "key", "list").splitlines()), 1)

    def test_file(self):
        made = json.loads(run(self.root, "key", "create", "--json"))
        state = Path(self.root, "buckets", ".thumbq-gateway")
        file = state / "keys.json"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(state.stat().st_mode), 0o700)
        self.assertNotIn(made["token"], file.read_text())
        file.write_text("{")
        self.assertIn("cannot be read", run(self.root, "key", "list", status=2))
        file.unlink()
        os.symlink("/etc/passwd", file)
        self.assertIn("symbolic link", run(self.root, "key", "list", status=2))

    def test_bucket(self):
        """A folder stands for the gateway that serves it."""
        bucket = Path(self.root, "buckets", "photos")
        bucket.mkdir()
        made = json.loads(run(self.root, "key", "create", "--json"))

        def command(*words):
            return subprocess.run([GATEWAY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, env={**os.environ, "XDG_STATE_HOME": self.root},
                                  timeout=FAR_S, check=False)

        self.assertIn(made["id"], command("key", "list", bucket).stdout)
        self.assertIn(made["id"], command("sign", "photos/a", bucket).stdout)
        self.assertEqual(command("key", "revoke", made["id"], bucket).returncode, 0)
        self.assertEqual(command("key", "list", bucket).stdout, "")
        other = json.loads(command("key", "create", "--json", self.root).stdout)
        self.assertIn(other["id"], command("key", "list").stdout, "else it is the user's own")
        self.assertEqual(command("key", "list", bucket / "nothing").returncode, 3)
        self.assertEqual(command("key", "list", "--state", self.root, bucket).returncode, 2)

    def test_two_at_once(self):
        runs = [subprocess.Popen([GATEWAY, "key", "create", "--root",
                                  Path(self.root) / "buckets"], stdout=subprocess.DEVNULL)
                for _ in range(8)]
        self.assertEqual([one.wait(FAR_S) for one in runs], [0] * 8)
        self.assertEqual(len(run(self.root, "key", "list").splitlines()), 8)

    def test_mistakes(self):
        for words, reason in ((("key", "make"), "none of create, list and revoke"),
                              (("key", "create", "--rights", "reed"), "rights are"),
                              (("key", "revoke"), "name the key"),
                              (("key", "create", "--colour"), "--colour"),
                              (("sign",), "name the object"),
                              (("sign", "photos"), "no BUCKET/KEY"),
                              (("sign", "photos/a", "--expires", "8d"), "7 days"),
                              (("gateway", "--listen", "nowhere"), "no address"),
                              (("gateway", "--access-log", "x"), "access log"),
                              (("gatway",), "did you mean 'gateway'")):
            with self.subTest(words):
                self.assertIn(reason, run(self.root, *words, status=2))
        self.assertIn("no key that may read", run(self.root, "sign", "photos/a", status=3))


class Rights(S3Test):

    def test_who_is_let_in(self):
        self.put("a/x", b"1")
        self.put("b", b"2")
        self.refused("InvalidAccessKeyId", self.client(
            {"id": "TQNOBODY", "secret": "x"}).list_buckets)
        self.refused("SignatureDoesNotMatch", self.client(
            {**self.key, "secret": "x"}).list_buckets)
        for path in ("/", "/photos", "/photos/b", "/photos?list-type=2"):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(self.gateway.url + path, timeout=FAR_S)
            self.assertEqual(caught.exception.code, 403)
            caught.exception.close()

        def make(*words):
            return self.client(json.loads(run(self.root, "key", "create", *words, "--json")))
        reader = make()
        self.assertEqual(reader.get_object(Bucket="photos", Key="b")["Body"].read(), b"2")
        self.refused("AccessDenied", reader.put_object, Bucket="photos", Key="c", Body=b"")
        self.refused("AccessDenied", reader.delete_object, Bucket="photos", Key="b")
        self.refused("AccessDenied", make("--rights", "write").get_object, Bucket="photos", Key="b")
        self.refused("AccessDenied", make("--bucket", "other").get_object, Bucket="photos", Key="b")
        below = make("--prefix", "a/", "--rights", "read,write")
        self.assertEqual(below.get_object(Bucket="photos", Key="a/x")["Body"].read(), b"1")
        self.refused("AccessDenied", below.get_object, Bucket="photos", Key="b")
        self.refused("AccessDenied", below.list_objects_v2, Bucket="photos")
        self.assertEqual(below.list_objects_v2(Bucket="photos", Prefix="a/")["KeyCount"], 1)
        answer = below.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "b"}]})
        self.assertEqual(answer["Errors"][0]["Code"], "AccessDenied")
        self.assertEqual(self.keys(), ["a/x", "b"])
        self.assertTrue(make("--rights", "admin").get_object(Bucket="photos", Key="b"))

    def test_scopes(self):
        """The gateway keeps the signing key of the last region, and a wrong secret stays wrong."""
        other = json.loads(run(self.root, "key", "create", "--json"))
        for region in ("us-east-1", "eu-west-3", "eu-west-3", "us-east-1"):
            for key in (self.key, other):
                self.client(key, region=region).list_buckets()
                self.refused("SignatureDoesNotMatch",
                             self.client({**key, "secret": self.key["secret"][::-1]},
                                         region=region).list_buckets)
        # The file has another secret for the same id.
        file = Path(self.root, "buckets", ".thumbq-gateway", "keys.json")
        good = file.read_text()
        file.write_text(good.replace(other["secret"], other["secret"][::-1]))
        self.refused("SignatureDoesNotMatch", self.client(other).list_buckets)
        self.client({**other, "secret": other["secret"][::-1]}).list_buckets()
        file.write_text(good)
        self.client(other).list_buckets()

    def test_revoked(self):
        key = json.loads(run(self.root, "key", "create", "--json"))
        client = self.client(key)
        client.list_buckets()
        run(self.root, "key", "revoke", key["id"])
        self.refused("InvalidAccessKeyId", client.list_buckets)

    def test_presigned(self):
        self.put("a b", b"hello")
        for version in ("s3", "s3v4"):
            client = self.client(self.key, signature_version=version)
            url = client.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "a b"})
            with urllib.request.urlopen(url, timeout=FAR_S) as answer:
                self.assertEqual(answer.read(), b"hello")
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(url.replace("a%20b", "b"), timeout=FAR_S)
            self.assertEqual(caught.exception.code, 403)
            caught.exception.close()
        signed = run(self.root, "sign", "photos/a b", "--url", self.gateway.url, "--key",
                     self.key["id"]).strip()
        with urllib.request.urlopen(signed, timeout=FAR_S) as answer:
            self.assertEqual(answer.read(), b"hello")
        signed = run(self.root, "sign", "--put", "photos/new", "--url", self.gateway.url).strip()
        request = urllib.request.Request(signed, b"put", method="PUT")
        with urllib.request.urlopen(request, timeout=FAR_S) as answer:
            self.assertEqual(answer.status, 200)
        self.assertEqual((self.photos / "new").read_bytes(), b"put")


if __name__ == "__main__":
    main()
