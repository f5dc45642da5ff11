# SPDX-License-Identifier: Apache-2.0
"""Animations that are kept: every frame by pixel, delays and loops, as libwebp's own tools report
them."""

import pathlib
import re
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
import raster  # noqa: E402
from raster import Raster  # noqa: E402
from cases import COARSE, LOSSY, gif_frame, gif_on_canvas, small_first_frame  # noqa: E402
from harness import E2ETest, main  # noqa: E402

CONFIG = """
[rendition moving]
size = 96x96
format = webp
quality = 95
animation = keep
max_frames = 4
[rendition square]
size = 64x64
fit = attention
format = same
quality = 95
animation = keep
[rendition still]
size = 96x96
format = png
animation = keep
[rendition first]
size = 96x96
format = webp
"""
DELAYS_MS = (70, 130, 40, 500)


def frames(n, alpha=False):
    """Up to six pictures that differ everywhere, so that no encoder merges two of them."""
    def change(pixel, i):
        turned = [pixel[(band + i) % 3] for band in range(3)]
        return [255 - v for v in turned] if i >= 3 else turned

    scene = raster.scene(alpha=alpha)
    return tuple(scene.map(lambda p, i=i: change(p, i) + list(p[3:]), scene.bands)
                 for i in range(n))


@dataclass
class Part:
    """A frame as the file stores it: a part of the canvas."""
    left: int
    top: int
    delay_ms: int
    clears: bool  # the frame clears the canvas below it after it was shown
    blends: bool  # is laid over the canvas, and does not replace it


def examine(path):
    """Returns (loops, [Part]) by webpmux; (None, []) for a still picture."""
    text = raster.run("webpmux", "-info", path).decode()
    if "animation" not in text:
        return None, []
    parts = [Part(int(x), int(y), int(delay), dispose == "background", blend == "yes")
             for x, y, delay, dispose, blend in re.findall(
                 r"^ *\d+: +\d+ +\d+ +\S+ +(\d+) +(\d+) +(\d+) +(\S+) +(\S+) ", text, re.M)]
    return int(re.search(r"Loop Count : (\d+)", text)[1]), parts


def timing(path):
    loops, parts = examine(path)
    return loops, [part.delay_ms for part in parts]


def over(pixel, below):
    """Blends source over destination, neither of them premultiplied."""
    alpha, rest = pixel[3] / 255, below[3] / 255 * (1 - pixel[3] / 255)
    if alpha + rest == 0:
        return (0, 0, 0, 0)
    colors = [round((c * alpha + b * rest) / (alpha + rest)) for c, b in zip(pixel, below)][:3]
    return (*colors, round(255 * (alpha + rest)))


def read_frames(path):
    """Returns each frame as it looks: webpmux extracts it, dwebp decodes it, and this function
    composes it."""
    size = re.search(r"Canvas size: (\d+) x (\d+)", raster.run("webpmux", "-info", path).decode())
    width, height = int(size[1]), int(size[2])
    canvas = [(0, 0, 0, 0)] * (width * height)
    seen = []
    with tempfile.TemporaryDirectory() as folder:
        for i, part in enumerate(examine(path)[1]):
            raster.run("webpmux", "-get", "frame", i + 1, path, "-o", f"{folder}/part.webp")
            raster.run("dwebp", "-quiet", f"{folder}/part.webp", "-o", f"{folder}/part.png")
            found = raster.read(f"{folder}/part.png", 4)
            shown = list(canvas)
            for at, pixel in enumerate(found.pixels()):
                x, y = part.left + at % found.width, part.top + at // found.width
                place = y * width + x
                shown[place] = over(pixel, canvas[place]) if part.blends else pixel
                canvas[place] = (0, 0, 0, 0) if part.clears else shown[place]
            seen.append(Raster(width, height, 4, bytes(v for pixel in shown for v in pixel)))
    return seen


