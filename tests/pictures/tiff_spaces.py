# SPDX-License-Identifier: Apache-2.0
"""TIFF files in other colour spaces than RGB, with and without alpha, and the pictures they stand for."""

import struct
import zlib

import containers as make
import profiles
from raster import scene
from tiff_files import ASSOCIATED, CMYK, GREY, UNASSOCIATED, UNSPECIFIED, WHITE_IS_ZERO, ZIP, grey_of, linear, page

LAB = 8
FLOAT = 3


def file_of(raster, numbers, code, photometric, tags=None, separate=False, zipped=False):
    """A file of the numbers of each pixel. `code`: of struct, for all samples or for each."""
    samples = len(numbers(raster.pixels()[0]))
    pixels = [numbers(pixel) for pixel in raster.pixels()]
    bands = list(code) if len(code) > 1 else [code] * samples
    if separate:
        data = [b"".join(struct.pack("<" + bands[i], pixel[i]) for pixel in pixels) for i in range(samples)]
    else:
        data = b"".join(struct.pack("<" + "".join(bands), *pixel) for pixel in pixels)
    bits = 8 * struct.calcsize("<" + bands[0])
    tags = {**(tags or {}), 284: (3, [2 if separate else 1])}
    if zipped:
        data, tags[259] = zlib.compress(data), (3, [ZIP])
    if bands[0] in "fd":
        tags[339] = (3, [FLOAT] * samples)
    return make.tiff(page(raster, data, bits=bits, samples=samples, photometric=photometric, tags=tags))


def lab(clear, bits, alpha=UNASSOCIATED, separate=False):
    """L*, a*, b* and alpha, by which they are multiplied if it is an associated one."""
    top = (1 << bits) - 1
    scale = 1 if bits == 8 else 256

    def numbers(pixel):
        share = pixel[3] / 255 if alpha == ASSOCIATED else 1
        lightness, a, b = profiles.to_lab(pixel)
        return [round(share * lightness * top / 100), round(share * a * scale), round(share * b * scale),
                round(pixel[3] * top / 255)]

    return file_of(clear, numbers, "BbbB" if bits == 8 else "HhhH", LAB, {338: (3, [alpha])}, separate)


def lab_floats(raster, code="f", alpha=UNASSOCIATED, separate=False, zipped=False):
    """L*, a* and b* as they are, and alpha from 0 to 255, as libvips writes them."""
    def numbers(pixel):
        share = pixel[3] / 255 if alpha == ASSOCIATED else 1
        return [share * v for v in profiles.to_lab(pixel[:3])] + list(pixel[3:])

    tags = {338: (3, [alpha])} if raster.bands == 4 else {}
    return file_of(raster, numbers, code, LAB, tags, separate, zipped)


def inks(clear, code, alpha=UNASSOCIATED):
    """Cyan, magenta, yellow, black and alpha, by a profile."""
    top = {"B": 255, "H": 65535, "I": (1 << 32) - 1, "f": 1, "d": 1}[code]
    cmyk = profiles.in_cmyk(clear.map(lambda p: p[:3], 3)).pixels()
    place = {}
    for pixel, ink in zip(clear.pixels(), cmyk):
        place[pixel] = ink

    def numbers(pixel):
        share = pixel[3] / 255 if alpha == ASSOCIATED else 1
        values = [share * v / 255 * top for v in place[pixel]] + [pixel[3] / 255 * top]
        return values if code in "fd" else [round(v) for v in values]

    return file_of(clear, numbers, code, CMYK, {338: (3, [alpha]), 34675: (7, profiles.CMYK_ICC)})


def grey_floats(raster, code, gamma, alpha=False, photometric=GREY):
    """Numbers of a grey profile, which has a gamma."""
    def numbers(pixel):
        grey = linear(pixel[1]) ** (1 / gamma)
        return [grey if photometric == GREY else 1 - grey] + ([pixel[3] / 255] if alpha else [])

    tags = {34675: (7, profiles.grey_profile(gamma))}
    if alpha:
        tags[338] = (3, [UNASSOCIATED])
    return file_of(raster, numbers, code, photometric, tags)


def kinds():
    """(name, file, picture)"""
    clear = scene(alpha=True)
    for bits in (8, 16):
        yield f"lab-alpha-{bits}.tif", lab(clear, bits), clear
        yield f"lab-alpha-unsaid-{bits}.tif", lab(clear, bits, UNSPECIFIED), clear
        yield f"lab-alpha-separate-{bits}.tif", lab(clear, bits, separate=True), clear
    yield "lab-associated-16.tif", lab(clear, 16, ASSOCIATED), clear
    yield "lab-float.tif", lab_floats(scene()), scene()
    yield "lab-float-separate.tif", lab_floats(scene(), separate=True), scene()
    yield "lab-float-64.tif", lab_floats(scene(), "d"), scene()
    yield "lab-float-alpha-zip.tif", lab_floats(clear, zipped=True), clear
    for name, alpha in (("alpha", UNASSOCIATED), ("alpha-unsaid", UNSPECIFIED), ("associated", ASSOCIATED)):
        yield f"lab-float-{name}.tif", lab_floats(clear, alpha=alpha), clear
    for code in "BHIfd":
        yield f"cmyk-alpha-{code}.tif", inks(clear, code), clear
    for code in "Hf":
        yield f"cmyk-associated-{code}.tif", inks(clear, code, ASSOCIATED), clear
    grey, clear_grey = grey_of(scene()), clear.map(lambda p: [p[1]] * 3 + [p[3]], 4)
    for code in "fd":
        yield f"grey-profile-{code}.tif", grey_floats(grey, code, 1.8), grey
        yield f"grey-profile-alpha-{code}.tif", grey_floats(clear_grey, code, 1.8, alpha=True), clear_grey
        yield f"grey-profile-white-{code}.tif", grey_floats(grey, code, 1.8, photometric=WHITE_IS_ZERO), grey
        yield f"grey-white-{code}.tif", file_of(grey, lambda p: [1 - linear(p[1])], code, WHITE_IS_ZERO), grey
