# SPDX-License-Identifier: Apache-2.0
"""HEIC files that lie about their parts: they cost little, show nothing of other files, and are not
taken for pictures that need more memory."""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
import hevc  # noqa: E402
import raster  # noqa: E402
from harness import SANITIZED, E2ETest, main  # noqa: E402

SIDE = 64


def full_box(name, body, version=0):
    return make.box(name, bytes([version, 0, 0, 0]) + body)


def places_without_bytes(n):
    """The numbers in `iloc` have no bytes: 65,535 parts of each of n entries take none."""
    iloc = full_box(b"iloc", struct.pack(">HH", 0, n) + struct.pack(">HHH", 7, 0, 65535) * n)
    infe = full_box(b"infe", struct.pack(">HH", 1, 0) + b"hvc1\0", version=2)
    return (make.box(b"ftyp", b"heic\0\0\0\0mif1heic") +
            full_box(b"meta", full_box(b"pitm", b"\0\1") + full_box(b"iinf", b"\0\1" + infe) + iloc))


def picture(*options):
    return make.heif_of(raster.scene(SIDE, SIDE), options=("-q", "90", "-p", "chroma=444", *options))


def grid(heif, item, columns, rows, references=None):
    size = (columns * SIDE, rows * SIDE)
    heif.add_item(b"grid", 100, struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size),
                  make.ispe(*size))
    heif.refer(b"dimg", 100, *[item] * (references or columns * rows))
    heif.set_primary(100)
    return heif.bytes()


def renumber_as_zero(heif):
    """The only item gets the id 0, which a reader takes from behind the end of a box."""
    id = struct.pack(">H", heif.items()[0])
    for name, place in ((b"iinf", lambda body: body.index(b"hvc1") - 4), (b"iloc", lambda body: 8),
                        (b"iprp", lambda body: body.index(b"ipma") + 12), (b"pitm", lambda body: 4)):
        child = heif.child(name)
        body = bytearray(child[1])
        at = place(body)
        assert body[at:at + 2] == id, name
        body[at:at + 2] = b"\0\0"
        child[1] = bytes(body)
    return heif


class HeifLies(E2ETest):

    def test_places_without_bytes(self):
        self.bucket.configure("[handler]\ntimeout = 5s\n")
        self.bucket.put("a.heic", places_without_bytes(16000))
        self.bucket.once()
        self.assertEqual(self.bucket.show("a.heic")["error"]["name"], "damaged")

    def test_references_behind_the_end(self):
        """A grid of 5,000 tiles has one reference."""
        heif = renumber_as_zero(make.Heif(picture()))
        self.bucket.put("a.heic", grid(heif, 0, 100, 50, references=1))
        self.bucket.once()
        self.assertEqual(self.bucket.show("a.heic")["error"]["name"], "damaged")

    def test_units_without_pixels(self):
        """Each of 250 tiles has a unit of megabytes that says nothing about its pixels."""
        heif = make.Heif(picture())
        note = bytes([39 << 1, 1, 5, 255]) + b"\x55" * (7 << 19)
        units = [note, *hevc.nals(hevc.item(heif))]
        heif.add_item(b"hvc1", 101, b"".join(struct.pack(">I", len(unit)) + unit for unit in units),
                      *hevc.properties_of(heif))
        self.bucket.put("a.heic", grid(heif, 101, 250, 1))
        self.bucket.once()
        shown = self.bucket.show("a.heic")
        self.assertEqual((shown["state"], shown["error"], shown["attempts"]), ("done", None, 1))

    def test_slices_that_lack(self):
        """The pixels of a slice that is not there are the same, whatever the worker did before."""
        if SANITIZED:
            self.skipTest("sanitizers have an allocator of their own")
        self.bucket.configure("[handler]\nconcurrency = 1\n[rendition look]\nsize = 256x256\n"
                              "format = png\n")
        scene = raster.scene(256, 256)
        heif = make.Heif(make.heif_of(scene, options=(
            "-q", "60", "-p", "chroma=444", *hevc.words_for_x265("slices=4"))))
        cut = hevc.with_picture(heif, hevc.nals(hevc.item(heif))[:1], hevc.properties_of(heif))
        other = make.png_of(raster.scene(300, 300))
        self.bucket.put("0.heic", cut)
        self.bucket.once()
        for i in range(1, 6):
            self.bucket.put(f"{i}.png", other)
            self.bucket.put(f"{i}.heic", cut)
        self.bucket.once()
        made = {self.bucket.thumbnail("look", f"{i}.heic", "png").read_bytes() for i in range(6)}
        self.assertEqual(len(made), 1)

    def test_colours_of_tiles(self):
        """The colours that a tile states count, as the grid states none."""
        self.bucket.configure("[rendition look]\nsize = 64x64\nformat = png\n")
        for stated in ("full", "limited"):
            for flag in (0, 0x80):
                name = f"{stated}-{flag}"
                heif = make.Heif(picture("-p", f"x265:range={stated}").replace(b"colrnclx", b"skipnclx"))
                item = heif.items()[0]
                heif.add_properties(item, make.box(b"colr", b"nclx" + struct.pack(">HHHB", 1, 13, 6, flag)))
                self.bucket.put(f"{name}-one.heic", heif.bytes())
                self.bucket.put(f"{name}-grid.heic", grid(heif, item, 1, 1))
        self.bucket.once()
        for name in ("full-0", "full-128", "limited-0", "limited-128"):
            look = [raster.read(self.bucket.thumbnail("look", f"{name}-{kind}.heic", "png"), 3)
                    for kind in ("one", "grid")]
            self.assertLess(max(raster.difference(*look).mean), 2, name)


if __name__ == "__main__":
    main()
