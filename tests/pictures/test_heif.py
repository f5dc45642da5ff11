# SPDX-License-Identifier: Apache-2.0
"""HEIC and AVIF beyond plain pictures: the memory that large ones need, colours that only the coded
picture states, and image sequences. The truth is the picture of which a file was made."""

import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import cases  # noqa: E402
import containers as make  # noqa: E402
import hevc  # noqa: E402
import profiles  # noqa: E402
import raster  # noqa: E402
import sequences  # noqa: E402
from harness import SANITIZED, E2ETest, main  # noqa: E402

BOX = 96
CONFIG = f"[rendition look]\nsize = {BOX}x{BOX}\nformat = png\n"


def hide_colours(data):
    """The file without the statement of its colours: its box has the name of another property."""
    return data.replace(b"colrnclx", b"paspnclx")


def grid(data, columns, rows, side):
    """Returns the file with a picture of columns x rows tiles, which are all its first item."""
    heif = make.Heif(data)
    size = (columns * side, rows * side)
    heif.add_item(b"grid", 100, struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size), make.ispe(*size))
    heif.refer(b"dimg", 100, *[heif.items()[0]] * (columns * rows))
    heif.set_primary(100)
    return heif.bytes()


def avif_by_avifenc(picture, *options):
    with tempfile.TemporaryDirectory() as folder:
        source, made = pathlib.Path(folder, "a.png"), pathlib.Path(folder, "a.avif")
        source.write_bytes(make.png_of(picture))
        subprocess.run(["avifenc", "-s", "8", "--min", "1", "--max", "3", *options, source, made],
                       check=True, capture_output=True)
        return made.read_bytes()


