# SPDX-License-Identifier: Apache-2.0
"""HTTPS with a certificate of the test's own authority, and its renewal without a restart."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

from gateway import FAR_S, boto3
from harness import main
from test_gateway_clients import PATH, program
from test_gateway_config import ConfigTest

NAME = "127.0.0.1"


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Tls(ConfigTest):

    def setUp(self):
        super().setUp()
        self.folder = self.root / "tls"
        self.folder.mkdir()
        self.ca = self.folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-days", "2", "-subj", "/CN=authority of a test", "-keyout", "ca.key", "-out",
                     "ca.pem")
        self.certify("first", 1001)
        self.text = ("[gateway]\ntls_certificate = ../../tls/server.pem\n"
                     "tls_key = ../../tls/server.key\n")
        self.use("first")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=FAR_S)

    def certify(self, name, serial):
        """A key, and a certificate for it with this serial number."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     "/CN=gateway", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / "names").write_text(f"subjectAltName=IP:{NAME}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-set_serial", str(serial), "-days", "2", "-extfile", "names", "-out",
                     f"{name}.pem")

    def use(self, certificate, key=None):
        shutil.copy(self.folder / f"{certificate}.pem", self.folder / "server.pem")
        shutil.copy(self.folder / f"{key or certificate}.key", self.folder / "server.key")

    def context(self, **options):
        context = ssl.create_default_context(cafile=self.ca)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def connect(self, gateway, **options):
        plain = socket.create_connection((NAME, gateway.port), FAR_S)
        try:
            return self.context(**options).wrap_socket(plain, server_hostname=NAME)
        except BaseException:
            plain.close()
            raise

    def serial(self, gateway):
        with self.connect(gateway) as connection:
            return int(connection.getpeercert()["serialNumber"], 16)

    def get(self, gateway, path):
        with urllib.request.urlopen(gateway.url + path, timeout=FAR_S,
                                    context=self.context()) as answer:
            return answer.read()

    def test_renewal(self):
        gateway = self.start(self.text)
        self.assertEqual(self.serial(gateway), 1001)
        with self.connect(gateway) as old:
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            self.assertTrue(old.recv(1000).startswith(b"HTTP/1.1 200"))
            self.certify("second", 1002)
            self.use("second")
            self.assertEqual(self.serial(gateway), 1001, "not before SIGHUP")
            self.reload(gateway, self.text, "has been read again")
            self.assertEqual(self.serial(gateway), 1002)
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            # The body of the first answer may come in a record of its own.
            self.assertIn(b"HTTP/1.1 200", old.makefile("rb").read(), "it goes on")

        for make_worse, reason in (
                (lambda: self.use("first", "second"), "with this certificate and key"),
                (lambda: (self.folder / "server.pem").write_text("nothing"), "certificate and key"),
                (lambda: (self.folder / "server.key").unlink(), "server.key"),
                (lambda: (self.folder / "server.key").symlink_to("server.key"), "too many")):
            make_worse()
            self.reload(gateway, self.text, "the old configuration stays in force: ")
            self.assertIn(reason, gateway.text().rpartition("stays in force: ")[2])
            self.assertEqual(self.serial(gateway), 1002, "the one that worked stays")
            if (self.folder / "server.key").is_symlink():
                (self.folder / "server.key").unlink()
        self.use("first")
        self.reload(gateway, self.text, "has been read again")
        self.assertEqual(self.serial(gateway), 1001)
        self.assertEqual(self.get(gateway, "/healthz"), b"ok\n")

    def test_links(self):
        """The links of an ACME client: live/ has links to archive/, which a renewal replaces."""
        live, archive = self.folder / "live/name", self.folder / "archive/name"
        for folder in (live, archive):
            folder.mkdir(parents=True)

        def renew(n):
            for kind in ("pem", "key"):
                shutil.copy(self.folder / f"version{n}.{kind}", archive / f"server{n}.{kind}")
                link = live / f"server.{kind}"
                link.unlink(missing_ok=True)
                link.symlink_to(f"../../archive/name/server{n}.{kind}")

        self.certify("version1", 2001)
        self.certify("version2", 2002)
        renew(1)
        text = ("[gateway]\ntls_certificate = ../../tls/live/name/server.pem\n"
                "tls_key = ../../tls/live/name/server.key\n")
        gateway = self.start(text)
        self.assertEqual(self.serial(gateway), 2001)
        renew(2)
        self.reload(gateway, text, "has been read again")
        self.assertEqual(self.serial(gateway), 2002)
        # Others may replace a link in such a folder, and a file of such a mode.
        for path, mode in ((live, 0o777), (archive / "server2.key", 0o666)):
            before = path.stat().st_mode
            path.chmod(mode)
            self.reload(gateway, text, "the old configuration stays in force: ")
            self.assertIn("may write to it", gateway.text().rpartition("stays in force: ")[2])
            path.chmod(before)
        self.reload(gateway, text, "has been read again")

    def test_refused(self):
        """Old protocols, HTTP without TLS, and a start without a usable certificate."""
        gateway = self.start(self.text)
        # Python warns of the old versions; openssl's own client can be told to speak nothing else.
        old = subprocess.run(["openssl", "s_client", "-connect", f"{NAME}:{gateway.port}", "-tls1_1",
                              "-cipher", "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=FAR_S)
        self.assertNotIn(b"BEGIN CERTIFICATE", old.stdout)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.connect(gateway, minimum_version=version, maximum_version=version) as one:
                self.assertIn(one.version(), ("TLSv1.2", "TLSv1.3"))
        with socket.create_connection((NAME, gateway.port), FAR_S) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            try:
                self.assertNotIn(b"HTTP/1.1", plain.recv(1000))
            except ConnectionError:
                pass
        self.assertEqual(self.get(gateway, "/healthz"), b"ok\n")
        (self.folder / "server.pem").write_text("nothing")
        self.assertIn("server.pem", self.fails(self.text, "--listen", f"{NAME}:0"))

    def test_slow_handshake(self):
        """A client that says nothing is cut at the deadline for heads."""
        gateway = self.start(self.text + "header_deadline = 1s\n")
        with socket.create_connection((NAME, gateway.port), FAR_S) as silent:
            self.assertEqual(silent.recv(100), b"")

    @unittest.skipUnless(boto3, "needs python3-boto3")
    def test_objects(self):
        """Bytes there and back, larger than one record of TLS, also in parts and as ranges."""
        gateway = self.start(self.text)
        s3 = boto3.client("s3", endpoint_url=gateway.url, region_name="us-east-1",
                          aws_access_key_id=self.key["id"], verify=os.fspath(self.ca),
                          aws_secret_access_key=self.key["secret"],
                          config=boto3.session.Config(s3={"addressing_style": "path"}))
        body = os.urandom(20_000_000)
        (self.root / "large").write_bytes(body)
        s3.upload_file(os.fspath(self.root / "large"), "photos", "large")
        self.assertEqual((self.root / "buckets/photos/large").read_bytes(), body)
        s3.put_object(Bucket="photos", Key="small", Body=b"hello")
        self.assertEqual(s3.get_object(Bucket="photos", Key="large")["Body"].read(), body)
        part = s3.get_object(Bucket="photos", Key="large", Range="bytes=1000000-1999999")
        self.assertEqual(part["Body"].read(), body[1000000:2000000])

    @unittest.skipUnless(program("aws"), "awscli is not installed")
    def test_awscli(self):
        gateway = self.start(self.text)
        (self.root / "a.txt").write_bytes(b"hello")
        environment = {"PATH": PATH, "HOME": os.fspath(self.root), "AWS_DEFAULT_REGION": "eu-north-1",
                       "AWS_ACCESS_KEY_ID": self.key["id"], "AWS_CA_BUNDLE": os.fspath(self.ca),
                       "AWS_SECRET_ACCESS_KEY": self.key["secret"], "AWS_PAGER": "",
                       "AWS_EC2_METADATA_DISABLED": "true"}
        aws = [program("aws"), "--endpoint-url", gateway.url]
        subprocess.run([*aws, "s3", "cp", self.root / "a.txt", "s3://photos/a.txt"], check=True,
                       env=environment, stdout=subprocess.DEVNULL, timeout=FAR_S)
        listed = subprocess.run([*aws, "s3api", "list-objects-v2", "--bucket", "photos"], check=True,
                                env=environment, stdout=subprocess.PIPE, timeout=FAR_S).stdout
        self.assertEqual([row["Key"] for row in json.loads(listed)["Contents"]], ["a.txt"])


if __name__ == "__main__":
    main()