class Animations(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(CONFIG)

    def check_frames(self, path, seen, tolerance):
        made = read_frames(path) if path.suffix == ".webp" and examine(path)[1] else [
            raster.read(path, 4)]
        self.assertEqual(len(made), len(seen))
        for i, (frame, truth) in enumerate(zip(made, seen)):
            found = raster.difference(frame, raster.with_alpha(raster.scaled(truth, 96, 64)))
            self.assertLessEqual(max(found.mean), tolerance[0], (i, str(found)))
            self.assertGreaterEqual(found.psnr, tolerance[1], (i, str(found)))

    def test_frames_delays_and_loops(self):
        seen, clear = frames(4), frames(4, alpha=True)
        table = {
            "a.webp": (make.webp_animation(seen, DELAYS_MS, 3), seen, 3, LOSSY),
            "for-ever.webp": (make.webp_animation(seen, DELAYS_MS, 0), seen, 0, LOSSY),
            "clear.webp": (make.webp_animation(clear, DELAYS_MS, 1), clear, 1, COARSE),
            "a.gif": (make.gif_of(seen, (7, 13, 4, 50), 0), seen, 0, COARSE),
            "thrice.gif": (make.gif_of(seen, (7, 13, 4, 50), 3), seen, 3, COARSE),
        }
        for name, row in table.items():
            self.bucket.put(name, row[0])
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        for name, (_data, seen, loops, tolerance) in table.items():
            with self.subTest(name):
                path = self.bucket.thumbnail("moving", name, "webp")
                self.assertEqual(timing(path), (loops, list(DELAYS_MS)))
                self.check_frames(path, seen, tolerance)
                square = self.bucket.thumbnail("square", name, "webp")
                self.assertEqual(timing(square), (loops, list(DELAYS_MS)))
                self.assertEqual([(f.width, f.height) for f in read_frames(square)], [(64, 64)] * 4)
                for still in (self.bucket.thumbnail("still", name, "png"),
                              self.bucket.thumbnail("first", name, "webp")):
                    self.check_frames(still, seen[:1], COARSE)

    def test_loops_as_gif2webp_counts(self):
        """A GIF file without a number of loops is shown once."""
        whole = make.gif_of(frames(3), (5,), 2)
        at = whole.index(b"NETSCAPE2.0") - 3
        table = {"twice.gif": whole, "once.gif": whole[:at] + whole[at + 19:]}
        for name, data in table.items():
            path = self.bucket.put(name, data)
            raster.run("gif2webp", "-quiet", path, "-o", self.bucket.root / f"{name}.webp")
        self.assertEqual(self.bucket.once().status, 0)
        for name in table:
            self.assertEqual(timing(self.bucket.thumbnail("moving", name, "webp")),
                             timing(self.bucket.root / f"{name}.webp"))

    def test_too_many_frames_become_the_first(self):
        five = frames(5)
        self.bucket.put("five.gif", make.gif_of(five, (5,)))
        self.assertEqual(self.bucket.once().status, 0)
        self.check_frames(self.bucket.thumbnail("moving", "five.gif", "webp"), five[:1], COARSE)
        _loops, delays = timing(self.bucket.thumbnail("square", "five.gif", "webp"))
        self.assertEqual(len(delays), 5)

    def test_canvas_around_small_frames_is_clear(self):
        """No frame of the GIF file covers its canvas, and none has a transparent colour."""
        data = gif_on_canvas(gif_frame(15, 10, 30, 20), gif_frame(0, 0, 10, 10, index=1))
        first = small_first_frame()[1]
        corner = {y * 60 + x for y in range(10) for x in range(10)}
        second = Raster(60, 40, 4, b"".join(
            bytes((20, 40, 220, 255) if i in corner else pixel)
            for i, pixel in enumerate(first.pixels())))
        self.bucket.put("small.gif", data)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.bucket.show("small.gif")["pages"], 2)
        path = self.bucket.thumbnail("moving", "small.gif", "webp")
        self.assertEqual(timing(path)[1], [50, 50])
        for made, seen in zip(read_frames(path), (first, second), strict=True):
            found = raster.difference(made, seen)
            self.assertLessEqual(max(found.mean), COARSE[0], str(found))

    def test_damaged_animation_becomes_its_first_frame(self):
        four = frames(4)
        whole = make.webp_animation(four, DELAYS_MS, 0)
        last = whole.rindex(b"VP8L")
        self.bucket.put("spoilt.webp", whole[:last + 40] + b"\xff" * 60 + whole[last + 100:])
        self.bucket.once()
        record = self.bucket.show("spoilt.webp")
        self.assertEqual((record["state"], record["damaged"]), ("done", True))
        self.check_frames(self.bucket.thumbnail("moving", "spoilt.webp", "webp"), four[:1], COARSE)


if __name__ == "__main__":
    main()
