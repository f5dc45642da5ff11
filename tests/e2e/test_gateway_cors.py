# SPDX-License-Identifier: Apache-2.0
"""Requests of web pages of other origins (CORS), as a browser sends them."""

import http.client
from contextlib import closing

from gateway import FAR_S, Gateway, S3Test, run
from harness import main

PAGE = "https://app.example.org"
OTHER = "http://localhost:5173"
ALLOW = "Access-Control-Allow-"


class Cors(S3Test):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateways = {"none": cls.gateway}
        state = cls.photos.parent / ".thumbq-gateway"
        for name, value in (("listed", f"{PAGE}; {OTHER}"), ("any", "*")):
            (state / "gateway.conf").write_text(
                f"[gateway]\ncors = {value}\npublic = read photos/web/\n")
            cls.gateways[name] = Gateway(cls.root, log=f"{name}.txt")
            cls.addClassCleanup(cls.gateways[name].close)

    def ask(self, method, target, gateway="listed", body=None, **headers):
        """Returns status, headers and body of the answer. `target` may be a whole URL."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        port = self.gateways[gateway].port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=FAR_S)) as connection:
            connection.request(method, target[target.index("/", 8) if "://" in target else 0:],
                               body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def preflight(self, target, method="PUT", origin=PAGE, gateway="listed", **headers):
        headers["Access-Control-Request-Method"] = method
        if origin:
            headers["Origin"] = origin
        return self.ask("OPTIONS", target, gateway, **headers)

    def sign(self, *words, gateway="listed"):
        return run(self.root, "sign", "--url", self.gateways[gateway].url, *words).strip()

    def test_upload(self):
        """A page puts an object with a signed URL, and reads it."""
        target = self.sign("--put", "photos/a.txt")
        status, headers, body = self.preflight(target, Access_Control_Request_Headers="content-type")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(headers[ALLOW + "Origin"], PAGE)
        self.assertEqual(headers[ALLOW + "Methods"], "GET, HEAD, PUT, POST, DELETE")
        self.assertEqual(headers[ALLOW + "Headers"], "content-type")
        self.assertEqual(headers["Access-Control-Max-Age"], "3000")
        self.assertIsNone(headers[ALLOW + "Credentials"])
        status, headers, _ = self.ask("PUT", target, body=b"hello", Origin=PAGE)
        self.assertEqual((status, headers[ALLOW + "Origin"]), (200, PAGE))
        self.assertEqual(headers["Access-Control-Expose-Headers"], "*")
        self.assertTrue(headers["ETag"])
        for origin in (PAGE, OTHER):
            status, headers, body = self.ask("GET", self.sign("photos/a.txt"), Origin=origin)
            self.assertEqual((status, headers[ALLOW + "Origin"], body), (200, origin, b"hello"))
            self.assertIn("Origin", headers["Vary"])

    def test_public_object(self):
        self.put("web/a.txt", b"hello")
        for gateway, origin in (("listed", PAGE), ("any", "*")):
            with self.subTest(gateway):
                status, headers, body = self.ask("GET", "/photos/web/a.txt", gateway, Origin=PAGE)
                self.assertEqual((status, headers[ALLOW + "Origin"], body),
                                 (200, origin, b"hello"))
                status, headers, _ = self.ask("GET", "/photos/web/a.txt", gateway, Origin=PAGE,
                                              If_None_Match=headers["ETag"])
                self.assertEqual((status, headers[ALLOW + "Origin"]), (304, origin))

    def test_errors_can_be_read(self):
        for method, target, status in (("GET", "/photos/a.txt", 403),
                                       ("GET", self.sign("photos/none.txt"), 404),
                                       ("POST", "/photos/a.txt?select", 501)):
            answer = self.ask(method, target, Origin=PAGE)
            self.assertEqual((answer[0], answer[1][ALLOW + "Origin"]), (status, PAGE))

    def test_other_pages(self):
        """The origins are exact, and a page of another one reads nothing."""
        self.put("a.txt", b"hello")
        for origin in ("https://app.example.org.evil.net", "http://app.example.org",
                       "https://app.example.org:8443", "https://APP.example.org", "null", "*"):
            with self.subTest(origin):
                status, headers, body = self.preflight("/photos/a.txt", origin=origin)
                self.assertEqual((status, headers[ALLOW + "Origin"]), (403, None))
                self.assertIn(b"<Code>AccessForbidden</Code>", body)
                status, headers, _ = self.ask("GET", self.sign("photos/a.txt"), Origin=origin)
                # The request has its signature; the browser shows the page no answer.
                self.assertEqual((status, headers[ALLOW + "Origin"]), (200, None))
        # A cache has to keep answers for pages apart from this one.
        self.assertEqual(self.ask("GET", self.sign("photos/a.txt"))[1]["Vary"], "Origin")

    def test_preflights_that_are_refused(self):
        for status, answer in (
                (400, self.preflight("/photos/a.txt", origin=None)),
                (400, self.ask("OPTIONS", "/photos/a.txt", Origin=PAGE)),
                (403, self.preflight("/photos/a.txt", method="PATCH")),
                (403, self.preflight("/photos/a.txt", Access_Control_Request_Headers="a/b"))):
            self.assertEqual((answer[0], answer[1][ALLOW + "Methods"]), (status, None))
        # A preflight has no signature, so it says nothing about buckets and objects.
        self.assertEqual(self.preflight("/nothing/a")[0], self.preflight("/photos/a.txt")[0])

    def test_off(self):
        self.put("a.txt", b"hello")
        status, headers, body = self.preflight("/photos/a.txt", gateway="none")
        self.assertEqual(status, 403)
        self.assertIn(b"CORS is not enabled", body)
        status, headers, _ = self.ask("GET", self.sign("photos/a.txt", gateway="none"), "none",
                                      Origin=PAGE)
        self.assertEqual((status, headers[ALLOW + "Origin"], headers["Vary"]), (200, None, None))

    def test_any(self):
        status, headers, _ = self.preflight("/photos/a.txt", origin="null", gateway="any",
                                            Access_Control_Request_Headers="range, x-amz-date")
        self.assertEqual((status, headers[ALLOW + "Origin"], headers[ALLOW + "Headers"]),
                         (200, "*", "range, x-amz-date"))


if __name__ == "__main__":
    main()
