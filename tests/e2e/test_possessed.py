"""A picture that takes its decoder over: whatever it then does costs one line in one record.

$THUMBQ_HANDLER is the real handler program, but with a decoder that obeys what a source says
(support/possessed_job.c).
"""

import os
import unittest

from harness import GREEN, RED, SANITIZED, E2ETest, main, png

# order, the state, the error's name, and what its message says; what is refused leaves a file that
# is no picture
ORDERS = [
    ("call home", "dead", "sandbox_violation", "'socket'"),
    ("start a program", "dead", "sandbox_violation", "'execve'"),
    ("multiply", "dead", "sandbox_violation", "'clone'"),
    ("kill the daemon", "dead", "sandbox_violation", "'kill'"),
    ("trace the daemon", "dead", "sandbox_violation", "'ptrace'"),
    ("read a path", "skipped", "not_an_image", ""),
    ("reopen for writing", "skipped", "not_an_image", ""),
    ("write to the source", "skipped", "not_an_image", ""),
    ("outgrow", "skipped", "not_an_image", ""),
    ("hoard", "dead", "out_of_memory", ""),
    ("spin", "dead", "timeout", ""),
    ("lie", "dead", "handler_crashed", "malformed frame"),
    ("hand over a descriptor", "dead", "handler_crashed", "malformed frame"),
    ("leave", "dead", "handler_crashed", ""),
]
SETTINGS = """[handler]
timeout = 2s
memory = 128M
retries = 0
"""


@unittest.skipIf(SANITIZED, "the sanitizers' build has no sandbox")
class Possessed(E2ETest):

    def setUp(self):
        super().setUp()
        self.assertIn("THUMBQ_HANDLER", os.environ, "run this by ctest")
        self.bucket.configure(SETTINGS)

    def orders(self):
        return {f"{order.replace(' ', '-')}.png": f"possess: {order}".encode()
                for order, *_rest in ORDERS}

    def test_it_costs_one_line_in_one_record(self):
        files = self.orders()
        good = {f"good-{i}.png": png(40, 30, RED) for i in range(len(files))}
        daemon = self.bucket.start("--jobs", "2")
        for (name, order), (good_name, picture) in zip(files.items(), good.items()):
            self.bucket.put(name, order)
            self.bucket.put(good_name, picture)
        self.bucket.sync()
        records = self.check_bucket([*files, *good])
        for name, (order, state, error, message) in zip(files, ORDERS):
            with self.subTest(order=order):
                row = records[os.fsencode(name)]
                self.assertEqual((row["state"], row["error"]["name"]), (state, error), row)
                self.assertIn(message, row["error"]["message"])
                self.assertEqual(row["attempts"], 1)
                self.assertEqual((self.bucket.path / name).read_bytes(), files[name])
        for name in good:
            row = records[os.fsencode(name)]
            self.assertEqual((row["state"], row["attempts"]), ("done", 1), row)
        self.assertTrue(daemon.is_running())
        self.bucket.put("last.png", png(40, 30, GREEN))
        self.bucket.wait_record("last.png")
        self.assert_color(self.bucket.small("last.png"), GREEN)

    def test_a_violation_is_not_tried_again(self):
        self.bucket.configure(SETTINGS.replace("retries = 0", "retries = 2"))
        self.bucket.put("evil.png", b"possess: call home")
        result = self.bucket.once()
        self.assertEqual(result.status, 1, result.log)
        self.assertEqual([r["Error Type"] for r in result.reports], ["sandbox_violation"])
        self.assertEqual(self.bucket.show("evil.png")["error"]["class"], "reject")


if __name__ == "__main__":
    main()
