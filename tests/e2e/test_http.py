# SPDX-License-Identifier: Apache-2.0
"""The HTTP server from outside: the requests that it refuses and the connections that it cuts,
directly and behind nginx. No request ever contains a second one."""

import contextlib
import os
import re
import socket
import subprocess
import threading
import unittest
from pathlib import Path

from harness import main, wait_for
from nginx import NGINX, NO_NGINX, proxy

DRIVER = os.environ.get("HTTP_DRIVER", "")
FAR_S = 120


class Driver:
    """A running http_driver, and the lines of its log."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([DRIVER, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(FAR_S)
        self.reader.join(FAR_S)
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        if self.process.returncode or errors:
            raise AssertionError(f"http_driver: {self.process.returncode} {errors}")


@contextlib.contextmanager
def driver(*arguments):
    running = Driver(*arguments)
    try:
        yield running
    finally:
        running.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), FAR_S)


def read_all(connection):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            data += part
    return data


def talk(port, data):
    """Sends these bytes. Returns all output until the other end closes."""
    with connect(port) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        return read_all(connection)


def statuses(data):
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d\d\d)", data)]


HOST = b"Host: a\r\n"

# Requests that must end in one refusal. The hidden request in each of them asks for /hidden.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SMUGGLED = {
    "both framings":
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n" + HIDDEN,
    "two lengths":
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 54\r\n\r\n" + HIDDEN,
    "two lengths in a list":
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 54\r\n\r\n" + HIDDEN,
    "a length with a sign":
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n" + HIDDEN,
    "an encoding with a blank":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "an encoding with a vertical tab":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "another encoding":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two encodings":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a folded encoding":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a folded header":
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n" + HIDDEN,
    "a folded header at the end":
        b"GET / HTTP/1.1\r\nX: b\r\nHost: a\r\n\tc\r\n\r\n" + HIDDEN,
    "a bare LF behind the request line": b"GET / HTTP/1.1\nHost: a\r\n\r\n" + HIDDEN,
    "a bare LF between headers": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n" + HIDDEN,
    "a bare LF behind the last header": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\n\r\n" + HIDDEN,
    "a bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\n" + HIDDEN,
    "nothing but bare LFs": b"GET / HTTP/1.1\nHost: a\n\n" + HIDDEN,
    "two bare LFs at the end, and nothing behind":
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\n\n",
    "two bare LFs after an empty value": b"GET / HTTP/1.1\r\nHost: a\r\nX:\n\n" + HIDDEN,
    "a bare LF at the end, and nothing behind":
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\n",
    "a bare CR in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\n" + HIDDEN,
    "a NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n" + HIDDEN,
    "a NUL in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n" + HIDDEN,
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + HIDDEN,
    "no host": b"GET / HTTP/1.1\r\nX: b\r\n\r\n" + HIDDEN,
    "no header": b"GET / HTTP/1.1\r\n\r\n" + HIDDEN,
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n" + HIDDEN,
    "a header without a name": b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n" + HIDDEN,
    "another version": b"GET / HTTP/1.3\r\nHost: a\r\n\r\n" + HIDDEN,
    "no version": b"GET /\r\nHost: a\r\n\r\n" + HIDDEN,
    "a target with a blank": b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "a whole URL": b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "a method in small letters": b"get / HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "an encoded NUL": b"GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "a byte that is no ASCII": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n" + HIDDEN,
    "too many headers":
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n" + HIDDEN,
    "a head that is too large":
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 100000 + b"\r\n\r\n" + HIDDEN,
    "a chunk's length that is none":
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + HIDDEN,
}


class Fence(unittest.TestCase):

    def test_no_second_request(self):
        with driver() as server:
            for name, data in SMUGGLED.items():
                with self.subTest(name):
                    answer = talk(server.port, data)
                    self.assertNotIn(b"/hidden", answer)
                    # The library writes the head of its own answers to a wrong length twice.
                    self.assertIn(len(statuses(answer)), (1, 2), answer)
                    self.assertGreaterEqual(min(statuses(answer)), 400, answer)
        self.assertEqual([line for line in server.lines if "/hidden" in line], [])

    def test_what_is_fine(self):
        with driver() as server:
            for data, answers in (
                    (b"GET /a%20b?c=d HTTP/1.1\r\nHost: a\r\n\r\n", [b"GET /a b 0\n"]),
                    (b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
                     [b"GET / 0\n"]),
                    (b"PUT /x HTTP/1.1\r\nHost:a\r\nContent-Length:5\r\n\r\nhello",
                     [b"PUT /x 5\n"]),
                    (b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n0\r\n\r\n", [b"PUT /x 5\n"]),
                    (b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
                     [b"GET /1 0\n", b"GET /2 0\n"]),
                    (b"GET /work HTTP/1.1\r\nHost: a\r\n\r\nGET /work HTTP/1.1\r\nHost: a\r\n\r\n",
                     [b"GET /work 0\n", b"GET /work 0\n"]),
                    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                     b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", [b"POST / 5\n", b"GET /2 0\n"])):
                with self.subTest(data):
                    answer = talk(server.port, data + HIDDEN)
                    self.assertEqual(statuses(answer), [200] * (len(answers) + 1), answer)
                    for text in answers:
                        self.assertIn(b"\r\n\r\n" + text, answer)

    def test_refused_before_the_body(self):
        head = b"PUT /refuse HTTP/1.1\r\nHost: a\r\n"
        with driver() as server:
            # The client waits with its body: the answer comes instead of the invitation, and the
            # connection ends.
            with connect(server.port) as connection:
                connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
                self.assertEqual(statuses(read_all(connection)), [403])
            # A small body is read and thrown away, and the connection continues.
            answer = talk(server.port, head + b"Content-Length: 5\r\n\r\nhello" + HIDDEN)
            self.assertEqual(statuses(answer), [403, 200])
            # A large body is cut off, and no part of it is read as a request.
            answer = talk(server.port, head + b"Content-Length: 9000000\r\n\r\n" + HIDDEN)
            self.assertNotIn(b"/hidden", answer)
            self.assertEqual(statuses(answer), [403])

    def test_expect(self):
        with driver() as server, connect(server.port) as connection:
            connection.sendall(b"PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                               b"Content-Length: 5\r\n\r\n")
            self.assertEqual(statuses(connection.recv(4096)), [100])
            connection.sendall(b"hello" + HIDDEN)
            self.assertEqual(statuses(read_all(connection)), [200, 200])

    def test_file(self):
        with driver() as server:
            answer = talk(server.port, b"GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            body = answer.partition(b"\r\n\r\n")[2]
            self.assertEqual(body, Path(DRIVER).read_bytes()[:65536])
            answer = talk(server.port, b"HEAD /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertIn(b"Content-Length: 65536\r\n", answer)
            self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_log(self):
        with driver() as server:
            talk(server.port, b"GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                 b"User-Agent: \"x\"\r\n\r\n")
        self.assertRegex("".join(server.lines),
                         r'^127\.0\.0\.1 - - \[[^]]+\] "GET /a HTTP/1\.1" 200 9 "-" "\\"x\\""\n$')


@unittest.skipUnless(NGINX, NO_NGINX)
class BehindNginx(unittest.TestCase):
    """Requests that nginx forwards, and the form in which it writes them."""

    def test_no_second_request(self):
        with driver() as server:
            with proxy(server.port) as front:
                self.assertEqual(statuses(talk(front, HIDDEN)), [200])
                answered = 1
                for i, (name, data) in enumerate(SMUGGLED.items()):
                    with self.subTest(name):
                        answer = talk(front, data)
                        answered += len(re.findall(rb"(?m)^[A-Z]+ /.* \d+$", answer))
                        # nginx uses the same connection: its next answer is that of the next
                        # request.
                        answer = talk(front, HIDDEN.replace(b"hidden", b"next-%d" % i))
                        self.assertTrue(answer.endswith(b"\r\n\r\nGET /next-%d 0\n" % i), answer)
                        answered += 1
        # A request that nginx reads as two has two answers. The server never finds one more.
        self.assertEqual(len([line for line in server.lines if '" 200 ' in line]), answered)


class Work(unittest.TestCase):

    def test_turns(self):
        """Long work leaves room for short work, and for that of other owners."""
        with driver() as server, contextlib.ExitStack() as stack:
            def begin(path):
                connection = stack.enter_context(connect(server.port))
                connection.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" %
                                   path)
                return connection

            def begun(owner):
                return server.lines.count(f"begins /long/{owner}\n")
            waiting = [begin(b"/long/a") for _ in range(12)]
            wait_for(lambda: begun("a") == 2, "half of the threads work for a")
            waiting += [begin(b"/long/b") for _ in range(2)]
            wait_for(lambda: begun("b") == 2, "the other half works for b")
            waiting.append(begin(b"/long/c"))
            self.assertEqual(statuses(read_all(begin(b"/work"))), [200])
            self.assertEqual((begun("a"), begun("b"), begun("c")), (2, 2, 0))
            self.assertEqual(statuses(read_all(begin(b"/release"))), [200])
            for connection in waiting:
                self.assertEqual(statuses(read_all(connection)), [200])
            wait_for(lambda: (begun("a"), begun("b"), begun("c")) == (12, 2, 1), "all work has begun")


class Limits(unittest.TestCase):

    def cut_after(self, server, first, drip):
        """Returns True if the server ends a connection that sends `first`, and then `drip` again
        and again."""
        with connect(server.port) as connection:
            connection.sendall(first)
            connection.settimeout(0.05)

            def is_cut():
                try:
                    connection.sendall(drip)
                    return connection.recv(4096) == b""
                except socket.timeout:
                    return False
                except (ConnectionResetError, BrokenPipeError):
                    return True

            return wait_for(is_cut, "the connection is cut")

    def test_slow_head(self):
        with driver(500) as server:
            self.assertTrue(self.cut_after(server, b"GET / HTTP/1.1\r\nX: ", b"y"))
            self.assertTrue(self.cut_after(server, b"G", b"E"))

    def test_silence(self):
        with driver(500) as server, connect(server.port) as connection:
            self.assertEqual(read_all(connection), b"")

    def test_slow_body(self):
        with driver(500, 1000000) as server:
            self.assertTrue(self.cut_after(
                server, b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", b"y"))

    def test_connections_of_an_address(self):
        with driver(60000, 1024, 100, 3) as server:
            with contextlib.ExitStack() as stack:
                for _ in range(3):
                    connection = stack.enter_context(connect(server.port))
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual(statuses(connection.recv(4096)), [200])
                self.assertEqual(talk(server.port, HIDDEN), b"")
            wait_for(lambda: statuses(talk(server.port, HIDDEN)) == [200], "there is room again")

    def test_connections_in_all(self):
        with driver(60000, 1024, 2) as server:
            with contextlib.ExitStack() as stack:
                for _ in range(2):
                    connection = stack.enter_context(connect(server.port))
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    self.assertEqual(statuses(connection.recv(4096)), [200])
                waiting = stack.enter_context(connect(server.port))
                waiting.sendall(HIDDEN)
                connection.close()
                self.assertEqual(statuses(waiting.recv(4096)), [200])

    def test_end_with_open_connections(self):
        with driver() as server, connect(server.port) as connection:
            connection.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhel")
            server.close()
            self.assertEqual(read_all(connection), b"")
            server.close = lambda: None


if __name__ == "__main__":
    main()
