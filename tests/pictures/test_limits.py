# SPDX-License-Identifier: Apache-2.0
"""Files that break a limit fail with its name, files below it do not fail, and other files are not
disturbed."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import bombs  # noqa: E402
import containers as make  # noqa: E402
from harness import SANITIZED, E2ETest, main, slow_png  # noqa: E402
from raster import Raster, run, scene  # noqa: E402

RENDITION = "[rendition a]\nsize = 256x256\nformat = jpeg\nquality = 95\n"


def noise(side):
    return Raster(side, side, 3, os.urandom(3 * side * side))


class Limits(E2ETest):

    def run_table(self, options, table):
        """Tries {name: (file, state, error)} in one run with a good picture, which must not
        fail."""
        self.bucket.configure(f"[handler]\nretries = 0\n{options}\n{RENDITION}")
        self.bucket.put("good.png", make.png_of(scene(60, 40)))
        for name, (data, _state, _error) in table.items():
            self.bucket.put(name, data)
        done = self.bucket.once()
        rows = {row["name"]: row for row in self.bucket.list()}
        self.assertEqual(set(rows), {"good.png", *table})
        self.assertEqual((rows["good.png"]["state"], rows["good.png"]["attempts"]), ("done", 1))
        for name, (_data, state, error) in table.items():
            with self.subTest(name):
                found = rows[name]["error"]["name"] if rows[name]["error"] else None
                self.assertEqual((rows[name]["state"], found), (state, error), rows[name])
                self.assertEqual(rows[name]["attempts"], 1)
        return done

    def test_pixels(self):
        large, small = scene(150, 101), scene(150, 100)
        heif = {"options": ("-A", "-q", "50"), "extension": "avif"}
        table = {}
        for name, of in (("png", make.png_of), ("jpg", make.jpeg_of), ("tif", make.tiff_of),
                         ("webp", make.webp_of), ("gif", lambda r: make.gif_of((r,))),
                         ("heic", make.heif_of), ("avif", lambda r: make.heif_of(r, **heif))):
            table[f"large.{name}"] = (of(large), "dead", "too_many_pixels")
            table[f"small.{name}"] = (of(small), "done", None)
        self.run_table("max_pixels = 15000", table)

    def test_pixel_bombs(self):
        """Files of a few kilobytes break the default limits."""
        bombs_of = {"a.png": bombs.png_pixels(), "a.webp": bombs.webp_pixels(),
                    "a.jpg": bombs.jpeg_pixels(), "a.gif": bombs.gif_pixels(),
                    "a.tif": bombs.tiff_pixels(), "a.heic": bombs.heif_pixels(),
                    "behind.heic": bombs.heif_grid_behind_a_small_header()}
        for name, data in bombs_of.items():
            self.assertLess(len(data), 300_000 if name.endswith("heic") else 10_000)
        done = self.run_table("", {name: (data, "dead", "too_many_pixels")
                                   for name, data in bombs_of.items()})
        for report in done.reports:
            self.assertLess(int(report["Max Memory Used"].split()[0]), 10_000 if SANITIZED else 200)

    def test_refused_before_a_pixel_is_decoded(self):
        """The same file takes many times the CPU time when the limit allows it."""
        side = 3500
        grey = self.bucket.root / "large.png"
        run("vips", "gaussnoise", f"{grey}.v", side, side)
        run("vips", "cast", f"{grey}.v", grey, "uchar")
        files = {}
        for extension, words in (("png", ()), ("tif", ("--compression", "lzw")), ("webp", ("--Q", "10")),
                                 ("heic", ("--Q", "10"))):
            saver = {"heic": "heif", "tif": "tiff"}.get(extension, extension)
            small = grey
            if extension == "heic":
                small = self.bucket.root / "small.png"
                run("vips", "crop", grey, small, 0, 0, 2000, 2000)
            run("vips", f"{saver}save", small, self.bucket.root / f"a.{extension}", *words)
            files[f"a.{extension}"] = (self.bucket.root / f"a.{extension}").read_bytes()
        files["progressive.jpg"] = bombs.progressive_jpeg(4000, 4000)
        self.run_table("max_pixels = 1M", {n: (d, "dead", "too_many_pixels") for n, d in files.items()})
        refused = self.cpu_times(files)
        self.run_table("max_pixels = 20M\ntimeout = 5m", {n: (d, "done", None) for n, d in files.items()})
        decoded = self.cpu_times(files)
        for name in files:
            with self.subTest(name):
                self.assertLess(5 * refused[name], decoded[name], (refused, decoded))

    def cpu_times(self, names):
        return {name: self.bucket.show(name)["attempts_log"][-1]["cpu_ms"] for name in names}

    def test_file_size(self):
        picture = make.png_of(scene(60, 40))
        exact = make.png_of(noise(90))
        limit = len(exact)
        padded = make.png_of(scene(60, 40), [make.png_chunk(b"prIv", bytes(limit))])
        self.run_table(f"max_file_size = {limit}", {
            "large.png": (padded, "dead", "file_too_large"),
            "exact.png": (exact, "done", None),
            "small.png": (picture, "done", None)})

    def test_pages_and_frames(self):
        three = tuple(scene().map(lambda p, i=i: [(v + 60 * i) % 256 for v in p], 3) for i in range(4))
        delays = (50,) * 4
        files = {
            "four.gif": bombs.gif_frames(4), "three.gif": bombs.gif_frames(3),
            "four.tif": bombs.tiff_pages(4), "three.tif": bombs.tiff_pages(3),
            "four.webp": make.webp_animation(three, delays, 0),
            "three.webp": make.webp_animation(three[:3], delays[:3], 0),
            "four.heic": make.heif_of(*three), "three.heic": make.heif_of(*three[:3])}
        # Of a still thumbnail, only the first frame is decoded.
        self.run_table("max_pages = 3", {name: (data, "done", None) for name, data in files.items()})
        for row in self.bucket.list():
            if row["name"] in files:
                self.assertEqual(row["pages"], 4 if row["name"].startswith("four") else 3)
        self.bucket.configure("[handler]\nretries = 0\nmax_pages = 3\n" + RENDITION.replace(
            "jpeg", "webp\nanimation = keep"))
        self.assertEqual(self.bucket.once().status, 1)
        self.assertEqual({row["name"]: row["error"] and row["error"]["name"] for row in self.bucket.list()
                          if row["name"] in files},
                         {name: "too_many_pages" if name in ("four.gif", "four.webp") else None
                          for name in files})

    def test_endless_files(self):
        self.run_table("", {
            "frames.gif": (bombs.gif_frames(100_000), "done", None),
            "pages.tif": (bombs.tiff_pages(5000), "done", None),
            "loop-1.tif": (bombs.tiff_loop(1), "done", None),
            "loop-3.tif": (bombs.tiff_loop(3), "done", None)})

    @unittest.skipIf(SANITIZED, "sanitized workers take longer than this to start")
    def test_time(self):
        self.run_table("timeout = 100ms", {"slow.png": (slow_png(), "dead", "timeout")})

    @unittest.skipIf(SANITIZED, "sanitized workers have no limit of memory")
    def test_memory(self):
        """A valid picture of a hundred megapixels is made with the default, and out of memory with
        less."""
        data = bombs.progressive_jpeg()
        self.run_table("memory = 64M", {"large.jpg": (data, "dead", "out_of_memory")})
        self.run_table("", {"large.jpg": (data, "done", None)})

    @unittest.skipIf(SANITIZED, "sanitized workers have no limit of memory")
    def test_memory_of_decoders(self):
        """Decoders report a failed allocation in many ways, and none is damage."""
        files = {}
        for name, width, height in (("4800.avif", 4800, 3000), ("4800.heic", 4800, 3000), ("6000.heic", 6000, 4000)):
            large = Raster(width, height, 3, bytes((120, 130, 140)) * (width * height))
            extension = name[-4:]
            coding = ("-A",) if extension == "avif" else ()
            files[name] = make.heif_of(large, options=(*coding, "-q", "50"), extension=extension)
        self.run_table("memory = 64M", {name: (data, "dead", "out_of_memory")
                                        for name, data in files.items()})
        self.run_table("", {name: (data, "done", None) for name, data in files.items()})

    def test_output_size(self):
        self.run_table("max_output_size = 20K", {
            "large.png": (make.png_of(noise(256)), "dead", "output_too_large"),
            "small.png": (make.png_of(scene(256, 256)), "done", None)})
        self.assertEqual(self.bucket.files_in(self.bucket.thumbnails),
                         {b"a/good.png.jpg", b"a/small.png.jpg"})

    def test_metadata_bombs(self):
        """Metadata that the thumbnail does not need may be left out, but the picture is made all
        the same."""
        self.run_table("", {
            "icc.png": (bombs.png_icc_bomb(), "done", None),
            "ztxt.png": (bombs.png_text_bomb(b"zTXt"), "done", None),
            "itxt.png": (bombs.png_text_bomb(b"iTXt"), "done", None),
            "xmp.png": (bombs.png_xmp_bomb(), "done", None),
            "exif.png": (bombs.png_exif(), "done", None),
            "exif.webp": (bombs.webp_exif(), "done", None),
            "exif.jpg": (bombs.jpeg_exif_swarm(), "done", None)})

    @unittest.skipIf(SANITIZED, "sanitized workers have no limit of memory")
    def test_metadata_swarm(self):
        """Two gigabytes of text, chunk by chunk, are more than the limit of memory, so a worker
        does not read all."""
        self.run_table("", {"swarm.png": (bombs.png_text_swarm(), "done", None)})


if __name__ == "__main__":
    main()
