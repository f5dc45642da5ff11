# SPDX-License-Identifier: Apache-2.0
"""System calls of the gateway: the kernel sends files, and the loop is not woken for nothing."""

import os
import time
from pathlib import Path

from gateway import Gateway, IncompleteReadError, ResponseStreamingError, S3Test
from harness import main, wait_for

SMALL_GETS = 100


class Calls(S3Test):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quiet = Gateway(cls.root, "--access-log", "none", log="quiet.txt")
        cls.addClassCleanup(cls.quiet.close)
        # Less than the minute after which the gateway gives up a connection.
        cls.reader = cls.client(cls.key, cls.quiet, read_timeout=20)

    def calls(self):
        """The number of calls that read and that write, as the kernel counts them. sendfile is one
        of both, send and recv are none."""
        text = Path(f"/proc/{self.quiet.process.pid}/io").read_text()
        found = dict(line.split(": ") for line in text.splitlines())
        return int(found["syscr"]), int(found["syscw"])

    def read(self, key, **options):
        return self.reader.get_object(Bucket="photos", Key=key, **options)["Body"].read()

    def test_large_object_is_sent_by_the_kernel(self):
        body = os.urandom(16 * 1024 * 1024)
        (self.photos / "large.bin").write_bytes(body)
        before = self.calls()[0]
        self.assertEqual(self.read("large.bin"), body)
        # A copy through the library's buffer needs a read for each 4 KiB.
        self.assertLess(self.calls()[0] - before, len(body) // 8192)

    def test_small_object_wakes_no_loop(self):
        body = os.urandom(20_000)
        (self.photos / "small.webp").write_bytes(body)
        self.read("small.webp")
        before = self.calls()
        for _ in range(SMALL_GETS):
            self.assertEqual(self.read("small.webp"), body)
        reads, writes = (now - then for now, then in zip(self.calls(), before))
        # One read of the file for each request.
        self.assertLess(reads, 2 * SMALL_GETS)
        self.assertLess(writes, SMALL_GETS)

    def ticks(self):
        """The CPU time that the gateway has used, in ticks of the kernel's clock."""
        text = Path(f"/proc/{self.quiet.process.pid}/stat").read_text()
        user, system = text[text.rindex(")") + 2:].split()[11:13]
        return int(user) + int(system)

    def test_idle_after_work_in_a_thread(self):
        self.reader.put_object(Bucket="photos", Key="put.bin", Body=b"x")

        def is_idle():
            before = self.ticks()
            time.sleep(0.3)
            return self.ticks() - before <= 1

        wait_for(is_idle, "the loop to rest")

    def test_file_that_becomes_shorter(self):
        """The connection is cut: the client does not wait for bytes that are gone."""
        path = self.photos / "shorter.bin"
        path.write_bytes(bytes(64 * 1024 * 1024))
        body = self.reader.get_object(Bucket="photos", Key="shorter.bin")["Body"]
        body.read(1)
        os.truncate(path, 1024 * 1024)
        # A client that waits in vain gets another error, ReadTimeoutError.
        with self.assertRaises((IncompleteReadError, ResponseStreamingError)):
            body.read()

    def test_sizes_around_the_largest_whole_read(self):
        for size in (0, 1, 32767, 32768, 32769, 131073):
            body = os.urandom(size)
            (self.photos / "object").write_bytes(body)
            with self.subTest(size=size):
                self.assertEqual(self.read("object"), body)
                head = self.reader.head_object(Bucket="photos", Key="object")
                self.assertEqual(head["ContentLength"], size)
                if size > 2:
                    self.assertEqual(self.read("object", Range="bytes=1-"), body[1:])


if __name__ == "__main__":
    main()
