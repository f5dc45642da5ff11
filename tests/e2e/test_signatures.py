# SPDX-License-Identifier: Apache-2.0
"""Signatures of botocore are accepted, and no signed part may be changed."""

import os
import subprocess
import time
import unittest
import urllib.parse

from harness import main

try:
    from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    Credentials = None

DRIVER = os.environ.get("SIGNATURE_DRIVER", "")
KEY, SECRET = "TQ0123456789ABCDEFGH", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "127.0.0.1:8333"

# Paths as clients send them, with queries.
TARGETS = ("/", "/bucket", "/bucket/a%20b", "/bucket/%C3%A9/~x", "/bucket/a%2Bb%3Dc", "/bucket/a(b)!",
           "/bucket?list-type=2&prefix=a%2Fb&delimiter=%2F&encoding-type=url", "/bucket?uploads",
           "/bucket?uploads=", "/bucket/k?partNumber=2&uploadId=a-b_c", "/bucket?a=b&a=a&A=c&a-=d",
           "/bucket?prefix=%E2%82%AC%20%2B", "/bucket/x?response-content-type=text%2Fplain")


def judge(requests, secret=SECRET, now=None):
    """Returns the driver's verdicts on (method, target, headers)."""
    text = "".join(f"{method} {target}\n" + "".join(f"{name}: {value}\n" for name, value in headers)
                   + "\n" for method, target, headers in requests)
    now = str(int(time.time()) if now is None else now)
    result = subprocess.run([DRIVER, secret, now], input=text, text=True, timeout=120, check=True,
                            stdout=subprocess.PIPE)
    return result.stdout.split()


def sign(auth, method, target, headers=()):
    """Returns the request as botocore would send it."""
    request = AWSRequest(method=method, url=f"http://{HOST}{target}",
                         headers=dict(headers), data=b"")
    auth.add_auth(request)
    parts = urllib.parse.urlsplit(request.prepare().url)
    sent = [(name, value) for name, value in request.headers.items()]
    if not any(name.lower() == "host" for name, _ in sent):
        sent.append(("Host", HOST))
    return method, parts.path + (f"?{parts.query}" if parts.query else ""), sent


@unittest.skipUnless(Credentials, "needs python3-botocore")
class Botocore(unittest.TestCase):

    def ways(self):
        credentials = Credentials(KEY, SECRET)
        for region in ("us-east-1", "eu-central-1", "US"):
            yield "header", S3SigV4Auth(credentials, "s3", region)
            yield "query", S3SigV4QueryAuth(credentials, "s3", region, expires=60)
        yield "other service", SigV4Auth(credentials, "lambda", "us-east-1")
        yield "version 2", HmacV1QueryAuth(credentials, expires=60)

    def requests(self):
        for way, auth in self.ways():
            for method in ("GET", "PUT"):
                for target in TARGETS:
                    # Version 2 signs the subresources that botocore knows, and lists each once.
                    if way == "version 2" and "a=b&a=a" in target:
                        continue
                    headers = [("X-Amz-Meta-B", "two  blanks"), ("x-amz-meta-a", "1")]
                    yield way, sign(auth, method, target,
                                    headers if way == "header" else ())

    def test_all_hold(self):
        requests = list(self.requests())
        for (way, request), fault in zip(requests, judge([r for _, r in requests]), strict=True):
            self.assertEqual(fault, "ok", (way, request))

    def test_another_secret(self):
        requests = [request for _, request in self.requests()]
        self.assertEqual(set(judge(requests, "another")), {"mismatch"})

    def test_what_is_changed(self):
        for way, (method, target, headers) in list(self.requests()):
            changed = [("DELETE", target, headers)]
            path, _, query = target.partition("?")
            changed.append((method, path + "x" + ("?" + query if query else ""), headers))
            if way != "version 2":
                changed.append((method, target + ("&" if query else "?") + "zzz=1", headers))
                changed.append((method, target, [(name, "other" if name.lower() == "host" else value)
                                                 for name, value in headers]))
                changed.append((method, target,
                                [(name, value + "x" if name.lower().startswith("x-amz-meta")
                                  else value) for name, value in headers]))
            changed.append((method, target, headers + [("x-amz-acl", "public-read")]))
            if way not in ("header",):
                changed = [one for one in changed if one != (method, target, headers)]
            with self.subTest(way=way, target=target):
                self.assertNotIn("ok", judge(changed))

    def test_times(self):
        credentials = Credentials(KEY, SECRET)
        header = sign(S3SigV4Auth(credentials, "s3", "us-east-1"), "GET", "/b")
        query = sign(S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=7200), "GET", "/b")
        version2 = sign(HmacV1QueryAuth(credentials, expires=7200), "GET", "/b")
        now = int(time.time())
        self.assertEqual(judge([header, query, version2], now=now + 3600), ["skewed", "ok", "ok"])
        self.assertEqual(judge([header, query, version2], now=now + 7300),
                         ["skewed", "expired", "expired"])
        self.assertEqual(judge([header, query, version2], now=now - 3600),
                         ["skewed", "skewed", "ok"])

    def test_presign(self):
        """A URL of thumbq's own signer is accepted until it expires."""
        now = int(time.time())
        for path in ("/b/key", "/b/a b+c/\u00e9"):
            query = subprocess.run([DRIVER, "presign", "GET", HOST, path, KEY, SECRET, "us-east-1",
                                    str(now), "60"], check=True, text=True,
                                   stdout=subprocess.PIPE).stdout.strip()
            target = urllib.parse.quote(path) + "?" + query
            self.assertEqual(judge([("GET", target, [("Host", HOST)])], now=now), ["ok"])
            self.assertEqual(judge([("GET", target, [("Host", HOST)])], now=now + 61), ["expired"])


if __name__ == "__main__":
    main()
