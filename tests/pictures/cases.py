# SPDX-License-Identifier: Apache-2.0
"""The table of cases: what lies in the bucket, and what a person should see in its place.

Each case is a file and the upright sRGB picture it stands for, which is never read out of thumbq.
"""

import functools
import struct
from dataclasses import dataclass, field
from typing import Optional

import containers as make
import profiles
from raster import Raster, flattened, scene, stored

# Mean absolute difference of each band of 0..255, and PSNR in decibels, over the whole thumbnail.
EXACT = (1.0, 40.0)     # lossless all the way: what is left is the filter's rounding
LOSSY = (2.5, 34.0)     # coded as JPEG, HEIC or AVIF of high quality before we saw it
COARSE = (6.0, 27.0)    # cut down to a palette, or out of a wider gamut


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    seen: Raster
    tolerance: tuple = EXACT
    facts: dict = field(default_factory=dict)  # of the record, beside width and height


def orientations():
    upright = scene()
    turns = {1: [], 2: [make.imir(True)], 3: [make.irot(2)], 4: [make.imir(False)],
             5: [make.irot(1), make.imir(False)], 6: [make.irot(3)],
             7: [make.irot(3), make.imir(False)], 8: [make.irot(1)]}
    for n in range(1, 9):
        picture, block = stored(upright, n), make.exif(n)
        facts = {"orientation": n}
        yield Case(f"orientation-{n}.jpg", make.jpeg_with(make.jpeg_of(picture), make.jpeg_exif(block)),
                   upright, LOSSY, facts)
        yield Case(f"orientation-{n}.png", make.png_of(picture, [make.png_chunk(b"eXIf", block)]),
                   upright, EXACT, facts)
        yield Case(f"orientation-{n}.tif", make.tiff_of(picture, {274: (3, [n])}), upright, EXACT, facts)
        yield Case(f"orientation-{n}.webp",
                   make.webp_extended(make.webp_of(picture), picture.width, picture.height,
                                      exif_block=block), upright, EXACT, facts)
        heif = make.Heif(make.heif_of(picture))
        heif.add_properties(heif.items()[0], *turns[n])
        yield Case(f"orientation-{n}.heic", heif.bytes(), upright, LOSSY, {"orientation": 1})


def colours():
    seen = scene()
    for name, other, icc in (("p3", profiles.in_display_p3(seen), profiles.DISPLAY_P3_ICC),
                             ("adobe", profiles.in_adobe_rgb(seen), profiles.ADOBE_RGB_ICC),
                             ("srgb", seen, profiles.SRGB_ICC)):
        yield Case(f"{name}.png", make.png_of(other, [make.png_icc(icc)]), seen)
        yield Case(f"{name}.jpg", make.jpeg_with(make.jpeg_of(other), make.jpeg_icc(icc)), seen, LOSSY)
        yield Case(f"{name}.tif", make.tiff_of(other, {34675: (7, icc)}), seen)
        yield Case(f"{name}.webp", make.webp_extended(make.webp_of(other), other.width, other.height,
                                                      icc=icc), seen)
        yield Case(f"{name}.heic", make.heif_of(other, icc=icc), seen, LOSSY)
    broken = make.png_of(seen, [make.png_icc(profiles.SRGB_ICC[:200])])
    yield Case("broken-profile.png", broken, seen)
    yield Case("grey-profile-on-rgb.png",
               make.png_of(seen, [make.png_icc(profiles.CMYK_ICC)]), seen)


def inks():
    """By the profile that says R = (1 - C)(1 - K); without one there is no truth, see test_inks."""
    seen = scene()
    cmyk = profiles.in_cmyk(seen)
    icc = make.jpeg_icc(profiles.CMYK_ICC)
    adobe = make.jpeg_of(cmyk)  # as everybody writes it: inverted, and marked so
    plain = make.jpeg_of_inks(cmyk)
    page = functools.partial(make.tiff_page, seen.width, seen.height, cmyk.data, samples=4,
                             photometric=5)
    yield Case("cmyk-icc-adobe.jpg", make.jpeg_with(adobe, icc), seen, LOSSY)
    yield Case("cmyk-icc-plain.jpg", make.jpeg_with(plain, icc), seen, LOSSY)
    yield Case("cmyk-icc.tif", make.tiff(page(tags={34675: (7, profiles.CMYK_ICC)})), seen, LOSSY)


def wide(data):
    """8-bit samples as 16-bit ones, big-endian."""
    return b"".join(bytes((v, v)) for v in data)


