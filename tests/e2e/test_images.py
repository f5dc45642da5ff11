"""Every sample image comes out as sample-images/expected.tsv says: state, facts, error, and exact
thumbnails. The table is tab-separated, one row per file, '-' where there is nothing."""

import csv
import shutil
import urllib.parse

from harness import SOURCE_DIR, E2ETest, main

SAMPLES = SOURCE_DIR / "sample-images"
COLUMNS = ["key", "state", "type", "width", "height", "pages", "damaged", "date", "error"]
TRUE, FALSE = {"true", "yes", "1"}, {"false", "no", "0", "-", ""}


def read_expected():
    """{key: row} of the table; keys as the commands print them."""
    with open(SAMPLES / "expected.tsv", encoding="utf-8", newline="") as file:
        lines = [line for line in file if not line.startswith("#") and line.strip()]
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or list(rows[0])[:len(COLUMNS)] != COLUMNS:
        raise AssertionError(f"expected.tsv begins with other columns than {COLUMNS}")
    return {row["key"]: row for row in rows}


def number(text):
    return None if text in ("-", "", "0") else int(text)


def flag(text):
    if text not in TRUE | FALSE:
        raise AssertionError(f"'{text}' is neither true nor false")
    return text in TRUE


def inside(width, height, box):
    """The size a picture is given inside box x box: in proportion, never enlarged, never nothing."""
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
                self.assertEqual(row["type"], "none" if want["type"] == "-" else want["type"])
                if want["state"] == "done" or number(want["width"]):
                    self.assertEqual((row["width"], row["height"]),
                                     (number(want["width"]), number(want["height"])))
                if want["state"] == "done" or number(want["pages"]):
                    self.assertEqual(row["pages"], number(want["pages"]))
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

    def test_totals_and_exit_status(self):
        states = [row["state"] for row in self.expected.values()]
        self.assertEqual(self.done.status, 1 if "dead" in states else 0, self.done.log)
        objects = self.bucket.stats()["objects"]
        self.assertEqual(objects, {
            "total": len(states), "pending": 0, "running": 0, "done": states.count("done"),
            "skipped": states.count("skipped"), "dead": states.count("dead"),
            "damaged": sum(flag(row["damaged"]) for row in self.expected.values())})
        again = self.bucket.once()
        self.assertEqual((again.status, again.reports), (self.done.status, []))


if __name__ == "__main__":
    main()
