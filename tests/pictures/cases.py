# SPDX-License-Identifier: Apache-2.0
"""The table of cases: the files of the bucket, and the pictures that a person should see in their
place. Each case is a file and its upright sRGB picture, which is never read from thumbq."""

import functools
import struct
from dataclasses import dataclass, field

import containers as make
import profiles
import tiff_files
import tiff_spaces
from raster import Raster, scene, stored

# Mean absolute difference of each band of 0..255, and PSNR in decibels, over the whole thumbnail.
EXACT = (1.0, 40.0)     # lossless all the way: only the filter rounds
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
        # The container says nothing: EXIF counts, as phones and cameras write it.
        heif = make.Heif(make.heif_of(picture))
        heif.add_exif(heif.items()[0], block)
        yield Case(f"exif-orientation-{n}.heic", heif.bytes(), upright, LOSSY, facts)
        # The container turns the picture: EXIF does not turn it once more.
        heif = make.Heif(make.heif_of(picture))
        first = heif.items()[0]
        heif.add_properties(first, *(turns[n] or [make.irot(0)]))
        heif.add_exif(first, make.exif(6))
        yield Case(f"both-{n}.heic", heif.bytes(), upright, LOSSY, {"orientation": 1})
    heif = make.Heif(make.heif_of(stored(upright, 8), options=("-A", "-q", "97"), extension="avif"))
    heif.add_exif(heif.items()[0], make.exif(8))
    yield Case("exif-orientation-8.avif", heif.bytes(), upright, COARSE, {"orientation": 8})


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
    yield Case("cmyk-profile-on-rgb.png",
               make.png_of(seen, [make.png_icc(profiles.CMYK_ICC)]), seen)
    grey = profiles.grey_profile(1.8)
    yield Case("grey-profile-on-rgb.jpg", make.jpeg_with(make.jpeg_of(seen), make.jpeg_icc(grey)), seen, LOSSY)
    yield Case("grey-profile-on-rgb.tif", make.tiff_of(seen, {34675: (7, grey)}), seen)
    yield Case("grey-profile-on-rgb.webp", make.webp_extended(make.webp_of(seen), seen.width, seen.height, icc=grey),
               seen)


P3_PLACES = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
HDR_SHARE = 0.18  # of white: light that the mapping of HDR leaves as it is


def png16(raster, encode, chunks):
    """Of 16 bits, by encode(pixel), which returns numbers 0..1."""
    known = {p: struct.pack(">3H", *(round(65535 * v) for v in encode(p))) for p in set(raster.pixels())}
    data = b"".join(known[p] for p in raster.pixels())
    return make.png(raster.width, raster.height, "rgb", make.rows_of(data, raster.height), 16, chunks)


def stated_colours():
    """By code points, a gamma or primaries, and not by a profile."""
    seen = scene()
    grey = grey_of(seen)
    linear = profiles.srgb_to_linear

    def chunk(name, *numbers):
        return make.png_chunk(name, struct.pack(f">{len(numbers)}I", *(round(n * 100000) for n in numbers)))

    def points(primaries, transfer):
        return make.png_chunk(b"cICP", bytes((primaries, transfer, 0, 1)))

    p3 = profiles.in_display_p3(seen)
    wide = profiles.to_space(seen, profiles.BT2020, profiles.linear_to_srgb)
    yield Case("gama-linear.png", png16(seen, lambda p: [linear(v / 255) for v in p],
                                        [chunk(b"gAMA", 1)]), seen)
    yield Case("gama-18.png", make.png_of(seen.map(lambda p: [round(255 * linear(v / 255) ** (1 / 1.8)) for v in p],
                                                   3), [chunk(b"gAMA", 1 / 1.8)]), seen, LOSSY)
    yield Case("gama-grey.png", make.png(
        grey.width, grey.height, "grey",
        make.rows_of(b"".join(struct.pack(">H", round(65535 * linear(p[0] / 255))) for p in grey.pixels()),
                     grey.height), 16, [chunk(b"gAMA", 1)]), grey)
    yield Case("gama-usual.png", make.png_of(seen, [chunk(b"gAMA", 0.45455)]), seen)
    yield Case("srgb-first.png", make.png_of(seen, [make.png_chunk(b"sRGB", b"\0"), chunk(b"gAMA", 1)]), seen)
    yield Case("chrm-p3.png", make.png_of(p3, [chunk(b"gAMA", 0.45455), chunk(b"cHRM", *P3_PLACES)]), seen,
               LOSSY)
    yield Case("cicp-p3.png", make.png_of(p3, [points(12, 13)]), seen)
    yield Case("cicp-2020.png", make.png_of(wide, [points(9, 13)]), seen, LOSSY)
    yield Case("cicp-over-profile.png", make.png_of(p3, [points(12, 13), make.png_icc(profiles.ADOBE_RGB_ICC)]),
               seen)
    dark = seen.map(lambda p: [round(255 * profiles.linear_to_srgb(HDR_SHARE * linear(v / 255))) for v in p], 3)
    for name, transfer, encode in (("pq", 16, profiles.to_pq), ("hlg", 18, profiles.to_hlg)):
        yield Case(f"cicp-{name}.png", png16(seen, lambda p, encode=encode: [
            encode(HDR_SHARE * v) for v in profiles.in_space(p, profiles.BT2020)], [points(9, transfer)]),
            dark, LOSSY)
    for extension, coding in (("avif", ("-A",)), ("heic", ())):
        for name, raster, primaries in (("p3", p3, 12), ("2020", wide, 9)):
            file = make.heif_of(raster, options=(*coding, "-q", "97", "-p", "chroma=444"), extension=extension)
            yield Case(f"nclx-{name}.{extension}", make.heif_with_colours(file, primaries, 13), seen, COARSE)


