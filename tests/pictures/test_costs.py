# SPDX-License-Identifier: Apache-2.0
"""Files of some kilobytes that would take minutes to read: refused by their header, or made
cheaply. The tests measure the worker's CPU time. Of a file that is refused in time it is a
thousandth of the bound; without that check it was several times the bound."""

import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import av1  # noqa: E402
import bombs  # noqa: E402
import containers as make  # noqa: E402
import hevc  # noqa: E402
from harness import SANITIZED, E2ETest, main  # noqa: E402
from raster import scene  # noqa: E402

CHEAP_MS = 10_000 if SANITIZED else 1000


class Costs(E2ETest):

    def make_all(self, files, configuration=""):
        """Returns {name: output of show}, after one run over {name: bytes}."""
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
        """Each kind of file has EXIF that points at itself; its orientation is applied all the
        same."""
        files = {f"circle.{extension}": data
                 for extension, data in bombs.exif_in(bombs.exif_circle()).items()}
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assertLess(len(files[name]), 100_000)
                self.assert_state(shown, "done")
                self.assert_cheap(shown)
                # The container of this HEIC declares no orientation, so that of EXIF counts.
                self.assertEqual(shown["orientation"], 6)

    def test_segments_without_end(self):
        """Empty segments stand where EXIF and profiles would be: the picture is made without them.
        A handler keeps 1,024 segments."""
        picture = make.jpeg_with(make.jpeg_of(scene()), make.jpeg_exif(make.exif(6)))
        empty = {"exif": make.jpeg_segment(0xe1, b""), "profile": make.jpeg_segment(0xe2, b"")}
        files = {f"{name}-{n}.jpg": make.jpeg_with(picture, segment * n)
                 for name, segment in empty.items() for n in (1000, 300_000)}
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assert_cheap(shown)
                self.assertEqual(shown["orientation"], 6 if "1000" in name else 1)

    def test_frames_without_end(self):
        """The frames have 2 x 2 pixels; libwebp searches for each of them among all frames."""
        frame = make.riff_chunk(b"ANMF", bytes(6) + b"\1\0\0\1\0\0\x32\0\0\0" + make.webp_of(scene(2, 2))[12:])
        head = make.riff_chunk(b"VP8X", b"\2\0\0\0\1\0\0\1\0\0") + make.riff_chunk(b"ANIM", bytes(6))
        files = {f"{n}.webp": make.riff(head, frame * n) for n in (200, 60_000)}
        shown = self.make_all(files, "[handler]\nretries = 0\n")
        self.assert_state(shown["200.webp"], "done")
        self.assert_state(shown["60000.webp"], "done")
        self.assertEqual(shown["60000.webp"]["pages"], 60_000)
        self.assert_cheap(shown["60000.webp"])

    def test_texts_are_not_inflated(self):
        """One file has two gigabytes of texts, and another one sixteen texts, which are not
        many."""
        for name, shown in self.make_all({"swarm.png": bombs.png_text_swarm(),
                                          "few.png": bombs.png_text_swarm(16)}).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assert_cheap(shown)

    def test_interlaced_png(self):
        """All passes of nine megapixels of one colour are held at once, and cost as much as others."""
        data = bombs.png_interlaced(3000, 3000)
        self.assertLess(len(data), 100_000)
        shown = self.make_all({"interlaced.png": data})["interlaced.png"]
        self.assert_state(shown, "done")
        self.assert_cheap(shown)

    def test_profiles_without_end(self):
        """Profiles that are none: they are ignored, and not unpacked without a limit."""
        files = {"unpacked.png": bombs.png_large_profile(1 << 30), "segments.jpg": bombs.jpeg_large_profile()}
        self.assertLess(len(files["unpacked.png"]), 2_000_000)
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assert_cheap(shown)

    def test_xmp_nested_deeply(self):
        """Nothing parses XMP as XML: it is searched for dates, from its start to its end."""
        block = bombs.xmp_nested(100_000)
        size = scene().width, scene().height
        files = {"plain.png": make.png_of(scene(), [make.png_xmp(block)]),
                 "deflated.png": make.png_behind(make.png_of(scene()), make.png_deflated_xmp(block * 20)),
                 "nested.webp": make.webp_extended(make.webp_of(scene()), *size, xmp_block=block),
                 "nested.gif": make.gif_with_xmp(make.gif_of((scene(),)), block),
                 "nested.tif": make.tiff_of(scene(), {700: (1, block)})}
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assertEqual(shown["date_source"], "mtime")
                self.assert_cheap(shown)

    def test_scans_without_end(self):
        """Pictures of 144 megapixels have hundreds of scans, or dozens, or more than any encoder
        makes."""
        for name, shown in self.make_all({"300.jpg": bombs.jpeg_scans(300),
                                          "60.jpg": bombs.jpeg_scans(60),
                                          "colours.jpg": bombs.jpeg_scans(60, components=3),
                                          "small.jpg": bombs.jpeg_scans(101, 64, 64)}).items():
            with self.subTest(name):
                self.assert_state(shown, "dead", "too_many_pixels")
                self.assertIn("scans", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_scans_of_cameras(self):
        """A picture has libjpeg's own order of scans, as many scans as are allowed, or exactly the
        limit that is set for one file."""
        done = {"camera.jpg": bombs.progressive_jpeg(6000, 4000), "100.jpg": bombs.jpeg_scans(100, 640, 480),
                "six.jpg": bombs.jpeg_scans(6)}
        for name, shown in self.make_all(done).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
        tight = {"tight.jpg": make.jpeg_of(scene(), "-interlace", "JPEG")}
        self.assert_state(self.make_all(tight, "[handler]\nmax_pixels = 15000\n")["tight.jpg"], "done")

    def test_tiles_without_end(self):
        """Tiles of two bytes each: in a grid, laid over one another, large ones, and in grids of a
        grid."""
        files = {"grid.heic": bombs.heif_tiles(190, 190), "layers.heic": bombs.heif_layers(36100),
                 "large.heic": bombs.heif_layers(3000, scene(512, 512)),
                 "grids.heic": bombs.heif_grid_of_grids(60, 18, 4)}
        for name, shown in self.make_all(files, "[handler]\nretries = 0\n").items():
            with self.subTest(name):
                self.assertLess(len(files[name]), 500_000)
                self.assert_state(shown, "dead", "too_many_pixels")
                self.assertIn("tiles", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_tiles_that_lie(self):
        """The files declare 64 x 64, and are 1024 x 1024 or 256 x 256, in a grid or alone."""
        avif = ("avif", ("-A", "-q", "30"))
        files = {"lie.heic": bombs.heif_lie(16, 16, 1024, 64), "lie.avif": bombs.heif_lie(16, 16, 1024, 64, *avif),
                 "one.heic": bombs.heif_lie(1, 1, 1024, 64), "one.avif": bombs.heif_lie(1, 1, 1024, 64, *avif),
                 "small.heic": bombs.heif_lie(32, 32, 256, 64)}
        for name, shown in self.make_all(files, "[handler]\nretries = 0\n").items():
            with self.subTest(name):
                self.assertLess(len(files[name]), 500_000)
                self.assert_state(shown, "dead", "too_many_pixels")
                self.assertIn("than it says", shown["error"]["message"])
                self.assert_cheap(shown)

    def test_frames_larger_than_their_sequence(self):
        """In AV1 a frame may declare its own size: 1024 x 1024 in a sequence of 64 x 64."""
        files = {"over.avif": av1.avif_override(16, 1024, 64), "same.avif": av1.avif_override(4, 256, 256)}
        shown = self.make_all(files, "[handler]\nretries = 0\n")
        self.assert_state(shown["over.avif"], "dead", "too_many_pixels")
        self.assertIn("than it says", shown["over.avif"]["error"]["message"])
        self.assert_cheap(shown["over.avif"])
        self.assert_state(shown["same.avif"], "done")

    def test_slices_over_one_another(self):
        """The same kilobyte is repeated: at one block, at blocks that go back, and at ever later
        ones, like honest slices. Some of the last are decoded before they are too many."""
        files = {"same.heic": (hevc.heif_slices_over([1] * 50), "lie over one another"),
                 "back.heic": (hevc.heif_slices_over([2, 1]), "lie over one another"),
                 "later.heic": (hevc.heif_slices_over(range(1, 90)), "than it says")}
        shown = self.make_all({name: data for name, (data, _words) in files.items()}, "[handler]\nretries = 0\n")
        for name, (data, words) in files.items():
            with self.subTest(name):
                self.assertLess(len(data), 100_000)
                self.assert_state(shown[name], "dead", "too_many_pixels")
                self.assertIn(words, shown[name]["error"]["message"])
                self.assert_cheap(shown[name])

    def test_slices_of_encoders(self):
        """Parts of a picture have such slices; the addresses of slices that are tiles go back."""
        files = {f"{n}.heic": make.heif_of(scene(side, side), options=("-q", "30", "-p", f"x265:slices={n}"))
                 for n, side in ((2, 256), (4, 256), (8, 512))}
        files["tiles.heic"] = hevc.heif_slices_in_tiles(scene(192, 256))
        for name, shown in self.make_all(files).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assertFalse(shown["damaged"])

    def test_tiles_that_do_not_lie(self):
        """The same worker makes the next picture right after a refused one."""
        avif = ("avif", ("-A", "-q", "30"))
        files = {"a.heic": bombs.heif_lie(16, 16, 1024, 64), "b.heic": bombs.heif_lie(8, 8, 64, 64),
                 "c.avif": bombs.heif_lie(8, 8, 64, 64, *avif), "d.avif": bombs.heif_lie(2, 2, 512, 512, *avif),
                 "e.heic": bombs.heif_lie(1, 1, 600, 600)}
        shown = self.make_all(files, "[handler]\nconcurrency = 1\nretries = 0\nisolation = none\n")
        self.assert_state(shown.pop("a.heic"), "dead", "too_many_pixels")
        for name, one in shown.items():
            with self.subTest(name):
                self.assert_state(one, "done")
                self.assertFalse(one["damaged"])

    def test_grids_without_end(self):
        """A grid contains itself, or grids contain grids three levels deep."""
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
        """Grids as phones make them, a grid in a grid, and some layers are allowed."""
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

    def test_tiff_tiles_without_end(self):
        """Half a million tiles of 16 x 16; 65,536 tiles in one row; and endless rows, each a
        strip."""
        files = {"square.tif": (bombs.tiff_tile_again(12240, 12240), "585225 tiles"),
                 "row.tif": (bombs.tiff_tile_again(16 * 65536, 16), "tiles with 65536 in a row"),
                 "rows.tif": (bombs.tiff_strips_of_a_row(400_000), "400000 strips")}
        shown = self.make_all({name: data for name, (data, _words) in files.items()},
                              "[handler]\nretries = 0\n")
        for name, (data, words) in files.items():
            with self.subTest(name):
                self.assertLess(len(data), 5_000_000)
                self.assert_state(shown[name], "dead", "too_many_pixels")
                self.assertIn(words, shown[name]["error"]["message"])
                self.assert_cheap(shown[name])

    def test_scans_in_a_tiff(self):
        """Each strip of 24 megapixels has almost a hundred scans, as many as libtiff allows by
        itself."""
        shown = self.make_all({"scans.tif": bombs.tiff_jpeg_scans(99)}, "[handler]\nretries = 0\n")["scans.tif"]
        self.assert_state(shown, "dead", "damaged")
        self.assertIn("maximum scans (20)", shown["error"]["message"])

    def test_tiff_bytes_read_again(self):
        """Entries, tiles and tables name the same bytes; directories and entries do not end."""
        files = {"values.tif": (bombs.tiff_directories(150, 20, 1_000_000), "damaged", "entries with"),
                 "entries.tif": (bombs.tiff_directories(1, 4000), "damaged", "entries in its directories"),
                 "empty.tif": (bombs.tiff_empty_blocks(20_000), "too_many_pixels", "bytes to decode"),
                 "tables.tif": (bombs.tiff_jpeg_tables(10_000), "too_many_pixels", "bytes to decode"),
                 "scans.tif": (bombs.tiff_tile_scans(300), "too_many_pixels", "scans in a tile")}
        pages = bombs.tiff_directories(60_000)
        shown = self.make_all({"pages.tif": pages, **{name: row[0] for name, row in files.items()}},
                              "[handler]\nretries = 0\n")
        self.assert_state(shown["pages.tif"], "done")
        self.assert_cheap(shown["pages.tif"])
        for name, (data, error, words) in files.items():
            with self.subTest(name):
                self.assertLess(len(data), 10_000_000)
                self.assert_state(shown[name], "dead", error)
                self.assertIn(words, shown[name]["error"]["message"])
                self.assert_cheap(shown[name])

    def test_tiff_directories_below_again(self):
        """The search for the picture that is shown meets one directory a thousand times."""
        data = bombs.tiff_below_again()
        self.assertLess(len(data), 1_000_000)
        shown = self.make_all({"below.tif": data}, "[handler]\nretries = 0\n")["below.tif"]
        self.assertEqual(shown["state"], "dead")
        self.assert_cheap(shown)

    def test_tiff_tile_larger_than_the_picture(self):
        shown = self.make_all({"high.tif": bombs.tiff_high_tile()}, "[handler]\nretries = 0\n")["high.tif"]
        self.assert_state(shown, "dead", "unsupported_type")

    def test_tiff_bytes_of_programs(self):
        """Tiles share their tables, as libtiff writes them; pages share profiles; some scans are
        allowed."""
        page = make.tiff_page(150, 100, scene().data, tags={34675: (7, bytes(3000))})
        for name, shown in self.make_all({"tables.tif": bombs.tiff_jpeg_tables(8),
                                          "pages.tif": make.tiff(*[page] * 150),
                                          "values.tif": bombs.tiff_directories(150, 20, 20_000),
                                          "scans.tif": bombs.tiff_tile_scans(10)}).items():
            with self.subTest(name):
                self.assert_state(shown, "done")

    def test_tiff_tiles_of_programs(self):
        """As many tiles as are allowed, tiles of the usual sizes, and a strip for each of many rows
        are made."""
        for name, shown in self.make_all({"most.tif": bombs.tiff_tile_again(4096, 4096),
                                          "64.tif": bombs.tiff_tile_again(3000, 2000, 64),
                                          "256.tif": bombs.tiff_tile_again(3000, 2000, 256),
                                          "rows.tif": bombs.tiff_strips_of_a_row(100_000)}).items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assertFalse(shown["damaged"])

    @unittest.skipIf(SANITIZED, "sanitized workers have memory of their own")
    def test_large_webp(self):
        """As pixels the files are larger than the memory. Lossy ones are scaled while they are
        decoded. A decoder has to hold lossless ones as a whole, and their error says so."""
        files = {"lossy.webp": bombs.large_webp(5500, False),
                 "lossless.webp": bombs.large_webp(5500, True)}
        shown = self.make_all(files, "[handler]\nmemory = 110M\nretries = 0\n")
        self.assert_state(shown["lossy.webp"], "done")
        self.assertEqual((shown["lossy.webp"]["width"], shown["lossy.webp"]["height"]), (5500, 5500))
        self.assertFalse(shown["lossy.webp"]["damaged"])
        self.assert_state(shown["lossless.webp"], "dead", "out_of_memory")

    @unittest.skipIf(SANITIZED, "sanitized workers take too long for pictures of this size")
    def test_large_pictures_in_16_bits(self):
        """Files below the limit of pixels are read strip by strip, and made with the defaults."""
        for name, shown in self.make_all({"large.png": bombs.png_zeros(12240, 12240, "rgb+alpha", 16),
                                          "large.tif": bombs.tiff_strip_again(12240, 12240)},
                                         "[handler]\ntimeout = 5m\n").items():
            with self.subTest(name):
                self.assert_state(shown, "done")
                self.assertEqual((shown["width"], shown["height"]), (12240, 12240))


if __name__ == "__main__":
    main()
