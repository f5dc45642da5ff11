# SPDX-License-Identifier: Apache-2.0
"""Settings of renditions: fits, formats, background and metadata, each judged by other programs."""

import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
import profiles  # noqa: E402
import raster  # noqa: E402
from cases import COARSE, EXACT, LOSSY  # noqa: E402
from harness import E2ETest, main  # noqa: E402
from raster import Raster, scene  # noqa: E402


def config(**renditions):
    return "".join(f"[rendition {name.replace('_', '-')}]\n" + text.replace("; ", "\n") + "\n"
                   for name, text in renditions.items())


def tags(paths):
    """Returns {path: {group: {tag: value}}} by exiftool."""
    found = json.loads(raster.run("exiftool", "-json", "-g", "-n", *paths))
    return {path: row for path, row in zip(paths, found, strict=True)}


def profiles_of(paths):
    """Returns {path: profile in bytes}."""
    found = json.loads(raster.run("exiftool", "-json", "-b", "-icc_profile", *paths))
    return {path: base64.b64decode(row.get("ICC_Profile", "").removeprefix("base64:"))
            for path, row in zip(paths, found, strict=True)}


class Renditions(E2ETest):

    def assert_like(self, made, truth, tolerance, what=None):
        found = raster.difference(made, truth)
        self.assertLessEqual(max(found.mean), tolerance[0], (what, str(found)))
        self.assertGreaterEqual(found.psnr, tolerance[1], (what, str(found)))

    def make(self, text, **files):
        self.bucket.configure(text)
        for name, data in files.items():
            self.bucket.put(name, data)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)

    def thumbnail(self, rendition, name, extension, bands=3):
        return raster.read(self.bucket.thumbnail(rendition, name, extension), bands)

    def test_fits(self):
        wide, tall = scene(150, 100), scene(100, 150)
        small = scene(70, 40)
        self.make(config(inside="size = 60x60; format = png", cover="size = 60x60; fit = cover; format = png",
                         fill="size = 60x40; fit = fill; format = png"),
                  wide=make.png_of(wide), tall=make.png_of(tall), small=make.png_of(small))
        self.assert_like(self.thumbnail("inside", "wide", "png"), raster.scaled(wide, 60, 40), EXACT)
        self.assert_like(self.thumbnail("inside", "tall", "png"), raster.scaled(tall, 40, 60), EXACT)
        self.assert_like(self.thumbnail("cover", "wide", "png"),
                         raster.scaled(wide, 90, 60).crop(15, 0, 60, 60), EXACT)
        self.assert_like(self.thumbnail("cover", "tall", "png"),
                         raster.scaled(tall, 60, 90).crop(0, 15, 60, 60), EXACT)
        self.assert_like(self.thumbnail("fill", "tall", "png"), raster.scaled(tall, 60, 40), EXACT)
        # A picture is never enlarged: if it is lower than the frame, `cover` cuts only its width.
        self.assert_like(self.thumbnail("cover", "small", "png"), small.crop(5, 0, 60, 40), EXACT)

    def test_attention_and_entropy_keep_the_detail(self):
        """A grey picture with one object: at the left, in the middle, or at the right."""
        def picture(place, texture):
            return Raster(300, 100, 3, b"".join(
                bytes(((230, 60, 40) if texture == "color" else (255 * ((x * 7 + y * 13) % 5 > 2),) * 3)
                      if abs(x - place) < 25 and abs(y - 50) < 25 else (128, 128, 128))
                for y in range(100) for x in range(300)))

        places = {"left": 40, "middle": 150, "right": 260}
        files = {f"{what}-{name}": make.png_of(picture(place, what)) for name, place in places.items()
                 for what in ("color", "noise")}
        self.make(config(attention="size = 80x80; fit = attention; format = png",
                         entropy="size = 80x80; fit = entropy; format = png"), **files)
        for rendition, what in (("attention", "color"), ("entropy", "noise")):
            for name, place in places.items():
                made = self.thumbnail(rendition, f"{what}-{name}", "png")
                self.assertEqual((made.width, made.height), (80, 80))
                whole = raster.scaled(picture(place, what), 240, 80)
                lefts = [raster.difference(made, whole.crop(left, 0, 80, 80)) for left in range(161)]
                best = min(range(161), key=lambda left: sum(lefts[left].mean))
                self.assert_like(made, whole.crop(best, 0, 80, 80), EXACT, name)
                center = place * 0.8
                self.assertTrue(best <= center - 15 and center + 15 <= best + 80, (rendition, name, best))

    def test_formats(self):
        seen, clear = scene(), scene(alpha=True)
        self.make(config(jpeg="size = 96x96; format = jpeg; quality = 95; background = #20a040",
                         webp="size = 96x96; format = webp; quality = 95",
                         png="size = 96x96; format = png",
                         avif="size = 96x96; format = avif; quality = 90",
                         jxl="size = 96x96; format = jxl; quality = 95",
                         auto="size = 96x96; format = auto; quality = 95",
                         same="size = 96x96; format = same; quality = 95"),
                  a=make.png_of(seen), c=make.png_of(clear))
        full, part = raster.scaled(seen, 96, 64), raster.scaled(clear, 96, 64)
        for rendition, extension, tolerance in (
                ("jpeg", "jpg", LOSSY), ("webp", "webp", LOSSY), ("png", "png", EXACT),
                ("auto", "jpg", LOSSY), ("same", "png", EXACT)):
            self.assert_like(self.thumbnail(rendition, "a", extension), full, tolerance, rendition)
        for rendition, extension in (("webp", "webp"), ("png", "png"), ("auto", "webp"), ("same", "png")):
            self.assert_like(self.thumbnail(rendition, "c", extension, 4), part,
                             COARSE if extension == "webp" else EXACT, rendition)
        self.assert_like(self.thumbnail("jpeg", "c", "jpg"),
                         raster.flattened(part, (0x20, 0xa0, 0x40)), LOSSY, "flattened")
        self.check_by_tools(full, part)

    def test_a_format_without_encoder_is_refused_at_once(self):
        """The handler program is replaced by one that reports no such formats."""
        handler = self.bucket.root / "handler"
        handler.write_text("#!/bin/sh\n[ \"$1\" = --formats ] && printf 'jpeg\\npng\\nwebp\\n'\n")
        handler.chmod(0o755)
        for kind in ("avif", "jxl"):
            self.bucket.configure(config(tiny=f"size = 96x96; format = {kind}"))
            self.bucket.put("a.png", make.png_of(scene()))
            done = self.bucket.command("run", "--once", self.bucket.path,
                                       env={"THUMBQ_HANDLER": str(handler)})
            self.assertEqual(done.status, 2, done.log)
            for word in ("[rendition tiny]", f"format = {kind}", "no encoder"):
                self.assertIn(word, done.log)
            self.assertFalse(self.bucket.thumbnails.exists())

    def check_by_tools(self, full, part):
        """libheif's tool reads AVIF, and the vips program JPEG XL: ImageMagick 6 reads neither
        well."""
        for name, truth in (("a", full), ("c", part)):
            out = self.bucket.root / f"{name}.png"
            avif = self.bucket.thumbnail("avif", name, "avif")
            self.assertEqual(avif.read_bytes()[4:12], b"ftypavif")
            raster.run("heif-convert", avif, out)
            self.assert_like(raster.read(out, truth.bands), truth, COARSE, "avif")
            jxl = self.bucket.thumbnail("jxl", name, "jxl")
            self.assertIn(jxl.read_bytes()[:2], (b"\xff\x0a", b"\0\0"))
            raster.run("vips", "copy", jxl, out)
            self.assert_like(raster.read(out, truth.bands), truth, COARSE, "jxl")

    def test_metadata_is_left_out(self):
        """A thumbnail of any type has no data about the camera, the place or the colours."""
        picture = self.bucket.put("a.jpg", make.jpeg_with(
            make.jpeg_of(profiles.in_display_p3(scene())), make.jpeg_icc(profiles.DISPLAY_P3_ICC)))
        raster.run("exiftool", "-q", "-overwrite_original", "-Make=Camera", "-GPSLatitude=46.5",
                   "-GPSLatitudeRef=N", "-XMP:Title=Secret", "-IPTC:Keywords=Secret", "-Comment=Secret",
                   picture)
        kinds = {"jpeg": "jpg", "webp": "webp", "png": "png", "avif": "avif", "jxl": "jxl"}
        self.make(config(**{kind: f"size = 96x96; format = {kind}" for kind in kinds}))
        paths = {kind: self.bucket.thumbnail(kind, "a.jpg", kinds[kind]) for kind in kinds}
        every = tags(list(paths.values()))
        for kind, path in paths.items():
            found = every[path]
            for group in ("EXIF", "GPS", "XMP", "IPTC", "ICC_Profile", "ICC-header", "MakerNotes"):
                self.assertNotIn(group, found, (kind, found))
            for word in (b"Secret", b"Camera", b"ICC_PROFILE", b"Exif\0", b"iCCP", b"eXIf"):
                self.assertNotIn(word, path.read_bytes(), kind)

    def sources(self):
        """One picture with profile, EXIF (orientation 6, a thumbnail) and XMP, in three types."""
        stored = raster.stored(profiles.in_display_p3(scene()), 6)
        icc = profiles.DISPLAY_P3_ICC
        yield "a.jpg", make.jpeg_with(make.jpeg_of(stored), make.jpeg_icc(icc))
        yield "a.png", make.png_of(stored, [make.png_icc(icc)])
        yield "a.webp", make.webp_extended(make.webp_of(stored), stored.width, stored.height, icc=icc)

    def test_metadata_is_kept_where_asked_for(self):
        uploads = [self.bucket.put(name, data) for name, data in self.sources()]
        raster.run("exiftool", "-q", "-overwrite_original", "-n", "-Make=Camera", "-Orientation=6",
                   "-GPSLatitude=46.5", "-GPSLatitudeRef=N", "-XMP:Title=Title", *uploads)
        kinds = {"jpeg": "jpg", "webp": "webp", "png": "png"}
        wanted = {(kind, what): self.bucket.thumbnails / f"{kind}-{what.replace(',', '-')}"
                  for kind in kinds for what in ("icc", "exif", "xmp", "icc,exif,xmp")}
        self.make(config(**{folder.name: f"size = 96x96; format = {kind}; quality = 95; keep = {what}"
                            for (kind, what), folder in wanted.items()}))
        paths = {(kind, what, upload.name): folder / f"{upload.name}.{kinds[kind]}"
                 for (kind, what), folder in wanted.items() for upload in uploads}
        every, icc = tags(list(paths.values())), profiles_of(list(paths.values()))
        srgb = raster.scaled(scene(), 96, 64)
        wide = raster.scaled(profiles.in_display_p3(scene()), 96, 64)
        self.assertGreater(max(raster.difference(srgb, wide).mean), 2 * LOSSY[0])
        for (kind, what, name), path in paths.items():
            with self.subTest(kind=kind, keep=what, source=name):
                kept, found = what.split(","), every[path].get("EXIF", {})
                self.assertEqual(found.get("Make"), "Camera" if "exif" in kept else None)
                self.assertEqual(found.get("Orientation"), 1 if "exif" in kept else None)
                self.assertEqual("GPSLatitude" in found, "exif" in kept)
                self.assertEqual(every[path].get("XMP", {}).get("Title"),
                                 "Title" if "xmp" in kept else None)
                self.assertEqual(icc[path], profiles.DISPLAY_P3_ICC if "icc" in kept else b"")
                self.assert_like(raster.read(path, 3), wide if "icc" in kept else srgb, LOSSY)

    def test_placeholder_does_not_depend_on_what_is_kept(self):
        data = dict(self.sources())["a.jpg"]
        self.make(config(a="size = 96x96; format = png; keep = icc"), **{"a.jpg": data})
        kept = self.bucket.show("a.jpg")
        self.make(config(a="size = 96x96; format = png"))
        plain = self.bucket.show("a.jpg")
        self.assertNotEqual(kept["thumbnails"], plain["thumbnails"])
        for band in (1, 3, 5):
            self.assertAlmostEqual(int(kept["color"][band:band + 2], 16),
                                   int(plain["color"][band:band + 2], 16), delta=8)


if __name__ == "__main__":
    main()
