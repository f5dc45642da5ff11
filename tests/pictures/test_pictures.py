# SPDX-License-Identifier: Apache-2.0
"""Every kind of picture, thumbnail by pixel, against what a person should see (cases.py).

The truth of a case is the picture its file was made from; it is scaled by ImageMagick, and the
thumbnail is read by ImageMagick. Nothing is compared with what thumbq made before.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import cases  # noqa: E402
import containers as make  # noqa: E402
import profiles  # noqa: E402
import raster  # noqa: E402
from harness import E2ETest, main  # noqa: E402

BOX = 96
CONFIG = f"""
[rendition look]
size = {BOX}x{BOX}
format = png
"""


def inside(width, height, box):
    scale = min(1, box / width, box / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


class Pictures(E2ETest):

    def test_every_case(self):
        table = cases.all_cases()
        self.assertEqual(len({case.name for case in table}), len(table))
        for case in table:
            self.bucket.put(case.name, case.data)
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        records = {row["name"]: row for row in self.bucket.list()}
        self.assertEqual(done.status, 0, done.log)
        for case in table:
            with self.subTest(case.name):
                self.check(case, records[case.name])

    def check(self, case, record):
        seen = case.seen
        facts = {"width": seen.width, "height": seen.height, "damaged": False, **case.facts}
        shown = self.bucket.show(case.name) if set(facts) - set(record) else record
        self.assertEqual({name: shown[name] for name in facts}, facts)
        thumbnail = record["thumbnails"][0]
        size = inside(seen.width, seen.height, BOX)
        self.assertEqual((thumbnail["width"], thumbnail["height"]), size)
        made = raster.read(self.bucket.path / thumbnail["path"], seen.bands)
        found = raster.difference(made, raster.scaled(seen, *size))
        mean, psnr = case.tolerance
        self.assertLessEqual(max(found.mean), mean, found)
        self.assertGreaterEqual(found.psnr, psnr, found)

    def test_inks_without_a_profile(self):
        """There is no truth for them but that presses differ: near the textbook's colours, far from
        its negative, and the same from each kind of file."""
        seen = raster.scene()
        cmyk = profiles.in_cmyk(seen)
        page = make.tiff_page(seen.width, seen.height, cmyk.data, samples=4, photometric=5)
        files = {"adobe.jpg": make.jpeg_of(cmyk), "plain.jpg": make.jpeg_of_inks(cmyk),
                 "plain.tif": make.tiff(page)}
        for name, data in files.items():
            self.bucket.put(name, data)
        self.bucket.configure(CONFIG)
        self.assertEqual(self.bucket.once().status, 0)
        made = [raster.read(self.bucket.thumbnail("look", name, "png"), 3) for name in files]
        truth = raster.scaled(seen, 96, 64)
        negative = truth.map(lambda p: [255 - v for v in p], 3)
        for name, found in zip(files, made):
            near, far = raster.difference(found, truth), raster.difference(found, negative)
            self.assertLess(max(near.mean), 40, (name, str(near)))
            self.assertGreater(sum(far.mean), 2 * sum(near.mean), (name, str(far)))
            self.assertLess(max(raster.difference(found, made[-1]).mean), cases.LOSSY[0], name)


if __name__ == "__main__":
    main()
