# SPDX-License-Identifier: Apache-2.0
"""Smaller pictures beside a large one (`thmb`) of HEIC and AVIF, which are shown if the large one
has no room in memory. In these tests they have another colour than the large picture."""

import pathlib
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
import hevc  # noqa: E402
import profiles  # noqa: E402
import raster  # noqa: E402
from harness import SANITIZED, E2ETest, main  # noqa: E402

CONFIG = "[rendition look]\nsize = 96x96\nformat = png\n"
SIDE = 5120
RED, BLUE, GREEN = (200, 120, 80), (40, 60, 200), (40, 160, 60)
PLAIN = ("-q", "30", *hevc.words_for_x265("ctu=32", "no-wpp=1"))


def flat(width, height, colour):
    return raster.Raster(width, height, 3, bytes(colour) * (width * height))


def beside(data, n):
    """The file, in which the `n` pictures behind the first one are smaller ones of it."""
    heif = make.Heif(data)
    first, *others = heif.items()[:1 + n]
    for other in others:
        heif.refer(b"thmb", other, first)
    return heif


def with_thumbnails(*pictures):
    """A file of a large picture and these smaller ones of it."""
    return beside(make.heif_of(flat(SIDE, SIDE, RED), *pictures, options=PLAIN), len(pictures))


def deep_with_thumbnail(side):
    """A file of a large picture and a smaller one of it, with 10 bits, for the last filter."""
    with tempfile.TemporaryDirectory() as folder:
        for name, size, colour in (("a", SIDE, RED), ("b", side, BLUE)):
            raster.run("convert", "-size", f"{size}x{size}", f"xc:rgb{colour}", "-depth", "16", f"PNG48:{folder}/{name}.png")
        raster.run("heif-enc", "-q", "30", "-b", "10", f"{folder}/a.png", f"{folder}/b.png", "-o", f"{folder}/a.heic")
        return beside(pathlib.Path(folder, "a.heic").read_bytes(), 1).bytes()


class Small(E2ETest):

    def setUp(self):
        super().setUp()
        if SANITIZED:
            self.skipTest("sanitizers reserve more memory than the limit")

    def run_with(self, memory, **files):
        for name, data in files.items():
            self.bucket.put(f"{memory}-{name}.heic", data)
        self.bucket.configure(CONFIG + f"[handler]\nmemory = {memory}\ntimeout = 10m\nretries = 0\n")
        return self.bucket.once()

    def seen(self, name):
        """The colour of the thumbnail's middle."""
        row = self.bucket.show(name)
        self.assertEqual((row["state"], row["width"], row["height"]), ("done", SIDE, SIDE), row)
        made = raster.read(self.bucket.path / row["thumbnails"][0]["path"], 3)
        return made.pixels()[made.width * 48 + 48]

    def check_seen(self, name, colour, tolerance=20):
        seen = self.seen(name)
        self.assertLess(max(abs(a - b) for a, b in zip(seen, colour)), tolerance, (name, seen, colour))

    def test_which_one_is_shown(self):
        """One of the same aspect, turned in the same way, that is large enough; none if the large
        picture has room."""
        sizes = {"equal": (128, 128), "smaller": (64, 64), "flatter": (128, 96), "turned": (128, 128)}
        data = make.heif_of(flat(SIDE, SIDE, RED), *[flat(*size, BLUE) for size in sizes.values()], options=PLAIN)
        files = {}
        for i, name in enumerate(sizes):
            heif = make.Heif(data)
            items = heif.items()
            heif.refer(b"thmb", items[1 + i], items[0])
            if name == "turned":
                heif.add_properties(items[1 + i], make.irot(1))
            files[name] = heif.bytes()
        for memory in ("64M", "512M"):
            self.assertEqual(self.run_with(memory, **files).status, 1)
        for row in self.bucket.list():
            with self.subTest(row["name"]):
                if row["name"].startswith("512M") or row["name"] == "64M-equal.heic":
                    self.check_seen(row["name"], BLUE if row["name"].startswith("64M") else RED)
                else:
                    self.assertEqual((row["state"], row["error"]["name"]), ("dead", "out_of_memory"), row)

    def test_room_for_the_smaller_one(self):
        """The largest one that has room is shown."""
        data = with_thumbnails(flat(128, 128, BLUE), flat(4096, 4096, GREEN), flat(256, 256, BLUE)).bytes()
        for memory in ("64M", "112M"):
            done = self.run_with(memory, a=data)
            self.assertEqual(done.status, 0, done.log)
        self.check_seen("64M-a.heic", BLUE)
        self.check_seen("112M-a.heic", GREEN)

    def test_room_for_the_last_filter(self):
        """The decoder copies a plane for the last filter of HEVC, 52 MB here. Without that copy, the
        picture would fit."""
        data = deep_with_thumbnail(128)
        done = self.run_with("146M", a=data)
        self.assertEqual(done.status, 0, done.log)
        self.check_seen("146M-a.heic", BLUE)
        self.assertEqual(self.run_with("256M", a=data).status, 0)
        self.check_seen("256M-a.heic", RED)

    def test_colours_of_the_large_picture(self):
        """A smaller picture for which the file states no colours has those of the large one."""
        wide = tuple(round(255 * profiles.linear_to_srgb(v)) for v in profiles.in_space(GREEN, profiles.DISPLAY_P3))
        self.assertGreater(max(abs(a - b) for a, b in zip(wide, GREEN)), 20, "too near to tell")
        files = {}
        stated = {"p3": make.box(b"colr", struct.pack(">4sHHHB", b"nclx", 12, 13, 6, 0x80)),
                  "srgb": make.box(b"colr", struct.pack(">4sHHHB", b"nclx", 1, 13, 6, 0x80)),
                  "profile": make.box(b"colr", b"prof" + profiles.DISPLAY_P3_ICC)}
        for large, small in (("p3", None), ("profile", None), ("p3", "srgb"), ("srgb", "p3"), (None, None)):
            heif = with_thumbnails(flat(128, 128, wide))
            iprp = heif.child(b"iprp")
            iprp[1] = iprp[1].replace(b"colr", b"pasp")
            for item, name in zip(heif.items(), (large, small)):
                if name is not None:
                    heif.add_properties(item, stated[name])
            files[f"{large}-{small}"] = heif.bytes()
        done = self.run_with("64M", **files)
        self.assertEqual(done.status, 0, done.log)
        for name, colour in {"p3-None": GREEN, "profile-None": GREEN, "p3-srgb": wide, "srgb-p3": GREEN,
                             "None-None": wide}.items():
            with self.subTest(name):
                self.check_seen(f"64M-{name}.heic", colour, 5)


if __name__ == "__main__":
    main()