def inks():
    """The profile says R = (1 - C)(1 - K). Without a profile there is no true colour, see
    test_inks."""
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
    """Returns 8-bit samples as 16-bit ones, big-endian."""
    return b"".join(bytes((v, v)) for v in data)


def grey_of(raster):
    return raster.map(lambda p: [p[1]] * 3, 3)


def bilevel(raster):
    """Returns (the packed rows of a picture of ones for white, that picture)."""
    seen = raster.map(lambda p: [255 * (p[0] + p[1] > 300)] * 3, 3)
    rows, white = [], [p[0] == 255 for p in seen.pixels()]
    for y in range(seen.height):
        bits = white[y * seen.width:(y + 1) * seen.width]
        bits += [False] * (-len(bits) % 8)
        rows.append(bytes(sum(bit << (7 - i) for i, bit in enumerate(bits[at:at + 8]))
                          for at in range(0, len(bits), 8)))
    return rows, seen


def palette(raster):
    """Returns (chunks, rows, picture) of a palette of 4 x 4 x 4 colours, each with another
    opacity."""
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
    """Pictures of Photoshop's Lab mode and of measurements: float is linear light, 0 to 1."""
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


def tiffs():
    """Yields TIFF files that libvips does not read, or reads wrongly."""
    for name, data, seen, rough in tiff_files.kinds():
        yield Case(name, data, seen, COARSE if rough else LOSSY)
    for name, data, seen in tiff_files.transparent():
        yield Case(name, data, seen, LOSSY, {"alpha": seen.bands == 4})
    for name, data, seen in tiff_spaces.kinds():
        yield Case(name, data, seen, LOSSY, {"alpha": seen.bands == 4})


def several():
    """Files with more than one picture: a person sees the first, or the primary one of the file."""
    first, second = scene(), scene().map(lambda p: [255 - v for v in p], 3)
    yield Case("two-frames.gif", make.gif_of((first, second)), first, COARSE, {"pages": 2})
    data, clear = small_first_frame()
    yield Case("small-first-frame.gif", data, clear, EXACT, {"alpha": True})
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
    # The second picture becomes a gain map. It must be neither shown nor applied.
    gain = make.Heif(heif)
    auxiliary = b"urn:com:apple:photo:2020:aux:hdrgainmap\0"
    gain.add_properties(gain.items()[1], make.box(b"auxC", bytes(4) + auxiliary))
    gain.refer(b"auxl", gain.items()[1], gain.items()[0])
    yield Case("gain-map.heic", gain.bytes(), first, LOSSY)
    yield Case("gain-map.jpg",
               make.multi_picture_jpeg(make.jpeg_of(first), make.jpeg_of(grey_of(second))), first,
               LOSSY, {"pages": 1})


def stray_bytes():
    """Between the segments of a JPEG, which readers skip up to the next one."""
    seen = scene()
    picture = make.jpeg_of(seen)
    places, at = [2], 2
    while picture[at + 1] != 0xda:
        at += 2 + struct.unpack_from(">H", picture, at + 2)[0]
        places.append(at)
    for i, place in enumerate(places):
        for name, stray in (("zeros", bytes(3)), ("text", b"stray bytes"), ("fill", b"\xff\xff")):
            yield Case(f"stray-{name}-{i}.jpg", picture[:place] + stray + picture[place:], seen, LOSSY)


def gif_frame(left, top, width, height, index=0):
    """A frame of one colour of the palette, opaque."""
    control = b"\x21\xf9\4" + bytes((0, 5, 0, 0, 0))
    return control + b"\x2c" + struct.pack("<HHHHB", left, top, width, height, 0) + b"\2" + lzw_run(
        index, width * height) + b"\0"


def gif_on_canvas(*frames):
    """A GIF file of 60 x 40 pixels with a palette of red and blue."""
    head = b"GIF89a" + struct.pack("<HHBBB", 60, 40, 0x80, 0, 0) + bytes((200, 30, 30, 20, 40, 220))
    return head + b"".join(frames) + b";"


def small_first_frame():
    """(file, picture) of a GIF whose first frame lies in the middle of its canvas, and is opaque."""
    clear = Raster(60, 40, 4, b"".join(
        bytes((200, 30, 30, 255) if 15 <= x < 45 and 10 <= y < 30 else (0, 0, 0, 0))
        for y in range(40) for x in range(60)))
    return gif_on_canvas(gif_frame(15, 10, 30, 20)), clear


def lzw_run(index, n):
    """Blocks of GIF's LZW with `n` pixels of one index, at codes of three bits."""
    number, at = 0, 0
    for code in [code for _ in range(n) for code in (4, index)] + [5]:
        number |= code << at
        at += 3
    data = number.to_bytes((at + 7) // 8, "little")
    return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255))


def extremes():
    """Pictures that are as flat or as small as possible."""
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
    """Invisible colours must not bleed: clear pixels are black and white."""
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


GROUPS = (orientations, colours, stated_colours, inks, depths, science, tiffs, stray_bytes, several, extremes, transparency)


def all_cases():
    return [case for group in GROUPS for case in group()]
