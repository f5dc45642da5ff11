# SPDX-License-Identifier: Apache-2.0
"""TIFF files of the less common kinds, written byte by byte, and the pictures they stand for."""

import struct
import zlib

import containers as make
import profiles
from raster import run, scene

ZIP, OLD_JPEG, JPEG, GROUP_4 = 8, 6, 7, 4
WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, FILTER = 0, 1, 2, 3, 5, 6, 32803
# The meaning of a sample beside the colours.
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2


def pack(values, bits):
    """Whole numbers of a row, the highest bit first."""
    text = "".join(format(value, f"0{bits}b") for value in values)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def rows_of(raster, per_pixel):
    """[[numbers of a row]] by `per_pixel`, which returns those of a pixel."""
    pixels = raster.pixels()
    return [[value for pixel in pixels[y * raster.width:(y + 1) * raster.width]
             for value in per_pixel(pixel)] for y in range(raster.height)]


def grey_of(raster):
    return raster.map(lambda p: [p[1]] * 3, 3)


def ycbcr(pixel):
    """Full range, by the coefficients of BT.601, which TIFF takes unless it says otherwise."""
    r, g, b = pixel
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [max(0, min(255, round(v))) for v in
            (y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402)]


def page(raster, data, *, bits=8, samples=3, photometric=RGB, tags=None, rows=None):
    """`data` are the bytes of strips of `rows`, or all bytes."""
    strips = data if isinstance(data, list) else [data]
    tags = {**(tags or {}), 279: (4, [len(strip) for strip in strips])}
    made, _ = make.tiff_page(raster.width, raster.height, b"", bits=bits, samples=samples,
                             photometric=photometric, tags=tags, rows=rows or raster.height)
    return made, strips


def whole(raster, bits, kind="u", grey=False, rows=16):
    """Whole numbers of `bits`: unsigned, or signed, whose smallest one is black."""
    top, offset = (1 << bits) - 1, 1 << (bits - 1) if kind == "i" else 0

    def numbers(pixel):
        values = pixel[1:2] if grey else pixel
        return [round(value * top / 255) - offset for value in values]

    lines = rows_of(raster, numbers)
    code = {8: "b", 16: "h", 32: "i"}.get(bits)
    if code:
        code = code if kind == "i" else code.upper()
        packed = [struct.pack(f"<{len(line)}{code}", *line) for line in lines]
    else:
        packed = [pack(line, bits) for line in lines]
    strips = [b"".join(packed[y:y + rows]) for y in range(0, raster.height, rows)]
    samples = 1 if grey else 3
    tags = {339: (3, [2] * samples)} if kind == "i" else {}
    return make.tiff(page(raster, strips, bits=bits, samples=samples, photometric=GREY if grey else RGB,
                          tags=tags, rows=rows))


def one_strip(grey, compression):
    """12 bits in one strip, which is compressed."""
    lines = rows_of(grey, lambda p: [round(p[1] * 4095 / 255)])
    data = zlib.compress(b"".join(pack(line, 12) for line in lines))
    return make.tiff(page(grey, data, bits=12, samples=1, photometric=GREY, tags={259: (3, [compression])}))


def linear(value):
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def floats(raster, code, bits, grey=False):
    lines = rows_of(raster, lambda p: [linear(v) for v in (p[1:2] if grey else p)])
    samples = 1 if grey else 3
    data = b"".join(struct.pack(f"<{len(line)}{code}", *line) for line in lines)
    return make.tiff(page(raster, data, bits=bits, samples=samples, photometric=GREY if grey else RGB,
                          tags={339: (3, [3] * samples)}))


def floats_by_profile(raster, samples, profile, code="f", bits=32):
    """The numbers of the raster from 0 to 1, in the space of a profile."""
    data = struct.pack(f"<{len(raster.data)}{code}", *[v / 255 for v in raster.data])
    return make.tiff(page(raster, data, bits=bits, samples=samples, photometric=RGB if samples == 3 else CMYK,
                          tags={339: (3, [3] * samples), 34675: (7, profile)}))


def subsampled(raster, across, down):
    """Data units of `across` x `down` of luma and one of each colour, the mean."""
    width, height = raster.width, raster.height
    lines = rows_of(raster, ycbcr)
    out = bytearray()
    for top in range(0, height, down):
        for left in range(0, width, across):
            units = [lines[min(top + y, height - 1)][3 * min(left + x, width - 1):][:3]
                     for y in range(down) for x in range(across)]
            out += bytes(unit[0] for unit in units)
            out += bytes(round(sum(unit[band] for unit in units) / len(units)) for band in (1, 2))
    return bytes(out)


