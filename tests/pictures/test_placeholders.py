# SPDX-License-Identifier: Apache-2.0
"""Placeholders: ThumbHash equals that of the published reference, and the dominant colour is right.

thumbhash.tsv holds, for each sample image, a digest of the 100 x 100 hashed pixels, and the
reference's answer (reference-hashes). Where this machine's decoders give other pixels, the hashes
cannot be compared; that may happen to a few samples, not to most.
"""

import collections
import csv
import hashlib
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make_file  # noqa: E402
import raster  # noqa: E402
from harness import SOURCE_DIR, E2ETest, main  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("thumbhash.tsv")
CONFIG = "[handler]\nmax_pixels = 150M\n[rendition look]\nsize = 100x100\nformat = png\n"


def make(bucket):
    """Processes the sample images. Returns [(key, the hashed pixels, hash in the record)]."""
    bucket.configure(CONFIG)
    with open(SOURCE_DIR / "sample-images" / "expected.tsv", encoding="utf-8", newline="") as file:
        keys = [row[0] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                if row[1] == "done"]
    for key in keys:
        path = bucket.path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(SOURCE_DIR / "sample-images" / key, path)
    done = bucket.once()
    if done.status != 0:
        raise AssertionError(done.log)
    rows = {row["name"]: row for row in bucket.list()}
    return [(key, raster.read(bucket.thumbnail("look", key, "png"), 4), bucket.show(key)["thumbhash"])
            for key in rows]


class Placeholders(E2ETest):

    def test_thumbhash_is_that_of_the_reference(self):
        with open(TABLE, encoding="utf-8", newline="") as file:
            reference = {key: (digest, value) for key, digest, value in csv.reader(file, delimiter="\t")}
        made = make(self.bucket)
        self.assertEqual({key for key, _picture, _hash in made}, set(reference))
        compared = 0
        for key, picture, found in made:
            digest, expected = reference[key]
            if hashlib.sha256(picture.data).hexdigest()[:16] != digest:
                print(f"not compared, as its pixels differ here: {key}", file=sys.stderr)
                continue
            with self.subTest(key):
                self.assertEqual(found, expected)
            compared += 1
        self.assertGreater(compared, len(reference) * 3 // 4)

    def test_dominant_color(self):
        """Returns the mean of the fullest of 16 x 16 x 16 boxes of the hashed pixels."""
        seen = {"scene": raster.scene(90, 60), "clear": raster.scene(90, 60, alpha=True)}
        for name, picture in seen.items():
            self.bucket.put(f"{name}.png", make_file.png_of(picture))
        self.bucket.configure(CONFIG)
        self.assertEqual(self.bucket.once().status, 0)
        for name, picture in seen.items():
            boxes = collections.defaultdict(list)
            for pixel in raster.with_alpha(picture).pixels():
                boxes[tuple(v >> 4 for v in pixel[:3])].append(pixel)
            fullest = max(boxes.values(), key=lambda box: sum(p[3] for p in box))
            weight = sum(p[3] for p in fullest)
            mean = [sum(p[i] * p[3] for p in fullest) / weight for i in range(3)]
            color = self.bucket.show(f"{name}.png")["color"]
            for i, value in enumerate(mean):
                self.assertAlmostEqual(int(color[1 + 2 * i:3 + 2 * i], 16), value, delta=1)


if __name__ == "__main__":
    main()