def grey_of(raster):
    return raster.map(lambda p: [p[1]] * 3, 3)


def bilevel(raster):
    """(the packed rows of a picture of ones for white, that picture)"""
    seen = raster.map(lambda p: [255 * (p[0] + p[1] > 300)] * 3, 3)
    rows, white = [], [p[0] == 255 for p in seen.pixels()]
    for y in range(seen.height):
        bits = white[y * seen.width:(y + 1) * seen.width]
        bits += [False] * (-len(bits) % 8)
        rows.append(bytes(sum(bit << (7 - i) for i, bit in enumerate(bits[at:at + 8]))
                          for at in range(0, len(bits), 8)))
    return rows, seen


def palette(raster):
    """(chunks, rows, picture) of a palette of 4 x 4 x 4 colours, each of another opacity."""
    def step(value):
        return value // 64
    colors = [(85 * r, 85 * g, 85 * b, 255 - 3 * (16 * r + 4 * g + b)) for r in range(4)
              for g in range(4) for b in range(4)]
    indexes = raster.map(lambda p: [16 * step(p[0]) + 4 * step(p[1]) + step(p[2])], 1)
    chunks = [make.png_chunk(b"PLTE", b"".join(bytes(c[:3]) for c in colors)),
              make.png_chunk(b"tRNS", bytes(c[3] for c in colors))]
    return chunks, make.rows_of(indexes.data, raster.height), indexes.map(lambda p: colors[p[0]], 4)


def depths():
    seen, clear = scene(), scene(alpha=True)
    width, height = seen.width, seen.height
    grey = grey_of(seen)
    single = bytes(p[0] for p in grey.pixels())
    rows = make.rows_of
    yield Case("rgb16.png", make.png(width, height, "rgb", rows(wide(seen.data), height), 16), seen)
    yield Case("rgba16.png", make.png(width, height, "rgb+alpha", rows(wide(clear.data), height), 16), clear)
    yield Case("grey8.png", make.png(width, height, "grey", rows(single, height)), grey)
    yield Case("grey16.png", make.png(width, height, "grey", rows(wide(single), height), 16), grey)
    pairs = bytes(v for p in clear.map(lambda p: [p[1], p[3]], 2).pixels() for v in p)
    grey_alpha = clear.map(lambda p: [p[1]] * 3 + [p[3]], 4)
    yield Case("grey-alpha8.png", make.png(width, height, "grey+alpha", rows(pairs, height)), grey_alpha)
    yield Case("grey-alpha16.png",
               make.png(width, height, "grey+alpha", rows(wide(pairs), height), 16), grey_alpha)
    chunks, indexes, seen_palette = palette(seen)
    yield Case("palette-alpha.png", make.png(width, height, "palette", indexes, chunks=chunks), seen_palette)
    bits, two = bilevel(seen)
    yield Case("bilevel.png", make.png(width, height, "grey", bits, 1), two)
    for name, photometric, packed in (("white-is-1", 1, b"".join(bits)),
                                      ("white-is-0", 0, bytes(255 - v for v in b"".join(bits)))):
        page = make.tiff_page(width, height, packed, bits=1, samples=1, photometric=photometric)
        yield Case(f"bilevel-{name}.tif", make.tiff(page), two)
    little = b"".join(struct.pack("<H", 257 * v) for v in seen.data)
    yield Case("rgb16.tif", make.tiff(make.tiff_page(width, height, little, bits=16)), seen)
    yield Case("rgba.tif", make.tiff_of(clear), clear)
    yield Case("grey.tif", make.tiff(make.tiff_page(width, height, single, samples=1, photometric=1)), grey)
    yield Case("interlaced.gif", make.run("convert", *make.raw(two, "rgb"), "-interlace", "GIF",
                                          "gif:-", data=two.data), two)


