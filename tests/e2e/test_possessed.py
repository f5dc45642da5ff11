# SPDX-License-Identifier: Apache-2.0
"""A picture takes its decoder over. All that it can do costs one line in one record.

$THUMBQ_HANDLER is the real handler program with a decoder that obeys orders in the source
(support/possessed_worker.c).
"""

import os
import unittest
from pathlib import Path
from unittest import mock

from harness import GREEN, RED, SANITIZED, E2ETest, is_alive, main, png, wait_for

# An order, the state, the error's name, and its message. A refused call leaves a file that is no
# picture.
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


def possessed(color, order):
    """A picture that takes its decoder over, and is a valid picture."""
    return png(40, 30, color) + f"possess: {order}".encode()


def is_gone_or_has_worked(pid):
    """The worker may use a tenth of a second of CPU time."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    fields = text[text.rindex(")") + 2:].split()
    return fields[0] in "ZX" or int(fields[11]) + int(fields[12]) >= os.sysconf("SC_CLK_TCK") / 10


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


@unittest.skipIf(SANITIZED, "the sanitizers' build has no sandbox")
class Isolation(E2ETest):
    """Effects of a taken-over worker on other pictures, at each value of the setting."""

    def start(self, isolation, jobs=1):
        # Pictures of the first scan would have a nice worker, which no upload gets.
        self.bucket.configure(SETTINGS + f"isolation = {isolation}\nbackfill_nice = 0\n")
        return self.bucket.start("--jobs", str(jobs))

    def put(self, name, data):
        """Puts a picture. Returns {path: content} of its thumbnails."""
        self.bucket.put(name, data)
        self.bucket.wait_record(name)
        return {path: path.read_bytes()
                for path in (self.bucket.small(name), self.bucket.large(name))}

    def write_on(self, isolation):
        daemon = self.start(isolation, jobs=2)
        made = self.put("alice/evil.png", possessed(RED, "write after publishing"))
        wait_for(lambda: all(map(is_gone_or_has_worked, daemon.workers())),
                 "the worker to write, or to be gone", daemon.log)
        for path, data in made.items():
            self.assertEqual(path.read_bytes(), data)

    def test_file_thumbnails_do_not_change(self):
        self.write_on("file")

    def test_owner_thumbnails_do_not_change(self):
        self.write_on("owner")

    def test_none_thumbnails_do_not_change(self):
        self.write_on("none")

    def steals_from(self, isolation):
        """Returns the pictures that a worker can steal by keeping and replacing its descriptors."""
        self.start(isolation)
        self.put("alice/evil.png", possessed(RED, "spy on the next"))
        return [name for name in ("alice/hers.png", "bob/his.png", "top.png")
                if any(data.startswith(b"stolen: \x89PNG")
                       for data in self.put(name, png(40, 30, GREEN)).values())]

    def test_file_workers_see_one_picture(self):
        self.assertEqual(self.steals_from("file"), [])

    def test_owner_workers_see_those_of_one_folder(self):
        self.assertEqual(self.steals_from("owner"), ["alice/hers.png"])

    def put_with_key(self, name, data, key):
        """Puts a picture as a gateway does for the client of a key. Returns its thumbnails."""
        part = self.bucket.path / (name + ".part")
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(data)
        st = part.stat()
        state = f"{st.st_size} {st.st_mtime_ns // 10**9}.{st.st_mtime_ns % 10**9:09} {st.st_ino}"
        os.setxattr(part, "user.thumbq.s3", f"thumbq-s3 1\n{state}\n0\n{key}\n".encode())
        part.rename(self.bucket.path / name)
        self.bucket.wait_record(name)
        return [path.read_bytes() for path in (self.bucket.small(name), self.bucket.large(name))]

    def test_owner_workers_see_those_of_one_key(self):
        self.start("owner")
        self.put_with_key("alice/evil.png", possessed(RED, "spy on the next"), "KEY1")
        stolen = [name for name, key in (("alice/other.png", "KEY2"), ("alice/same.png", "KEY1"))
                  if any(data.startswith(b"stolen: \x89PNG")
                         for data in self.put_with_key(name, png(40, 30, GREEN), key))]
        self.assertEqual(stolen, ["alice/same.png"])

    def test_none_workers_see_all(self):
        """This case shows that the two before it could fail."""
        self.assertEqual(self.steals_from("none"), ["alice/hers.png", "bob/his.png", "top.png"])

    def test_the_environment_holds_over_the_file(self):
        with mock.patch.dict(os.environ, THUMBQ_ISOLATION="file"):
            self.assertEqual(self.steals_from("none"), [])

    def spin(self, isolation):
        """Returns the workers before, and while one of them spins."""
        daemon = self.start(isolation, jobs=2)
        self.put("bob/his.png", png(40, 30, GREEN))
        before = set(daemon.workers())
        self.put("alice/evil.png", possessed(RED, "spin while idle"))
        return daemon, before, set(daemon.workers())

    def gone(self, daemon, pids):
        wait_for(lambda: not any(map(is_alive, pids)), "workers to be gone",
                 daemon.log)

    def test_file_workers_do_not_spin(self):
        daemon, _before, during = self.spin("file")
        self.gone(daemon, during)
        self.put("alice/hers.png", png(40, 30, GREEN))

    def test_owner_workers_that_spin_are_replaced(self):
        daemon, before, during = self.spin("owner")
        self.gone(daemon, during - before)
        # The pool did not retire the worker for its idle time, because the other one was idle for
        # longer.
        self.assertEqual(set(daemon.workers()), before)
        self.put("alice/hers.png", png(40, 30, GREEN))

    def test_none_workers_that_spin_are_replaced(self):
        daemon, before, during = self.spin("none")
        self.assertEqual(during, before)
        wait_for(lambda: all(map(is_gone_or_has_worked, during)), "the worker to spin",
                 daemon.log)
        self.put("alice/hers.png", png(40, 30, GREEN))
        self.assertIn("Init Duration", daemon.reports()[-1])
        self.gone(daemon, during)


if __name__ == "__main__":
    main()