def ycbcr_file(raster, across=1, down=1, compression=1, separate=False):
    squeeze = zlib.compress if compression == ZIP else bytes
    tags = {259: (3, [compression]), 530: (3, [across, down])}
    if separate:
        lines = rows_of(raster, ycbcr)
        planes = [squeeze(b"".join(bytes(line[band::3]) for line in lines)) for band in range(3)]
        return make.tiff(page(raster, planes, photometric=YCBCR, tags={**tags, 284: (3, [2])}))
    return make.tiff(page(raster, squeeze(subsampled(raster, across, down)), photometric=YCBCR,
                          tags=tags))


def white_is_zero(clear, kind, separate=False):
    """A grey picture whose white is 0, with alpha, whose opaque is the largest number. `kind`: bits,
    or "float"."""
    def numbers(pixel):
        grey, alpha = pixel[1], pixel[3]
        if kind == "float":
            return [1 - linear(grey), alpha / 255]
        top = (1 << kind) - 1
        return [top - round(grey * top / 255), round(alpha * top / 255)]

    lines = rows_of(clear, numbers)
    bits = 64 if kind == "float" else kind

    def packed(values):
        return struct.pack(f"<{len(values)}d", *values) if kind == "float" else pack(values, bits)

    if separate:
        data = [b"".join(packed(line[band::2]) for line in lines) for band in range(2)]
    else:
        data = b"".join(packed(line) for line in lines)
    tags = {338: (3, [2]), 284: (3, [2 if separate else 1]),
            339: (3, [3 if kind == "float" else 1] * 2)}
    return make.tiff(page(clear, data, bits=bits, samples=2, photometric=WHITE_IS_ZERO, tags=tags))


def with_alpha(clear, kind, grey=False, alpha=ASSOCIATED, separate=False):
    """The picture with its alpha, by which the colours are multiplied if it is an associated one.
    `kind`: bits, or "f" or "d" of linear light."""
    def numbers(pixel):
        opacity = pixel[3] / 255
        share = opacity if alpha == ASSOCIATED else 1
        colors = pixel[1:2] if grey else pixel[:3]
        if kind in ("f", "d"):
            return [share * linear(v) for v in colors] + [opacity]
        top = (1 << kind) - 1
        return [round(share * v * top / 255) for v in colors] + [round(opacity * top)]

    lines, samples = rows_of(clear, numbers), 2 if grey else 4
    bits = {"f": 32, "d": 64}.get(kind, kind)

    def packed(values):
        code = {8: "B", 16: "H", "f": "f", "d": "d"}.get(kind)
        return struct.pack(f"<{len(values)}{code}", *values) if code else pack(values, bits)

    planes = [slice(i, None, samples) for i in range(samples)] if separate else [slice(None)]
    data = [b"".join(packed(line[plane]) for line in lines) for plane in planes]
    tags = {338: (3, [alpha]), 284: (3, [2 if separate else 1]),
            339: (3, [3 if kind in ("f", "d") else 1] * samples)}
    return make.tiff(page(clear, data, bits=bits, samples=samples,
                          photometric=GREY if grey else RGB, tags=tags))


