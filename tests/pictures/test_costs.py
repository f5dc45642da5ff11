# SPDX-License-Identifier: Apache-2.0
"""Files of some kilobytes that would take minutes to read: refused by their header, or made cheaply.

What they cost is judged by the worker's CPU time, which is a thousandth of the bound where the file
is mended, and several times the bound where it is not.
"""

import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import bombs  # noqa: E402
import containers as make  # noqa: E402
from harness import SANITIZED, E2ETest, main  # noqa: E402
from raster import scene  # noqa: E402

CHEAP_MS = 10_000 if SANITIZED else 1000


class Costs(E2ETest):

    def make_all(self, files, configuration=""):
        """{name: what show says}, after one run over {name: bytes}."""
        self.bucket.configure(configuration)
        for name, data in files.items():
            self.bucket.put(name, data)
        self.bucket.once()
        return {name: self.bucket.show(name) for name in files}

    def assert_cheap(self, shown):
        spent = sum(attempt["cpu_ms"] for attempt in shown["attempts_log"])
        self.assertLess(spent, CHEAP_MS, shown)

    def assert_state(self, shown, state, error=None):
        found = shown["error"]["name"] if shown["error"] else None
        self.assertEqual((shown["state"], found, shown["attempts"]), (state, error, 1), shown)

    def test_exif_that_points_at_itself(self):
        """In each kind of file; the orientation that it says is heeded all the same."""
        files = {f"circle.{extension}": data
                 for extension, data in bombs.exif_in(bombs.exif_circle()).items()}
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assertLess(len(files[name]), 100_000)
                self.assert_state(shown, "done")
                self.assert_cheap(shown)
                # HEIC says it in its container, and what its EXIF says does not count.
                self.assertEqual(shown["orientation"], 1 if name.endswith("heic") else 6)

    def test_texts_are_not_inflated(self):
        """Two gigabytes of them, and sixteen, which is not many."""
        for name, shown in self.make_all({"swarm.png": bombs.png_text_swarm(),
                                          "few.png": bombs.png_text_swarm(16)}).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assert_cheap(shown)

    def test_scans_without_end(self):
        """Hundreds at 144 megapixels, dozens of them, and more than any encoder makes."""
        for name, shown in self.make_all({"300.jpg": bombs.jpeg_scans(300),
                                          "60.jpg": bombs.jpeg_scans(60),
                                          "colours.jpg": bombs.jpeg_scans(60, components=3),
                                          "small.jpg": bombs.jpeg_scans(101, 64, 64)}).items():
            with self.subTest(name):
                self.assert_state(shown, "dead", "too_many_pixels")
                self.assertIn("scans", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_scans_of_cameras(self):
        """libjpeg's own order of scans; as many as are let through; a limit set just for a file."""
        done = {"camera.jpg": bombs.progressive_jpeg(6000, 4000), "100.jpg": bombs.jpeg_scans(100, 640, 480),
                "six.jpg": bombs.jpeg_scans(6)}
        for name, shown in self.make_all(done).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
        tight = {"tight.jpg": make.jpeg_of(scene(), "-interlace", "JPEG")}
        self.assert_state(self.make_all(tight, "[handler]\nmax_pixels = 15000\n")["tight.jpg"], "done")

    def test_tiles_without_end(self):
        """Each of two bytes: in a grid, laid over one another, large ones, in grids of a grid."""
        files = {"grid.heic": bombs.heif_tiles(190, 190), "layers.heic": bombs.heif_layers(36100),
                 "large.heic": bombs.heif_layers(3000, scene(512, 512)),
                 "grids.heic": bombs.heif_grid_of_grids(60, 18, 4)}
        for name, shown in self.make_all(files, "[handler]\nretries = 0\n").items():
            with self.subTest(name):
                self.assertLess(len(files[name]), 500_000)
                self.assert_state(shown, "dead", "too_many_pixels")
                self.assertIn("tiles", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_grids_without_end(self):
        """A grid of itself, and grids in grids in grids."""
        circle = make.Heif(make.heif_grid(scene(64, 64), 2, 2, (128, 128), (128, 128)))
        circle.child(b"iref")[1] = bytes(4) + make.box(b"dimg", struct.pack(">HH4H", 100, 4, *[100] * 4))
        deep = make.Heif(bombs.heif_grid_of_grids(2, 2, 2))
        deep.add_item(b"iden", 102, b"", make.ispe(256, 256))
        deep.child(b"iref")[1] += make.box(b"dimg", struct.pack(">HHH", 102, 1, 101))
        deep.set_primary(102)
        for name, shown in self.make_all({"circle.heic": circle.bytes(), "deep.heic": deep.bytes()}).items():
            with self.subTest(name):
                self.assert_state(shown, "dead", "unsupported_type")
                self.assertIn("deep", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_tiles_of_cameras(self):
        """As phones make them; a grid in a grid; some layers."""
        done = {"8x6.heic": (bombs.heif_tiles(8, 6), (512, 384)),
                "16x16.heic": (bombs.heif_tiles(16, 16), (1024, 1024)),
                "512.heic": (bombs.heif_tiles(4, 3, 512), (2048, 1536)),
                "grids.heic": (bombs.heif_grid_of_grids(2, 2, 2), (256, 256)),
                "layers.heic": (bombs.heif_layers(20, side=512), (512, 512))}
        shown = self.make_all({name: data for name, (data, _size) in done.items()})
        for name, (_data, size) in done.items():
            with self.subTest(name):
                self.assert_state(shown[name], "done")
                self.assertEqual((shown[name]["width"], shown[name]["height"]), size)
                self.assertFalse(shown[name]["damaged"])

    @unittest.skipIf(SANITIZED, "sanitized workers take too long for pictures of this size")
    def test_large_pictures_in_16_bits(self):
        """Below the limit of pixels: read a strip at a time, made by the defaults."""
        for name, shown in self.make_all({"large.png": bombs.png_zeros(12240, 12240, "rgb+alpha", 16),
                                          "large.tif": bombs.tiff_strip_again(12240, 12240)},
                                         "[handler]\ntimeout = 5m\n").items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assertEqual((shown["width"], shown["height"]), (12240, 12240))


if __name__ == "__main__":
    main()
