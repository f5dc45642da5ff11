# SPDX-License-Identifier: Apache-2.0
"""Dead letters: listed, retried, dropped, with and without a daemon."""

from harness import BLUE, GREEN, RED, E2ETest, main, png

TOO_BIG = "[handler]\nmax_pixels = 100\n"
ROOMY = "[handler]\nmax_pixels = 1M\n"


class DeadLetters(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(TOO_BIG)
        for name in ("a.png", "b/c d.png", "b/\udcff.png"):
            self.bucket.put(name, png(20, 20, RED))
        self.bucket.put("fine.png", png(5, 5, GREEN))
        self.assertEqual(self.bucket.once().status, 1)

    def command(self, *arguments):
        return self.bucket.command(*arguments, "--bucket", self.bucket.path)

    def dead(self):
        rows = self.bucket.read("dead", "list", "--json").lines()
        return sorted(row["name"] for row in rows)

    def test_list_is_that_of_list(self):
        self.assertEqual(self.dead(), ["a.png", "b/%FF.png", "b/c d.png"])
        self.assertEqual(self.bucket.read("dead", "--json").lines(),
                         self.bucket.list("--state", "dead"))
        self.assertEqual(len(self.bucket.read("dead", "--json", "--prefix", "b/").lines()), 2)

    def test_state_is_not_a_filter_here(self):
        self.assertEqual(self.command("dead", "--state", "done").status, 2)

    def test_not_tried_again_by_itself(self):
        self.bucket.configure(ROOMY)
        result = self.bucket.once()
        self.assertEqual((result.status, result.reports), (1, []))

    def test_retry_without_daemon(self):
        self.bucket.configure(ROOMY)
        self.assertIn("2 objects", self.command("dead", "retry", "--prefix", "b/").out)
        self.assertEqual(self.dead(), ["a.png"])
        self.assertEqual(self.bucket.stats()["objects"]["pending"], 2)
        self.assertEqual(self.bucket.once().status, 1)
        self.assertEqual(self.bucket.stats()["objects"]["done"], 3)

    def test_retry_with_daemon(self):
        self.bucket.configure(ROOMY)
        self.bucket.start()
        self.bucket.sync()
        self.assertIn("3 objects", self.command("dead", "retry").out)
        self.bucket.sync()
        self.assertEqual(self.dead(), [])
        self.check_bucket(["a.png", "b/c d.png", "b/\udcff.png", "fine.png"])

    def test_drop(self):
        for start in (False, True):
            if start:
                self.bucket.start()
                self.bucket.sync()
            name = "b/c d.png" if start else "a.png"
            self.assertIn("1 object ", self.command("dead", "drop", "--match", name).out)
            self.assertNotIn(name, self.dead())
            row = self.bucket.show(name)
            self.assertEqual((row["state"], row["error"]["name"]), ("skipped", "too_many_pixels"))

    def test_dropped_is_tried_again_when_its_bytes_change(self):
        self.command("dead", "drop")
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.put("a.png", png(5, 5, BLUE))
        result = self.bucket.once()
        self.assertEqual((result.status, len(result.reports)), (0, 1))
        self.assertEqual(self.bucket.show("a.png")["state"], "done")


if __name__ == "__main__":
    main()
