# SPDX-License-Identifier: Apache-2.0
"""Every sample image has the result of sample-images/expected.tsv: state, facts, error, and exact
thumbnails. The table is tab-separated, with one row per file, and '-' for an empty field."""

import csv
import shutil
import urllib.parse

from harness import SOURCE_DIR, E2ETest, grid, is_near, main

SAMPLES = SOURCE_DIR / "sample-images"
COLUMNS = ["key", "state", "type", "width", "height", "pages", "damaged", "date", "error"]


def read_expected():
    """Returns {key: row} of the table, with keys as the commands print them."""
    with open(SAMPLES / "expected.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, COLUMNS, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = [row for row in rows if None in row or None in row.values()]
    if not rows or wrong:
        raise AssertionError(f"expected.tsv: rows without the columns {COLUMNS}: {wrong}")
    return {row["key"]: row for row in rows}


def number(text):
    return None if text == "-" else int(text)


def flag(text):
    return {"true": True, "false": False}[text]


def inside(width, height, box):
    """Returns the size of a picture inside box x box: in proportion, never enlarged, never zero."""
    scale = min(1.0, box / width, box / height)
    return width * scale, height * scale


class Images(E2ETest):

    @classmethod
    def setUpClass(cls):
        cls.expected = read_expected()

    def setUp(self):
        super().setUp()
        for key in self.expected:
            name = urllib.parse.unquote_to_bytes(key).decode(errors="surrogateescape")
            target = self.bucket.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SAMPLES / (name if (SAMPLES / name).exists() else key), target)
        self.done = self.bucket.once()

    def test_every_field(self):
        records = {row["name"]: row for row in self.bucket.list()}
        self.assertEqual(set(records), set(self.expected))
        for key, want in self.expected.items():
            with self.subTest(key):
                row = records[key]
                self.assertEqual(row["state"], want["state"], row["error"])
                self.assertEqual(row["type"], want["type"])
                for field in ("width", "height", "pages"):
                    self.assertEqual(row[field], number(want[field]), field)
                self.assertEqual(row["damaged"], flag(want["damaged"]))
                if want["date"] == "-":
                    self.assertEqual(row["date_source"], "mtime")
                else:
                    self.assertEqual((row["date"], row["date_source"]), (want["date"], "exif"))
                self.assertEqual(row["error"]["name"] if row["error"] else "-", want["error"])
                self.assertEqual(row["attempts"], 1)

    def test_thumbnails_are_whole_and_of_exact_size(self):
        records = self.check_bucket()  # ImageMagick reads each of them
        for row in records.values():
            for thumbnail in row["thumbnails"]:
                with self.subTest(thumbnail["path"]):
                    box = {"small": 256, "large": 1024}[thumbnail["rendition"]]
                    for made, exact in zip((thumbnail["width"], thumbnail["height"]),
                                           inside(row["width"], row["height"], box)):
                        self.assertLessEqual(made, box)
                        self.assertLess(abs(made - max(exact, 1)), 1)
            if row["state"] == "done":
                self.assertEqual([t["rendition"] for t in row["thumbnails"]], ["small", "large"])

    def test_all_orientations_look_the_same(self):
        for rendition, extension in (("small", "webp"), ("large", "jpg")):
            views = [grid(self.bucket.thumbnail(rendition, f"orientation/{i}.jpg", extension))
                     for i in range(1, 9)]
            self.assertGreater(max(views[0]) - min(views[0]), 100, "a picture that tells sides apart")
            for i, view in enumerate(views, 1):
                self.assertTrue(is_near(view, views[0], 20), (rendition, i, view, views[0]))

    def test_thumbnails_look_like_their_sources(self):
        for key in ("2024/winter/first-snow.jpg", "2025/autumn/leaves.png",
                    "2025/summer/lake.webp", "2025/summer/mountains.jpg", "scans/slide.tif",
                    "scans/night-sky.png"):
            with self.subTest(key):
                self.assertTrue(is_near(grid(self.bucket.small(key)),
                                        grid(self.bucket.path / key), 20))

    def test_totals_and_exit_status(self):
        states = [row["state"] for row in self.expected.values()]
        self.assertEqual(self.done.status, 1 if "dead" in states else 0, self.done.log)
        objects = self.bucket.stats()["objects"]
        self.assertEqual(objects, {
            "total": len(states), "pending": 0, "running": 0, "done": states.count("done"),
            "skipped": states.count("skipped"), "dead": states.count("dead"),
            "damaged": sum(flag(row["damaged"]) for row in self.expected.values()), "away": 0})
        again = self.bucket.once()
        self.assertEqual((again.status, again.reports), (self.done.status, []))


if __name__ == "__main__":
    main()
