# SPDX-License-Identifier: Apache-2.0
"""A mended decoder makes the thumbnails of its type again, and no others.

$THUMBQ_MENDED is the real program, in which the image type $THUMBQ_REVISED has a revision that is
one higher, as after an update of thumbq.
"""

import base64
import os

from harness import BLUE, HANDLER, RED, SOURCE_DIR, E2ETest, jpeg, main, png, wait_for

MENDED = os.environ.get("THUMBQ_MENDED", str(SOURCE_DIR / "build" / "tests" / "thumbq-mended"))
GIF = base64.b64decode("R0lGODlhCAAIAPAAAP8AAAAAACH5BAAAAAAALAAAAAAIAAgAAAIHhI+py+1dAAA7")
NAMES = ["a.png", "b.gif", "c.jpg", "trip/d.gif"]
GIFS = {"b.gif", "trip/d.gif"}


class Revisions(E2ETest):

    def setUp(self):
        super().setUp()
        for name, data in zip(NAMES, (png(20, 20, RED), GIF, jpeg(30, 20, BLUE), GIF)):
            self.bucket.put(name, data)
        self.assertEqual(self.bucket.once().status, 0)
        self.made = self.thumbnails()

    def thumbnails(self):
        """Returns the file of each thumbnail. A thumbnail that is made again is another file."""
        return {(name, size): (path.stat().st_ino, path.stat().st_mtime_ns)
                for name in NAMES
                for size, path in (("small", self.bucket.small(name)),
                                   ("large", self.bucket.large(name)))}

    def others(self):
        """Returns the thumbnails that have changed since the last call of made_again."""
        now = self.thumbnails()
        return {at for at in now if now[at] != self.made[at]}

    def made_again(self):
        """Returns the names of the objects of which all thumbnails have changed since the last
        call."""
        other = self.others()
        self.made = self.thumbnails()
        names = {name for name, _size in other}
        self.assertEqual(other, {(name, size) for name in names for size in ("small", "large")})
        return names

    def mended(self, *arguments, revised=None, status=0):
        environment = {"THUMBQ_HANDLER": HANDLER, "THUMBQ_REVISED": revised or ""}
        result = self.bucket.run_program([MENDED, *map(os.fspath, arguments)], env=environment)
        self.assertEqual(result.status, status, result.log)
        return result

    def once(self, revised=None):
        self.mended("run", "--once", self.bucket.path, revised=revised)
        return self.made_again()

    def stale(self, revised=None):
        """Returns the objects that a sweep would make again, by the store alone."""
        lines = self.mended("sweep", "stale", "--dry-run", "--bucket", self.bucket.path,
                            revised=revised).out.splitlines()
        return {line.split("\t")[1] for line in lines if line.startswith("stale\t")}

    def test_an_update_that_mends_nothing_makes_nothing_again(self):
        self.assertEqual(self.once(), set())
        self.assertEqual(self.stale(), set())

    def test_at_the_next_start(self):
        self.assertEqual(self.once(revised="tiff"), set())
        self.assertEqual(self.once(revised="gif"), GIFS)
        self.assertEqual(self.once(revised="gif"), set())
        self.assertEqual(self.stale(revised="gif"), set())
        self.check_bucket(NAMES)

    def test_by_a_sweep(self):
        self.assertEqual(self.stale(revised="gif"), GIFS)
        self.mended("sweep", "stale", "--bucket", self.bucket.path, revised="gif")
        self.mended("run", "--once", self.bucket.path, revised="gif")
        self.assertEqual(self.made_again(), GIFS)

    def test_dead_and_skipped_files_are_tried_again(self):
        """Once for each revision; those of other types are left as they are."""
        self.bucket.put("broken.gif", GIF[:12])
        self.bucket.put("words.gif", b"no picture")
        self.bucket.put("broken.png", png(9, 9, RED)[:30])
        self.assertEqual(self.bucket.once().status, 1)
        tried = {name: self.bucket.show(name)["state"]
                 for name in ("broken.gif", "words.gif", "broken.png")}
        self.assertEqual(tried, {"broken.gif": "dead", "words.gif": "skipped", "broken.png": "dead"})
        self.made = self.thumbnails()
        again = GIFS | {"broken.gif", "words.gif"}
        self.assertEqual(self.stale(), set())
        self.assertEqual(self.stale(revised="gif"), again)
        for expected in (again, set()):
            result = self.mended("run", "--once", self.bucket.path, revised="gif", status=1)
            self.assertEqual({report["Key"] for report in result.reports}, expected, result.log)
        self.assertEqual(self.made_again(), GIFS)
        self.assertEqual({name: self.bucket.show(name)["state"] for name in tried}, tried)

    def test_by_a_daemon_as_back_fill(self):
        daemon = self.bucket.start(program=MENDED, env={"THUMBQ_HANDLER": HANDLER,
                                                        "THUMBQ_REVISED": "gif"})
        wait_for(lambda: len(self.others()) == 2 * len(GIFS), "the daemon to make them again",
                 daemon.log)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.made_again(), GIFS)
        self.assertEqual({report["Key"] for report in daemon.reports()}, GIFS)
        self.assertEqual(self.once(revised="gif"), set())


if __name__ == "__main__":
    main()