class Heif(E2ETest):

    def check_seen(self, name, seen, tolerance):
        record = self.bucket.show(name)
        self.assertEqual((record["state"], record["width"], record["height"], record["damaged"]),
                         ("done", seen.width, seen.height, False))
        thumbnail = record["thumbnails"][0]
        made = raster.read(self.bucket.path / thumbnail["path"], seen.bands)
        found = raster.difference(made, raster.scaled(seen, thumbnail["width"], thumbnail["height"]))
        self.assertLessEqual(max(found.mean), tolerance[0], f"{name}: {found}")
        self.assertGreaterEqual(found.psnr, tolerance[1], f"{name}: {found}")

    def test_large_pictures_need_little_memory(self):
        """A picture of tiles needs rows of tiles, and one in one piece little more than itself: the
        limits lie below the bytes of the whole pictures in red, green and blue."""
        if SANITIZED:
            self.skipTest("sanitizers reserve more memory than the limit")
        tile = raster.scene(512, 512)
        flat = hevc.flat_heic
        self.bucket.put("tiles.heic", grid(make.heif_of(tile, options=("-q", "60")), 12, 12, 512))
        self.bucket.put("tiles.avif", grid(make.heif_of(tile, options=("-A", "-q", "60"), extension="avif"),
                                           12, 12, 512))
        self.bucket.put("deep.heic", grid(make.heif_of(tile, options=("-q", "60", "-b", "10", "-p", "chroma=422")),
                                          12, 12, 512))
        self.bucket.put("one.heic", flat(5120))
        self.bucket.configure(CONFIG + "[handler]\nmemory = 128M\ntimeout = 10m\nretries = 0\n")
        done = self.bucket.once()
        states = {row["name"]: row.get("error") for row in self.bucket.list()}
        self.assertEqual((done.status, states), (0, {name: None for name in states}), done.log)
        for name in ("tiles.heic", "tiles.avif", "deep.heic"):
            self.check_tiles(name, tile)

    def check_tiles(self, name, tile):
        """Each of 12 x 12 tiles is as the first one, scaled to 8 x 8 pixels."""
        record = self.bucket.show(name)
        made = raster.read(self.bucket.path / record["thumbnails"][0]["path"], 3)
        small = raster.scaled(tile, 8, 8)
        whole = raster.Raster(96, 96, 3, b"".join(
            small.data[y % 8 * 24:y % 8 * 24 + 24] * 12 for y in range(96)))
        found = raster.difference(made, whole)
        self.assertLessEqual(max(found.mean), cases.COARSE[0], f"{name}: {found}")

    def test_colours_that_only_the_coded_picture_states(self):
        seen = raster.scene()
        p3 = profiles.in_display_p3(seen)
        words = ("colorprim=smpte432", "transfer=iec61966-2-1", "range=full", "colormatrix=smpte170m")
        options = ("-q", "97", "-p", "chroma=444", *[part for word in words for part in ("-p", f"x265:{word}")])
        self.bucket.put("p3.heic", hide_colours(make.heif_of(p3, options=options)))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_seen("p3.heic", seen, cases.LOSSY)

    def test_colours_of_avif(self):
        """The matrix, the range and the primaries, beside the coded picture and only in it."""
        if shutil.which("avifenc") is None:
            self.skipTest("avifenc is not installed (libavif-bin)")
        seen = raster.scene()
        p3 = profiles.in_display_p3(seen)
        for matrix in (1, 6, 9):
            for reach in ("full", "limited"):
                for picture, primaries in ((seen, 1), (p3, 12)):
                    data = avif_by_avifenc(picture, "-y", "444", "-r", reach, "--cicp", f"{primaries}/13/{matrix}")
                    name = f"{matrix}-{reach}-{primaries}.avif"
                    self.bucket.put(name, data)
                    self.bucket.put(f"hidden-{name}", hide_colours(data))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        rows = self.bucket.list()
        self.assertEqual(len(rows), 24)
        for row in rows:
            with self.subTest(row["name"]):
                self.check_seen(row["name"], seen, cases.LOSSY)

    def test_primaries_as_zscale_converts_them(self):
        """The expected numbers are those of zscale in ffmpeg 5.1.9: pin=smpte432 or 2020, p=709, and
        iec61966-2-1 as tin and t."""
        if shutil.which("avifenc") is None:
            self.skipTest("avifenc is not installed (libavif-bin)")
        stated = [(128, 128, 128), (200, 120, 80), (80, 160, 100), (90, 100, 180), (230, 210, 190), (60, 60, 90)]
        expected = {
            "12/13/6": [(128, 128, 128), (213, 115, 70), (38, 162, 94), (88, 100, 186), (234, 209, 187), (60, 60, 92)],
            "9/13/9": [(128, 128, 128), (237, 105, 69), (0, 167, 91), (70, 100, 187), (243, 207, 187), (57, 60, 93)],
        }
        picture = raster.Raster(96, 16, 3, bytes(v for _ in range(16) for x in range(96) for v in stated[x // 16]))
        for cicp in expected:
            self.bucket.put(cicp.replace("/", "-") + ".avif",
                            avif_by_avifenc(picture, "-y", "444", "-r", "full", "--cicp", cicp))
        self.bucket.configure(CONFIG)
        self.assertEqual(self.bucket.once().status, 0)
        for cicp, colours in expected.items():
            made = raster.read(self.bucket.thumbnail("look", cicp.replace("/", "-") + ".avif", "png"), 3).pixels()
            for i, colour in enumerate(colours):
                with self.subTest(cicp=cicp, colour=colour):
                    found = made[8 * 96 + 16 * i + 8]
                    self.assertLessEqual(max(abs(a - b) for a, b in zip(found, colour)), 4, found)

    def test_image_sequences(self):
        """The first picture is shown, turned as the track says."""
        first, second = raster.scene(), raster.scene().map(lambda p: [255 - v for v in p], 3)
        for extension, options in (("heic", ()), ("avif", ("-A",))):
            options = (*options, "-q", "95", "-p", "chroma=444")
            self.bucket.put(f"plain.{extension}", sequences.sequence_of(
                first, second, extension=extension, options=options))
            self.bucket.put(f"turned.{extension}", sequences.sequence_of(
                raster.stored(first, 6), second, extension=extension, options=options,
                matrix=sequences.CLOCKWISE))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        for row in self.bucket.list():
            self.check_seen(row["name"], first, cases.LOSSY)
            self.assertEqual((row["type"], row["orientation"]), (row["name"].split(".")[1], 1))

    def test_image_sequences_of_another_coding(self):
        """An honest word: such a file is not damaged."""
        config = make.box(b"avcC", bytes(20))
        self.bucket.put("a.heic", sequences.sequence(b"msf1", b"avc1", [bytes(99)], config, (64, 64)))
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        row = self.bucket.show("a.heic")
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"))
        self.assertIn("image sequence of another coding", row["error"]["message"])

    def test_image_sequence_beside_another_item(self):
        """A `meta` box that names no picture, as ffmpeg and Netflix wrote it."""
        seen = raster.scene()
        data = sequences.sequence_of(seen, seen, extension="avif", options=("-A", "-q", "95", "-p", "chroma=444"))
        meta = make.box(b"meta", bytes(4) + make.box(b"hdlr", bytes(8) + b"pict" + bytes(13)))
        self.bucket.put("a.avif", data + meta)
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_seen("a.avif", seen, cases.LOSSY)

    def test_colours_that_are_not_read(self):
        """libheif shows them in other colours: those of constant luminance, and ICtCp."""
        data = make.heif_of(raster.scene(64, 64))
        for matrix in (10, 11, 13, 14):
            heif = make.Heif(data)
            colours = struct.pack(">4sHHHB", b"nclx", 9, 16, matrix, 0x80)
            heif.add_properties(heif.items()[0], make.box(b"colr", colours))
            self.bucket.put(f"{matrix}.heic", heif.bytes())
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            with self.subTest(row["name"]):
                self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"))
                self.assertIn(f"matrix {row['name'].removesuffix('.heic')} ", row["error"]["message"])

    def test_pictures_of_another_coding(self):
        """An honest word, for the picture itself and for the tiles of a grid."""
        seen = raster.scene()
        codings = (b"avc1", b"unci", b"jpeg", b"j2k1", b"vvc1", b"lhv1")
        plain = make.heif_of(seen)
        tiles = grid(make.heif_of(raster.scene(64, 64)), 2, 2, 64)
        for coding in codings:
            for name, data in ((f"one-{coding.decode()}.heic", plain), (f"grid-{coding.decode()}.heic", tiles)):
                self.bucket.put(name, data.replace(b"hvc1", coding))
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            with self.subTest(row["name"]):
                coding = row["name"].split("-")[1].removesuffix(".heic")
                self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"))
                self.assertIn(f"a picture of the coding '{coding}'", row["error"]["message"])

    def test_pictures_that_are_others_turned_or_cut(self):
        """Each picture of a chain is cut and turned as it is shown by the one below it."""
        upright = raster.scene()
        stored = raster.stored(upright, 8)
        plain = make.heif_of(upright)

        def put(name, data, *views, first=()):
            heif = make.Heif(data)
            of = heif.items()[0]
            if first:
                heif.add_properties(of, *first)
            for i, view in enumerate(views):
                heif.add_identity(100 + i, of, *view)
                of = 100 + i
            heif.add_exif(of, make.exif(6))
            heif.set_primary(of)
            self.bucket.put(name, heif.bytes())

        put("turned.heic", make.heif_of(stored), [make.irot(1)])
        put("twice.heic", make.heif_of(raster.stored(upright, 3)), [make.irot(3)], [make.irot(3)])
        put("mirrored.heic", make.heif_of(raster.stored(upright, 5)), [make.irot(1)], [make.imir(False)])
        put("cut.heic", make.heif_of(stored), [make.clap(80, 60, 10, -5)], first=[make.irot(1)])
        put("cut-twice.heic", plain, [make.clap(120, 80, 5, 2)], [make.clap(60, 40, -10, 4), make.irot(2)])
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        for name in ("turned.heic", "twice.heic", "mirrored.heic"):
            self.check_seen(name, upright, cases.LOSSY)
        self.check_seen("cut.heic", upright.crop(35 + 10, 20 - 5, 80, 60), cases.LOSSY)
        inner = upright.crop(15 + 5, 10 + 2, 120, 80).crop(30 - 10, 20 + 4, 60, 40)
        self.check_seen("cut-twice.heic", raster.stored(inner, 3), cases.LOSSY)

    def test_size_behind_a_turn_or_a_cut(self):
        """The size is that of the coded picture, wherever it stands among the properties."""
        upright = raster.scene()

        def put(name, raster_, *views):
            heif = make.Heif(make.heif_of(raster_))
            item = heif.items()[0]
            iprp = heif.child(b"iprp")
            iprp[1] = iprp[1].replace(b"ispe", b"pasp")
            heif.add_properties(item, *views, make.ispe(raster_.width, raster_.height))
            self.bucket.put(name, heif.bytes())

        put("turned.heic", raster.stored(upright, 8), make.irot(1))
        put("mirrored.heic", raster.stored(upright, 5), make.irot(1), make.imir(False))
        put("cut.heic", upright, make.clap(80, 60, 10, -5))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_seen("turned.heic", upright, cases.LOSSY)
        self.check_seen("mirrored.heic", upright, cases.LOSSY)
        self.check_seen("cut.heic", upright.crop(35 + 10, 20 - 5, 80, 60), cases.LOSSY)

    def put_part(self, name, data, part=128):
        """Puts the picture, of which a part is cut out as another picture."""
        heif = make.Heif(data)
        heif.add_identity(100, heif.items()[0], make.clap(part, part, 0, 0), make.ispe(part, part))
        heif.set_primary(100)
        self.bucket.put(name, heif.bytes())

    def test_a_small_part_of_a_large_picture(self):
        """The whole picture is decoded for it, and is what the limit is for."""
        self.put_part("a.heic", hevc.flat_heic(4096))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        row = self.bucket.show("a.heic")
        self.assertEqual((row["state"], row["width"], row["height"]), ("done", 128, 128))

    def test_a_small_part_of_a_picture_beyond_the_limit(self):
        data = hevc.flat_heic(1024)
        self.put_part("identity.heic", data)
        heif = make.Heif(data)
        heif.add_properties(heif.items()[0], make.clap(128, 128, 0, 0))
        self.bucket.put("cut.heic", heif.bytes())
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\nmax_pixels = 500k\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            self.assertEqual((row["state"], row["error"]["name"]), ("dead", "too_many_pixels"), row)
            self.assertIn("1024 x 1024", row["error"]["message"])

    def test_damage_beside_pictures_that_are_others(self):
        """An identity item is no reason to call a damaged file unsupported."""
        seen = raster.scene()
        beside = make.Heif(make.heif_of(seen))
        beside.add_identity(100, beside.items()[0])
        chain = make.Heif(make.heif_of(seen))
        chain.add_identity(100, chain.items()[0], make.clap(80, 60, 0, 0))
        chain.set_primary(100)
        for name, heif in (("beside.heic", beside), ("chain.heic", chain)):
            data = heif.bytes()
            self.bucket.put(name, data[:int(len(data) * 0.6)])
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            self.assertEqual((row["state"], row["error"]["name"]), ("dead", "damaged"), row)

    def test_missing_parts_beside_pictures_that_are_others(self):
        """A grid whose tiles are cut or not there is damaged, wherever an identity item stands."""
        data = make.heif_of(raster.scene(64, 64))

        def put(name, tiles, columns, cut=True, outer=False):
            heif = make.Heif(data)
            first = heif.items()[0]
            heif.add_item(b"hvc1", 60, bytes(11), *hevc.properties_of(heif))
            heif.add_identity(50, first)
            size = (64 * columns, 64)
            heif.add_item(b"grid", 100, struct.pack(">BBBBHH", 0, 0, 0, columns - 1, *size), make.ispe(*size))
            heif.refer(b"dimg", 100, *(first if tile == "first" else tile for tile in tiles))
            if cut:
                self.place_outside(heif, 60)
            if outer:
                heif.add_identity(110, 100)
            heif.set_primary(110 if outer else 100)
            self.bucket.put(name, heif.bytes())

        put("cut-behind.heic", (50, 60), 2)
        put("cut-before.heic", (60, 50), 2)
        put("cut-below.heic", ("first", 60), 2, outer=True)
        put("absent.heic", (50, 77), 2, cut=False)
        put("absent-below.heic", ("first", 77), 2, cut=False, outer=True)
        put("too-few.heic", (50, 50), 3, cut=False)
        heif = make.Heif(data)
        heif.add_identity(100, 77)
        heif.set_primary(100)
        self.bucket.put("of-nothing.heic", heif.bytes())
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        for row in self.bucket.list():
            with self.subTest(row["name"]):
                self.assertEqual((row["state"], row["error"]["name"]), ("dead", "damaged"), row["error"])

    @staticmethod
    def place_outside(heif, item):
        """Moves the bytes of an item that was added behind the end of the file."""
        iloc = bytearray(heif.child(b"iloc")[1])
        struct.pack_into(">I", iloc, iloc.index(struct.pack(">HH", item, 0)) + 4, 1 << 30)
        heif.child(b"iloc")[1] = bytes(iloc)

    def test_pictures_in_several_places(self):
        """The parts of a picture need not follow one another, and may lie in the `meta` box, which
        may reach to the end of the file; libheif does not take that."""
        seen = raster.scene()
        for extension, options in (("heic", ()), ("avif", ("-A",))):
            options = (*options, "-q", "95", "-p", "chroma=444")
            data = make.heif_of(seen, options=options, extension=extension)
            for is_open in (False, True):
                self.bucket.put(f"{is_open}.{extension}", make.heif_in_parts(data, is_open))
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        for row in self.bucket.list():
            self.check_seen(row["name"], seen, cases.LOSSY)

    def test_tiles_that_are_others_cut(self):
        """An honest word for a coding that is not read."""
        heif = make.Heif(make.heif_of(raster.scene(64, 64)))
        heif.add_identity(50, heif.items()[0], make.clap(32, 32, 0, 0))
        heif.add_item(b"grid", 100, struct.pack(">BBBBHH", 0, 0, 0, 1, 64, 32), make.ispe(64, 32))
        heif.refer(b"dimg", 100, 50, 50)
        heif.set_primary(100)
        self.bucket.put("a.heic", heif.bytes())
        self.bucket.configure(CONFIG + "[handler]\nretries = 0\n")
        self.assertEqual(self.bucket.once().status, 1)
        row = self.bucket.show("a.heic")
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "unsupported_type"))

    def test_metadata_up_to_the_end(self):
        """A `meta` box of size 0 reaches to the end of the file. libheif does not take it."""
        seen = raster.scene()
        heif = make.Heif(make.heif_of(raster.stored(seen, 6)))
        heif.add_exif(heif.items()[0], make.exif(6))
        data = bytearray(heif.bytes())
        # The pixels' box takes in the EXIF behind it.
        pixels = data.index(b"mdat") - 4
        struct.pack_into(">I", data, pixels, len(data) - pixels)
        at = data.index(b"meta") - 4
        size = struct.unpack_from(">I", data, at)[0]
        moved = data[:at + 4] + b"free" + data[at + 8:] + bytes(4) + data[at + 4:at + size]
        self.bucket.put("a.heic", moved)
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_seen("a.heic", seen, cases.LOSSY)


if __name__ == "__main__":
    main()
