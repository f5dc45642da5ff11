# SPDX-License-Identifier: Apache-2.0
"""Compares the thumbnail of every kind of picture by pixel with the picture that a person should
see (cases.py).

The truth of a case is the picture of which its file was made. ImageMagick scales it, and reads the
thumbnail. Nothing is compared with earlier output of thumbq.
"""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import cases  # noqa: E402
import containers as make  # noqa: E402
import profiles  # noqa: E402
import raster  # noqa: E402
import tiff_files  # noqa: E402
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

    def test_bright_light_is_mapped(self):
        """PQ: 1000 cd/m2 are white, 203 are less, and nothing in between is cut off."""
        nits = [0, 10, 50, 100, 203, 400, 1000]
        row = b"".join(struct.pack(">3H", *[round(65535 * profiles.to_pq(1, n))] * 3) for n in nits)
        self.bucket.put("steps.png", make.png(len(nits), 1, "rgb", [row], 16, [
            make.png_chunk(b"cICP", bytes((9, 16, 0, 1)))]))
        self.bucket.configure(CONFIG)
        self.assertEqual(self.bucket.once().status, 0)
        made = raster.read(self.bucket.thumbnail("look", "steps.png", "png"), 3)
        tones = [pixel[1] for pixel in made.pixels()]
        self.assertEqual(tones, sorted(set(tones)))
        self.assertEqual((tones[0], tones[-1]), (0, 255))
        self.assertTrue(200 <= tones[4] <= 235, tones)

    def patches(self, name, pixels, cicp):
        """Puts a PNG of 16 bits with a patch of each pixel, 0..1, whose code points are `cicp`."""
        row = b"".join(struct.pack(">3H", *[round(65535 * v) for v in pixel]) * 16 for pixel in pixels)
        self.bucket.put(name, make.png(16 * len(pixels), 16, "rgb", [row] * 16, 16, [
            make.png_chunk(b"cICP", bytes(cicp))]))

    def check_patches(self, name, colours, tolerance):
        made = raster.read(self.bucket.thumbnail("look", name, "png"), 3)
        pixels, side = made.pixels(), made.width / len(colours)
        for i, colour in enumerate(colours):
            with self.subTest(name, colour=colour):
                found = pixels[made.height // 2 * made.width + int((i + 0.5) * side)]
                self.assertLessEqual(max(abs(a - b) for a, b in zip(found, colour)), tolerance, found)

    def test_light_below_the_knee_as_zscale_converts_it(self):
        """Light up to 90 cd/m2 is not mapped, so that nothing but the conversion counts. The
        expected numbers are those of zscale in ffmpeg 5.1.9: tin=smpte2084 or arib-std-b67,
        pin=2020 or 709, t=linear, npl=203, and from there to iec61966-2-1 and 709. Both take the
        gamma of HLG channel by channel, so that its numbers are those of PQ also where colours are
        saturated."""
        nits = [(5, 5, 5), (20, 20, 20), (50, 50, 50), (90, 90, 90), (60, 20, 10), (10, 60, 20), (80, 70, 30),
                (40, 30, 20), (90, 2, 2), (2, 90, 2), (2, 2, 90), (90, 90, 2), (2, 90, 90), (90, 2, 90)]
        expected = {9: [(43, 43, 43), (88, 88, 88), (136, 136, 136), (178, 178, 178), (175, 77, 56), (0, 155, 80),
                        (177, 158, 99), (133, 105, 85), (223, 0, 6), (0, 188, 0), (0, 18, 187), (184, 179, 0),
                        (0, 188, 180), (219, 0, 186)],
                    1: [(43, 43, 43), (88, 88, 88), (136, 136, 136), (178, 178, 178), (148, 88, 63), (63, 148, 88),
                        (168, 159, 107), (123, 107, 88), (178, 25, 25), (25, 178, 25), (25, 25, 178), (178, 178, 25),
                        (25, 178, 178), (178, 25, 178)]}
        for primaries in expected:
            for transfer, encode in ((16, profiles.to_pq), (18, profiles.to_hlg)):
                self.patches(f"{primaries}-{transfer}.png", [[encode(1, n) for n in pixel] for pixel in nits],
                             (primaries, transfer, 0, 1))
        self.bucket.configure("[rendition look]\nsize = 224x224\nformat = png\n")
        self.assertEqual(self.bucket.once().status, 0)
        for row in self.bucket.list():
            self.check_patches(row["name"], expected[int(row["name"].split("-")[0])], 4)

    def test_curve_of_cameras_is_that_of_screens(self):
        """The curves of BT.709, SMPTE 170M and BT.2020 are shown as that of sRGB, as browsers show
        them. zscale turns the curve of the camera back, and is up to 16 of 255 brighter in the dark."""
        stated = [(16, 16, 16), (60, 60, 60), (128, 128, 128), (200, 120, 80), (80, 160, 100), (230, 210, 190)]
        for transfer in (1, 6, 14, 15):
            self.patches(f"{transfer}.png", [[v / 255 for v in pixel] for pixel in stated], (1, transfer, 0, 1))
        self.bucket.configure("[rendition look]\nsize = 96x96\nformat = png\n")
        self.assertEqual(self.bucket.once().status, 0)
        for row in self.bucket.list():
            self.check_patches(row["name"], stated, 1)

    def test_tiff_of_kinds_that_are_not_read(self):
        """An honest word: the kind is not read; the file is not damaged."""
        files = tiff_files.unreadable()
        for name, data in files.items():
            self.bucket.put(name, data)
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            with self.subTest(row["name"]):
                self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"))
                self.assertGreater(len(row["error"]["message"]), 20)
                # A message of libtiff that names no reason.
                self.assertFalse(row["error"]["message"].endswith("can not handle image"))

    def test_types_that_are_not_read(self):
        """Files of these types are skipped by choice, under their own names."""
        files = {"a.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.psd": b"8BPS\0\1" + bytes(30),
                 "a.cr3": make.box(b"ftyp", b"crx \0\0\0\1crx isom"), "a.bmp": b"BM" + bytes(12) + b"\x28" +
                 bytes(30), "a.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(30)}
        for name, data in files.items():
            self.bucket.put(name, data)
        self.assertEqual(self.bucket.once().status, 0)
        for row in self.bucket.list():
            self.assertEqual((row["state"], row["type"]), ("skipped", row["name"][2:]))
            self.assertEqual(row["error"]["name"], "unsupported_type")
        self.assertEqual([row["name"] for row in self.bucket.list("--type", "svg")], ["a.svg"])
        groups = self.bucket.stats("--by", "type")["groups"]
        self.assertEqual({row["group"] for row in groups}, {name[2:] for name in files})

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