def science():
    """What comes from Photoshop's Lab mode and from measuring: float is linear light, 0 to 1."""
    seen = scene()
    grey = grey_of(seen)
    size = (seen.width, seen.height)

    def lab8(pixel):
        l, a, b = profiles.to_lab(pixel)
        return [round(l * 2.55), round(a) & 255, round(b) & 255]

    lab = seen.map(lab8, 3)
    yield Case("lab8.tif", make.tiff(make.tiff_page(*size, lab.data, photometric=8)), seen, LOSSY)

    def lab16(pixel):
        l, a, b = profiles.to_lab(pixel)
        return struct.pack("<Hhh", round(l * 655.35), round(a * 256), round(b * 256))

    wide_lab = b"".join(lab16(p) for p in seen.pixels())
    yield Case("lab16.tif", make.tiff(make.tiff_page(*size, wide_lab, bits=16, photometric=8)), seen, LOSSY)

    def linear(pixels, code):
        return b"".join(struct.pack(f"<{len(p)}{code}",
                                    *(profiles.srgb_to_linear(v / 255) for v in p)) for p in pixels)

    floating = {339: (3, [3, 3, 3])}
    yield Case("float.tif", make.tiff(make.tiff_page(*size, linear(seen.pixels(), "f"), bits=32,
                                                     tags=floating)), seen)
    one = linear([p[:1] for p in grey.pixels()], "f")
    yield Case("float-grey.tif", make.tiff(make.tiff_page(
        *size, one, bits=32, samples=1, photometric=1, tags={339: (3, [3])})), grey)


def several():
    """Files of more than one picture: the first, or the one that the file calls primary."""
    first, second = scene(), scene().map(lambda p: [255 - v for v in p], 3)
    yield Case("two-frames.gif", make.gif_of((first, second)), first, COARSE, {"pages": 2})
    yield Case("two-frames.webp", make.webp_animation((first, second), (70, 90), 3), first, EXACT,
               {"pages": 2})
    page = make.tiff_page(first.width, first.height, first.data)
    small = make.tiff_page(20, 10, bytes(600))
    yield Case("three-pages.tif", make.tiff(page, small, small), first, EXACT, {"pages": 3})
    heif = make.heif_of(first, second)
    yield Case("two-pictures.heic", heif, first, LOSSY)
    other = make.Heif(heif)
    other.set_primary(other.items()[1])
    yield Case("second-is-primary.heic", other.bytes(), second, LOSSY)
    # The second picture becomes a gain map: it must neither be seen nor be added.
    gain = make.Heif(heif)
    auxiliary = b"urn:com:apple:photo:2020:aux:hdrgainmap\0"
    gain.add_properties(gain.items()[1], make.box(b"auxC", bytes(4) + auxiliary))
    gain.refer(b"auxl", gain.items()[1], gain.items()[0])
    yield Case("gain-map.heic", gain.bytes(), first, LOSSY)
    yield Case("gain-map.jpg",
               make.multi_picture_jpeg(make.jpeg_of(first), make.jpeg_of(grey_of(second))), first,
               LOSSY, {"pages": 1})


def extremes():
    """As flat or as small as a picture can be."""
    def line(width, height):
        return Raster(width, height, 3, b"".join(
            bytes((40 + 190 * i // max(width * height - 1, 1), 100, 200 - 150 * i // max(width * height - 1, 1)))
            for i in range(width * height)))

    for width, height in ((1, 1), (10000, 1), (1, 10000), (2, 3)):
        seen, name = line(width, height), f"{width}x{height}"
        yield Case(f"{name}.png", make.png_of(seen), seen)
        yield Case(f"{name}.tif", make.tiff_of(seen), seen)
        yield Case(f"{name}.jpg", make.jpeg_of(seen), seen, LOSSY)
        yield Case(f"{name}.webp", make.webp_of(seen), seen)
    small = scene(30, 20)
    yield Case("smaller.png", make.png_of(small), small)
    yield Case("smaller.jpg", make.jpeg_of(small), small, LOSSY)


def transparency():
    """Colours that nobody sees must not bleed: black and white below what is clear."""
    def hidden(tone):
        return scene(alpha=True).map(
            lambda p: (p if p[3] else (tone, tone, tone, 0)), 4)

    seen = scene(alpha=True)
    for name, tone in (("black", 0), ("white", 255)):
        raster = hidden(tone)
        yield Case(f"hidden-{name}.png", make.png_of(raster), seen)
        yield Case(f"hidden-{name}.tif", make.tiff_of(raster), seen)
        yield Case(f"hidden-{name}.webp", make.webp_of(raster), seen)
    stripes = Raster(96 * 4, 64 * 4, 4, b"".join(
        bytes((230, 30, 30, 255) if (x // 3 + y // 5) % 2 else (0, 255, 0, 0))
        for y in range(256) for x in range(384)))
    yield Case("stripes.png", make.png_of(stripes), stripes)
    yield Case("alpha.heic", make.heif_of(seen), seen, LOSSY)
    yield Case("alpha.avif", make.heif_of(seen, options=("-A", "-q", "95"), extension="avif"), seen, COARSE)


GROUPS = (orientations, colours, inks, depths, science, several, extremes, transparency)


def all_cases():
    return [case for group in GROUPS for case in group()]
