# SPDX-License-Identifier: Apache-2.0
"""Truncated files: the part that decodes is shown, and reported as damaged; a file of which nothing
decodes is dead."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
import raster  # noqa: E402
from cases import COARSE, small_first_frame  # noqa: E402
from harness import E2ETest, main  # noqa: E402

CONFIG = "[handler]\nretries = 0\n[rendition look]\nsize = 96x96\nformat = png\n"
SEEN = raster.scene(300, 200)


def interlaced_png():
    return raster.run("convert", *make.raw(SEEN, "rgb"), "-interlace", "PNG", "png:-", data=SEEN.data)


def formats():
    """Returns {name: file}: a part of some can be shown, and nothing of the others."""
    partly = {
        "baseline.jpg": make.jpeg_of(SEEN),
        "progressive.jpg": make.jpeg_of(SEEN, "-interlace", "Plane"),
        "plain.png": make.png_of(SEEN),
        "interlaced.png": interlaced_png(),  # its rows come in seven passes
        "lossy.webp": make.webp_of(SEEN, "-q", "95"),
        "lossless.webp": make.webp_of(SEEN),
        "plain.gif": make.gif_of((SEEN,)),
        "strips.tif": make.tiff_of(SEEN),
    }
    never = {  # a directory at the end; libheif reads all that a file declares, or nothing
        "directory-last.tif": raster.run("convert", *make.raw(SEEN, "rgb"), "-compress", "LZW", "tiff:-",
                                         data=SEEN.data),
        "a.heic": make.heif_of(SEEN),
        "a.avif": make.heif_of(SEEN, options=("-A", "-q", "95"), extension="avif"),
    }
    return partly, never


class Truncated(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(CONFIG)
        self.partly, self.never = formats()

    def run_cut(self, files, share):
        for name, data in files.items():
            self.bucket.put(name, data[:int(len(data) * share)])
        self.bucket.once()
        return {row["name"]: row for row in self.bucket.list()}

    def test_what_there_is_is_shown(self):
        rows = self.run_cut(self.partly, 0.6)
        truth = raster.scaled(SEEN, 96, 64)
        for name in self.partly:
            with self.subTest(name):
                self.assertEqual((rows[name]["state"], rows[name]["damaged"]), ("done", True), rows[name])
                self.assertEqual((rows[name]["width"], rows[name]["height"]), (300, 200))
                made = raster.read(self.bucket.thumbnail("look", name, "png"), 3)
                top = raster.difference(made.crop(0, 0, 96, 20), truth.crop(0, 0, 96, 20))
                self.assertLessEqual(max(top.mean), COARSE[0], str(top))
                if not name.startswith(("progressive", "interlaced")):  # whole, only less sharp
                    low = raster.difference(made.crop(0, 54, 96, 10), truth.crop(0, 54, 96, 10))
                    self.assertGreater(max(low.mean), 2 * COARSE[0], str(low))

    def test_whole_frames_are_shown(self):
        """The file is an animation that ends in its second frame."""
        frames = (SEEN, SEEN.map(lambda p: [255 - v for v in p], 3), SEEN)
        rows = self.run_cut({"moving.webp": make.webp_animation(frames, (70, 90, 50), 0)}, 0.6)
        row = rows["moving.webp"]
        self.assertEqual((row["state"], row["damaged"], row["pages"]), ("done", True, 1), row)
        made = raster.read(self.bucket.thumbnail("look", "moving.webp", "png"), 3)
        raster_seen = raster.difference(made, raster.scaled(SEEN, 96, 64))
        self.assertLessEqual(max(raster_seen.mean), COARSE[0], str(raster_seen))

    def test_canvas_around_a_part_is_clear(self):
        """The first frame of a GIF ends early, and lies in the middle of its canvas."""
        row = self.run_cut({"small.gif": small_first_frame()[0]}, 0.8)["small.gif"]
        self.assertEqual((row["state"], row["damaged"]), ("done", True), row)
        made = raster.read(self.bucket.thumbnail("look", "small.gif", "png"), 4)
        pixels = made.pixels()
        for x, y, seen in ((0, 0, 0), (30, 4, 0), (50, 15, 0), (30, 12, 255)):
            self.assertEqual(pixels[y * made.width + x][3], seen, (x, y))
        self.assertEqual(pixels[12 * made.width + 30][:3], (200, 30, 30))

    def test_what_cannot_be_decoded_is_dead(self):
        for files, share in ((self.never, 0.6), (self.partly | self.never, 0.02)):
            rows = self.run_cut(files, share)
            for name in files:
                if name == "progressive.jpg" or (share < 0.1 and name in ("plain.gif", "interlaced.png")):
                    continue  # a whole scan, some rows fit into this already
                with self.subTest(name, share=share):
                    self.assertEqual((rows[name]["state"], rows[name]["error"]["name"]),
                                     ("dead", "damaged"), rows[name])

    def test_other_pictures_that_are_cut(self):
        """The shown picture is whole, if only the one behind it in the file is cut."""
        negative = SEEN.map(lambda p: [255 - v for v in p], 3)
        files = {f"a.{extension}": make.heif_of(SEEN, negative, options=options, extension=extension)
                 for extension, options in (("heic", ()), ("avif", ("-A",)))}
        for name, data in files.items():
            self.bucket.put(name, data[:-1])
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        for row in self.bucket.list():
            self.assertEqual((row["state"], row["damaged"]), ("done", False), row)
            made = raster.read(self.bucket.thumbnail("look", row["name"], "png"), 3)
            seen = raster.difference(made, raster.scaled(SEEN, 96, 64))
            self.assertLessEqual(max(seen.mean), COARSE[0], str(seen))

    def test_headers_alone_are_dead(self):
        for name, data in (self.partly | self.never).items():
            self.bucket.put(name, data[:40])
        self.bucket.once()
        for row in self.bucket.list():
            self.assertEqual((row["state"], row["error"]["name"]), ("dead", "damaged"), row)

    def test_whole_files_are_not_damaged(self):
        rows = self.run_cut(self.partly | self.never, 1)
        for name, row in rows.items():
            self.assertEqual((row["state"], row["damaged"]), ("done", False), name)


if __name__ == "__main__":
    main()
