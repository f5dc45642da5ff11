# SPDX-License-Identifier: Apache-2.0
"""Image sequences of HEIF, made of still pictures. Source: ISO/IEC 14496-12, 8.2 to 8.7 and 12.1."""

import struct

import containers as make
import hevc

IDENTITY = (1, 0, 0, 1)
CLOCKWISE = (0, 1, -1, 0)


def _full(name, body):
    return make.box(name, bytes(4) + body)


def coded(heif):
    """Returns the configuration box of the first item, and its bytes."""
    iprp = heif.child(b"iprp")[1]
    (_name, start, end), _ipma = make.boxes(iprp)
    ipco = iprp[start + 8:end]
    config = next(ipco[a:b] for name, a, b in make.boxes(ipco) if name in (b"hvcC", b"av1C"))
    return config, hevc.item(heif)


def sequence(brand, entry, pictures, config, size, matrix=IDENTITY):
    """A file without a picture of its own, and with a track of `pictures`. `entry` is the name of
    its coding."""
    ftyp = make.box(b"ftyp", brand + bytes(4) + b"msf1" + brand)

    def moov(at):
        a, b, c, d = (value << 16 for value in matrix)
        head = _full(b"tkhd", bytes(20) + bytes(16) + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) +
                     struct.pack(">II", size[0] << 16, size[1] << 16))
        described = make.box(entry, bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", *size) +
                             bytes(50) + config)
        table = make.box(b"stbl", _full(b"stsd", struct.pack(">I", 1) + described) +
                         _full(b"stsz", struct.pack(f">II{len(pictures)}I", 0, len(pictures),
                                                    *map(len, pictures))) +
                         _full(b"stco", struct.pack(">II", 1, at)))
        handler = _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
        media = make.box(b"mdia", handler + make.box(b"minf", table))
        return make.box(b"moov", make.box(b"trak", head + media))

    at = len(ftyp) + len(moov(0)) + 8
    return ftyp + moov(at) + make.box(b"mdat", b"".join(pictures))


def sequence_of(*rasters, extension, options, matrix=IDENTITY):
    """Encodes each raster as a picture of its own."""
    parts = [coded(make.Heif(make.heif_of(raster, options=options, extension=extension))) for raster in rasters]
    brand, entry = (b"avis", b"av01") if extension == "avif" else (b"hevc", b"hvc1")
    return sequence(brand, entry, [data for _config, data in parts], parts[0][0],
                    (rasters[0].width, rasters[0].height), matrix)