def palette_with_alpha(clear, bits, alpha=UNASSOCIATED, separate=False):
    """(file, picture): indexes of a palette of 16 colours, each beside its alpha."""
    top = (1 << bits) - 1
    colors = [(17 * i, 255 - 15 * i, 9 * (i * 7 % 16)) for i in range(16)]

    def numbers(pixel):
        return [pixel[0] // 16, round(pixel[3] * top / 255)]

    seen = clear.map(lambda p: [*colors[p[0] // 16], round(numbers(p)[1] * 255 / top)], 4)
    lines = rows_of(clear, numbers)
    planes = [slice(0, None, 2), slice(1, None, 2)] if separate else [slice(None)]
    data = [b"".join(pack(line[plane], bits) for line in lines) for plane in planes]
    table = [[257 * color[band] for color in colors] + [0] * (top + 1 - 16) for band in range(3)]
    tags = {320: (3, sum(table, [])), 338: (3, [alpha]), 284: (3, [2 if separate else 1])}
    return make.tiff(page(clear, data, bits=bits, samples=2, photometric=PALETTE, tags=tags)), seen


def palette_with(clear, alphas, separate):
    """(file, picture): indexes of a palette, each beside samples of these meanings; [] is one that
    the file does not mention. Only a sample that the file calls alpha is one."""
    colors = [(255 - 17 * i, 15 * i, 9 * (i * 5 % 16)) for i in range(16)]
    n = 1 + max(1, len(alphas))
    is_alpha = UNASSOCIATED in alphas

    def numbers(pixel):
        return [pixel[0] // 16, 255 - pixel[3] if is_alpha else pixel[3], pixel[3]][:n]

    seen = clear.map(lambda p: [*colors[p[0] // 16], p[3]][:3 + is_alpha], 3 + is_alpha)
    lines = rows_of(clear, numbers)
    planes = [slice(i, None, n) for i in range(n)] if separate else [slice(None)]
    data = [b"".join(bytes(line[plane]) for line in lines) for plane in planes]
    table = [[257 * color[band] for color in colors] + [0] * 240 for band in range(3)]
    tags = {320: (3, sum(table, [])), 284: (3, [2 if separate else 1])}
    if alphas:
        tags[338] = (3, alphas)
    return make.tiff(page(clear, data, samples=n, photometric=PALETTE, tags=tags)), seen


def absent_plane(grey):
    """Grey, and a plane without a meaning, which has no bytes."""
    data = bytes(pixel[1] for pixel in grey.pixels())
    return make.tiff(page(grey, [data, b""], samples=2, photometric=GREY,
                          tags={338: (3, [UNSPECIFIED]), 284: (3, [2])}))


def separate_tiles(raster, bits=8, side=32):
    """Tiles of one band each."""
    pixels, tiles = raster.pixels(), []
    for band in range(3):
        for top in range(0, raster.height, side):
            for left in range(0, raster.width, side):
                values = [pixels[min(top + y, raster.height - 1) * raster.width +
                                 min(left + x, raster.width - 1)][band]
                          for y in range(side) for x in range(side)]
                tiles.append(bytes(values) if bits == 8 else
                             struct.pack(f"<{len(values)}H", *[value * 257 for value in values]))
    made, strips = page(raster, tiles, bits=bits)
    for tag in (273, 278, 279):
        made.pop(tag, None)
    return tiled(made, tiles, {284: (3, [2]), 322: (4, [side]), 323: (4, [side])})


def tiled(tags, tiles, more):
    """A file whose tiles lie behind its directory."""
    tags = {**tags, **more, 324: (4, [0] * len(tiles)), 325: (4, [len(tile) for tile in tiles])}
    at = 8 + len(make.tiff_directory(8, tags, 0))
    places = []
    for tile in tiles:
        places.append(at)
        at += len(tile)
    tags[324] = (4, places)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + b"".join(tiles)


def big(raster):
    """BigTIFF of one strip."""
    entries = {256: (4, raster.width), 257: (4, raster.height), 259: (3, 1), 262: (3, RGB),
               277: (3, 3), 278: (4, raster.height), 279: (16, len(raster.data))}
    n = len(entries) + 2
    end = 16 + 8 + 20 * n + 8
    packed = {258: struct.pack("<HHQHHHH", 258, 3, 3, 8, 8, 8, 0),
              273: struct.pack("<HHQQ", 273, 16, 1, end)}
    for tag, (kind, value) in entries.items():
        packed[tag] = struct.pack("<HHQQ", tag, kind, 1, value)
    return (b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, n) +
            b"".join(packed[tag] for tag in sorted(packed)) + bytes(8) + raster.data)


def reduced_first(raster, small):
    tags = {254: (4, [1])}
    return make.tiff(page(small, small.data, tags=tags), page(raster, raster.data))


def below(raster, small, photometric=RGB):
    """A reduced picture, and the full one in a directory below it; another one has samples behind a
    filter of colours, as in camera raw."""
    first, strips = page(small, small.data, tags={254: (4, [1]), 330: (4, [0, 0])})
    head = make.tiff(page(small, small.data, tags={254: (4, [1]), 330: (4, [0, 0])}))
    raw, _ = page(raster, bytes(raster.width * raster.height), samples=1, photometric=FILTER)
    full, _ = page(raster, raster.data, photometric=photometric)
    places, out = [], bytearray(head)
    for tags, data in ((raw, bytes(raster.width * raster.height)), (full, raster.data)):
        out += bytes(len(out) % 2)
        places.append(len(out))
        tags = {**tags, 273: (4, [0])}
        tags[273] = (4, [len(out) + len(make.tiff_directory(len(out), tags, 0))])
        out += make.tiff_directory(len(out), tags, 0) + data
    entry = out.index(struct.pack("<HHI", 330, 4, 2))
    struct.pack_into("<II", out, struct.unpack_from("<I", out, entry + 8)[0], *places)
    return bytes(out)


def old_jpeg(raster, planar=1, grey=False, moved=0):
    """JPEG of TIFF 6.0: the file as a whole (JPEGInterchangeFormat), whose place is stated wrongly
    by `moved` bytes."""
    data = make.jpeg_of(raster.map(lambda p: p[1:2], 1) if grey else raster)
    kind = {"samples": 1, "photometric": GREY} if grey else {"photometric": YCBCR}
    made, _ = page(raster, data, **kind, tags={
        284: (3, [planar]),
        259: (3, [OLD_JPEG]), 513: (4, [0]), 514: (4, [len(data)]), 530: (3, [1, 1])})
    at = 8 + len(make.tiff_directory(8, {**made, 273: (4, [0])}, 0))
    made.update({273: (4, [at]), 513: (4, [at + moved])})
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, made, 0) + data


def fax(raster):
    """CCITT group 4, by ImageMagick; (file, picture)"""
    seen = raster.map(lambda p: [255 * (p[0] + p[1] > 300)] * 3, 3)
    return run("convert", *make.raw(seen, "rgb"), "-monochrome", "-compress", "group4", "tiff:-",
               data=seen.data), seen


def unsaid(data):
    """The file without the entry that says what its samples mean: another tag stands there."""
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(order + "I", data, 4)[0]
    out = bytearray(data)
    for i in range(struct.unpack_from(order + "H", data, at)[0]):
        if struct.unpack_from(order + "H", data, at + 2 + 12 * i)[0] == 262:
            struct.pack_into(order + "H", out, at + 2 + 12 * i, 263)
    return bytes(out)


def kinds():
    """(name, file, picture, whether only roughly so)"""
    seen = scene()
    grey, small = grey_of(seen), scene(15, 10)
    for name, compression in (("none", 1), ("zip", ZIP)):
        yield f"ycbcr-444-{name}.tif", ycbcr_file(seen, compression=compression), seen, False
        yield f"ycbcr-planar-{name}.tif", ycbcr_file(seen, 1, 1, compression, True), seen, False
        for across, down in ((2, 1), (2, 2), (4, 2)):
            yield (f"ycbcr-{across}x{down}-{name}.tif", ycbcr_file(seen, across, down, compression), seen,
                   True)
    for bits in (2, 4, 6, 10, 12, 14, 24, 32):
        rough = bits < 6
        exact = seen.map(lambda p, top=(1 << bits) - 1: [round(round(v * top / 255) * 255 / top) for v in p], 3)
        exact_grey = grey_of(exact)
        if bits != 24:
            yield f"grey-{bits}.tif", whole(grey, bits, grey=True), exact_grey, rough
            yield f"rgb-{bits}.tif", whole(seen, bits), exact, rough
    yield "grey-12-one-strip.tif", whole(grey, 12, grey=True, rows=grey.height), grey, False
    yield "grey-12-one-strip-zip.tif", one_strip(grey, ZIP), grey, False
    for bits in (8, 16, 32):
        yield f"signed-{bits}.tif", whole(seen, bits, "i"), seen, False
        yield f"signed-grey-{bits}.tif", whole(grey, bits, "i", grey=True), grey, False
    linear_light = profiles.matrix_profile("linear", profiles.SRGB, gamma=1.0)
    bright = seen.map(lambda p: [round(255 * profiles.srgb_to_linear(v / 255)) for v in p], 3)
    yield "float-32-linear-profile.tif", floats_by_profile(bright, 3, linear_light), seen, True
    p3 = profiles.in_display_p3(seen)
    yield "float-32-p3.tif", floats_by_profile(p3, 3, profiles.DISPLAY_P3_ICC), seen, False
    yield "float-16-p3.tif", floats_by_profile(p3, 3, profiles.DISPLAY_P3_ICC, "e", 16), seen, False
    yield "float-32-cmyk.tif", floats_by_profile(profiles.in_cmyk(seen), 4, profiles.CMYK_ICC), seen, True
    yield "float-64.tif", floats(seen, "d", 64), seen, False
    yield "float-64-grey.tif", floats(grey, "d", 64, True), grey, False
    yield "float-16.tif", floats(seen, "e", 16), seen, False
    clear = scene(alpha=True).map(lambda p: [p[1]] * 3 + [p[3]], 4)
    for kind in (8, 12, "float"):
        yield f"white-is-zero-alpha-{kind}.tif", white_is_zero(clear, kind), clear, False
    for kind in (8, 12):
        yield f"white-is-zero-alpha-separate-{kind}.tif", white_is_zero(clear, kind, True), clear, False
    yield "tiles-separate-8.tif", separate_tiles(seen), seen, False
    yield "tiles-separate-16.tif", separate_tiles(seen, 16), seen, False
    yield "big.tif", big(seen), seen, False
    yield "reduced-first.tif", reduced_first(seen, small), seen, False
    yield "below.tif", below(seen, small), seen, False
    yield "old-jpeg.tif", old_jpeg(seen), seen, False
    yield "old-jpeg-grey.tif", old_jpeg(grey, grey=True), grey, False
    yield "old-jpeg-grey-misplaced.tif", old_jpeg(grey, grey=True, moved=6), grey, False
    yield "old-jpeg-misplaced.tif", old_jpeg(seen, moved=6), seen, False
    yield "absent-plane.tif", absent_plane(grey), grey, False
    data, bilevel = fax(seen)
    yield "group-4.tif", data, bilevel, False
    yield "group-4-unsaid.tif", unsaid(data), bilevel, False
    yield "rgb-unsaid.tif", unsaid(make.tiff(page(seen, seen.data))), seen, False
    lzw = run("convert", *make.raw(seen, "rgb"), "-compress", "lzw", "tiff:-", data=seen.data)
    yield "lzw.tif", lzw, seen, False


def transparent():
    """(name, file, picture) of files with alpha that libvips reads without it, or not as it is
    meant."""
    clear = scene(alpha=True)
    grey = clear.map(lambda p: [p[1]] * 3 + [p[3]], 4)
    for kind in (8, 12, 16, "f", "d"):
        yield f"associated-{kind}.tif", with_alpha(clear, kind), clear
        yield f"associated-grey-{kind}.tif", with_alpha(grey, kind, grey=True), grey
    yield "associated-separate-8.tif", with_alpha(clear, 8, separate=True), clear
    yield "associated-separate-12.tif", with_alpha(clear, 12, separate=True), clear
    yield "associated-separate-grey.tif", with_alpha(grey, 8, grey=True, separate=True), grey
    yield "unassociated-12.tif", with_alpha(clear, 12, alpha=UNASSOCIATED), clear
    for bits in (4, 8):
        yield f"palette-alpha-{bits}.tif", *palette_with_alpha(clear, bits)
        yield f"palette-alpha-separate-{bits}.tif", *palette_with_alpha(clear, bits, separate=True)
    for alphas in ([], [UNSPECIFIED], [UNSPECIFIED, UNASSOCIATED]):
        for separate in (False, True):
            name = "-".join(map(str, alphas or ["unsaid"])) + "-separate" * separate
            yield f"palette-beside-{name}.tif", *palette_with(clear, alphas, separate)
    # An index cannot be multiplied by alpha, whatever the file says.
    yield "palette-associated.tif", *palette_with_alpha(clear, 8, ASSOCIATED)


def unreadable():
    """{name: file} of kinds that nothing here reads."""
    seen = scene(30, 20)
    raw = page(seen, bytes(seen.width * seen.height), samples=1, photometric=FILTER)
    mixed = page(seen, bytes(seen.width * seen.height * 2), tags={258: (3, [5, 6, 5])})
    complex_numbers = page(seen, bytes(seen.width * seen.height * 8), bits=64, samples=1,
                           photometric=GREY, tags={339: (3, [6])})
    wide = page(seen, bytes(seen.width * seen.height * 6), bits=16, photometric=YCBCR,
                tags={530: (3, [1, 1])})
    unknown = page(seen, seen.data, tags={259: (3, [34712])})
    # The header of JPEG without loss, as medical programs write it.
    exact = make.jpeg_of(seen).replace(b"\xff\xc0", b"\xff\xc3")
    lossless = page(seen, exact, photometric=YCBCR, tags={259: (3, [JPEG]), 530: (3, [1, 1])})
    planes = page(seen, [bytes(600), bytes(150), bytes(150)], photometric=YCBCR,
                  tags={284: (3, [2]), 530: (3, [2, 2])})
    deep = page(seen, bytes(seen.width * seen.height * 2), bits=16, samples=1, photometric=PALETTE,
                tags={320: (3, [0] * 3 * 65536)})
    # L*a*b* has no whole numbers of 32 bits.
    lab = page(seen, bytes(seen.width * seen.height * 12), bits=32, photometric=8)
    return {"lab-32.tif": make.tiff(lab), "raw.tif": make.tiff(raw), "mixed.tif": make.tiff(mixed),
            "complex.tif": make.tiff(complex_numbers), "jpeg-2000.tif": make.tiff(unknown),
            "ycbcr-16.tif": make.tiff(wide), "old-jpeg-planes.tif": old_jpeg(seen, planar=2),
            "jpeg-lossless.tif": make.tiff(lossless), "ycbcr-planes.tif": make.tiff(planes),
            "palette-16.tif": make.tiff(deep)}
