# SPDX-License-Identifier: Apache-2.0
"""Writes picture files byte by byte, so that each has exactly the property of its case. Other
programs encode the pixels of JPEG, WebP, GIF, HEIC and AVIF (ImageMagick, the tools of libwebp and
libheif). PNG and TIFF, and all metadata, are put together here."""

import functools
import pathlib
import struct
import tempfile
import zlib

from raster import run

def exif(orientation):
    """A TIFF block with one tag."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def exif_dates(original=None, offset=None, changed=None):
    """A TIFF block with the texts of DateTimeOriginal, OffsetTimeOriginal, and DateTime."""
    def text(value):
        return (2, value.encode() + b"\0")

    first = {306: text(changed)} if changed else {}
    first[34665] = (4, [0])
    second = {tag: text(value) for tag, value in ((36867, original), (36881, offset)) if value}
    at = 8 + len(tiff_directory(8, first, 0))
    first[34665] = (4, [at])
    return b"II*\0" + struct.pack("<I", 8) + tiff_directory(8, first, 0) + (
        tiff_directory(at, second, 0) if second else bytes(6))


def xmp(*properties):
    """XMP whose description has these attributes."""
    return ("<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/"
            "22-rdf-syntax-ns#'><rdf:Description rdf:about='' " + " ".join(properties) +
            "/></rdf:RDF></x:xmpmeta>").encode()


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


PNG_TYPES = {"grey": 0, "rgb": 2, "palette": 3, "grey+alpha": 4, "rgb+alpha": 6}


def png(width, height, kind, rows, bits=8, chunks=(), level=6):
    """A PNG file. `rows` are the bytes of each row, as PNG packs them."""
    head = struct.pack(">IIBBBBB", width, height, bits, PNG_TYPES[kind], 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), level)
    body = [png_chunk(b"IHDR", head), *chunks, png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def rows_of(data, height):
    stride = len(data) // height
    return [data[y * stride:(y + 1) * stride] for y in range(height)]


def png_of(raster, chunks=()):
    return png(raster.width, raster.height, "rgb" if raster.bands == 3 else "rgb+alpha",
               rows_of(raster.data, raster.height), chunks=chunks)


def png_text(keyword, text, name=b"tEXt"):
    if name == b"iTXt":
        return png_chunk(name, keyword + b"\0\1\0\0\0" + zlib.compress(text, 9))
    if name == b"zTXt":
        return png_chunk(name, keyword + b"\0\0" + zlib.compress(text, 9))
    return png_chunk(name, keyword + b"\0" + text)


def png_xmp(block):
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + block)


def png_deflated_xmp(block):
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(block, 9))


def gif_with_xmp(picture, block):
    """The picture with XMP in front of its end. Source: XMP specification, part 3, section 1.1.2."""
    trailer = bytes((1, *range(255, -1, -1), 0))
    return picture[:-1] + b"\x21\xff\x0bXMP DataXMP" + block + trailer + picture[-1:]


def png_behind(picture, *chunks):
    """The picture with more chunks behind its pixels."""
    return picture[:-12] + b"".join(chunks) + picture[-12:]


def png_icc(profile, level=9):
    return png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(profile, level))


TIFF_LAYOUT = {1: ("s", 1), 2: ("s", 1), 3: ("H", 2), 4: ("I", 4), 7: ("s", 1)}


def tiff_directory(at, tags, next_at):
    """A directory at `at`. Values that do not fit into it follow it. `tags`: {tag: (type,
    values)}."""
    entries, extra = b"", b""
    extra_at = at + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        code, size = TIFF_LAYOUT[kind]
        n = len(values)
        packed = bytes(values) if code == "s" else struct.pack(f"<{n}{code}", *values)
        if len(packed) > 4:
            entries += struct.pack("<HHII", tag, kind, n, extra_at + len(extra))
            extra += packed + b"\0" * (len(packed) % 2)
        else:
            entries += struct.pack("<HHI", tag, kind, n) + packed.ljust(4, b"\0")
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", next_at) + extra


def tiff_page(width, height, data, *, bits=8, samples=3, photometric=2, tags=None, rows=16):
    """One page for `tiff`: uncompressed strips of `rows`."""
    stride = len(data) // height
    strips = [data[y * stride:(y + rows) * stride] for y in range(0, height, rows)]
    base = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * samples), 259: (3, [1]),
            262: (3, [photometric]), 277: (3, [samples]), 278: (4, [rows]), 284: (3, [1]),
            279: (4, [len(strip) for strip in strips])}
    return {**base, **(tags or {})}, strips


def tiff(*pages):
    """Directories come before their pixels, so that a truncated file can still be opened."""
    out, at = b"II*\0" + struct.pack("<I", 8), 8
    for i, (tags, strips) in enumerate(pages):
        tags = {**tags, 273: (4, [0] * len(strips))}
        pixels_at = at + len(tiff_directory(at, tags, 0))
        offsets, end = [], pixels_at
        for strip in strips:
            offsets.append(end)
            end += len(strip)
        end += end % 2
        tags[273] = (4, offsets)
        body = tiff_directory(at, tags, end if i + 1 < len(pages) else 0) + b"".join(strips)
        out += body.ljust(end - at, b"\0")
        at = end
    return out


def tiff_of(raster, tags=None):
    alpha = {338: (3, [2])} if raster.bands == 4 else {}
    return tiff(tiff_page(raster.width, raster.height, raster.data, samples=raster.bands,
                          tags={**alpha, **(tags or {})}))


def jpeg_segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(picture, *segments):
    """Returns the picture with more segments right after its start."""
    return picture[:2] + b"".join(segments) + picture[2:]


def jpeg_exif(block):
    return jpeg_segment(0xe1, b"Exif\0\0" + block)


def jpeg_xmp(block):
    return jpeg_segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0" + block)


def jpeg_icc(profile):
    parts = [profile[at:at + 65000] for at in range(0, len(profile), 65000)]
    return b"".join(jpeg_segment(0xe2, b"ICC_PROFILE\0" + bytes([i + 1, len(parts)]) + part)
                    for i, part in enumerate(parts))


def jpeg_without(picture, marker):
    """Returns the picture without its segments of one kind."""
    out, at = picture[:2], 2
    while picture[at + 1] != 0xda:
        length = 2 + struct.unpack_from(">H", picture, at + 2)[0]
        if picture[at + 1] != marker:
            out += picture[at:at + length]
        at += length
    return out + picture[at:]


def raw(raster, kind):
    """Returns ImageMagick's arguments for samples on its standard input."""
    return ["-size", f"{raster.width}x{raster.height}", "-depth", "8", f"{kind}:-"]


@functools.cache
def jpeg_of(raster, *options):
    """A JPEG file of high quality and full chroma, by libjpeg through ImageMagick."""
    kind = {1: "gray", 3: "rgb", 4: "cmyk"}[raster.bands]
    return run("convert", *raw(raster, kind), "-quality", "97", "-sampling-factor", "1x1", *options,
               "jpeg:-", data=raster.data)


@functools.cache
def jpeg_of_inks(raster):
    """A CMYK JPEG file without a mark, where 0 is no ink. The vips program uses libjpeg, and writes
    the inks inverted, marked by Adobe's segment, and (unlike ImageMagick) not converted to YCCK."""
    page = tiff_page(raster.width, raster.height, bytes(255 - v for v in raster.data), samples=4,
                     photometric=5)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "in.tif").write_bytes(tiff(page))
        run("vips", "jpegsave", f"{folder}/in.tif", f"{folder}/out.jpg", "--Q", "97",
            "--subsample-mode", "off", "--strip")
        return jpeg_without(pathlib.Path(folder, "out.jpg").read_bytes(), 0xee)


def multi_picture_jpeg(first, second):
    """A file of two JPEGs, of which the index names the second as a gain map. Source: CIPA
    DC-007."""
    def index(first_size, second_size, second_at):
        entries = struct.pack(">IIIHHIIIHH", 0x030000, first_size, 0, 0, 0, 0, second_size,
                              second_at, 0, 0)
        head = b"MM\0*\0\0\0\x08" + struct.pack(">H", 3)
        head += struct.pack(">HHI4s", 0xb000, 7, 4, b"0100")
        head += struct.pack(">HHII", 0xb001, 4, 1, 2)
        head += struct.pack(">HHII", 0xb002, 7, 32, 8 + 2 + 36 + 4)
        return jpeg_segment(0xe2, b"MPF\0" + head + bytes(4) + entries)

    size = len(first) + len(index(0, 0, 0))
    base = 2 + 4 + 4  # offsets count from the index's own header
    return jpeg_with(first, index(size, len(second), size - base)) + second


@functools.cache
def webp_of(raster, *options):
    return run("cwebp", "-quiet", *(options or ("-lossless", "-exact")), "-o", "-", "--", "-",
               data=png_of(raster))


def riff_chunk(name, body):
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_extended(picture, width, height, *, alpha=False, icc=None, exif_block=None,
                  xmp_block=None):
    """Returns a simple WebP file in the extended container, with metadata."""
    flags = 0x10 * alpha | 0x20 * (icc is not None) | 0x08 * (exif_block is not None)
    flags |= 0x04 * (xmp_block is not None)
    body = picture[12:]
    if body[:4] == b"VP8X":
        body = body[18:]
    chunks = [riff_chunk(b"VP8X", struct.pack("<I", flags) + struct.pack("<I", width - 1)[:3] +
                         struct.pack("<I", height - 1)[:3])]
    if icc is not None:
        chunks.append(riff_chunk(b"ICCP", icc))
    chunks.append(body)
    if exif_block is not None:
        chunks.append(riff_chunk(b"EXIF", exif_block))
    if xmp_block is not None:
        chunks.append(riff_chunk(b"XMP ", xmp_block))
    return riff(*chunks)


@functools.cache
def webp_animation(frames, delays_ms, loops):
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for i, (frame, delay) in enumerate(zip(frames, delays_ms)):
            path = pathlib.Path(folder, f"{i}.png")
            path.write_bytes(png_of(frame))
            words += ["-d", delay, "-lossless", path]
        run("img2webp", "-loop", loops, *words, "-o", f"{folder}/out.webp")
        return pathlib.Path(folder, "out.webp").read_bytes()


@functools.cache
def gif_of(frames, delays_cs=(10,), loops=0):
    """An animation with at most 256 colours per frame, without dithering."""
    with tempfile.TemporaryDirectory() as folder:
        words = []
        for i, frame in enumerate(frames):
            path = pathlib.Path(folder, f"{i}.png")
            path.write_bytes(png_of(frame))
            words += ["-delay", delays_cs[i % len(delays_cs)], path]
        return run("convert", "-loop", loops, *words, "+dither", "-colors", "256", "gif:-")


@functools.cache
def heif_of(*rasters, options=("-q", "95", "-p", "chroma=444"), extension="heic", icc=None):
    """Encodes with heif-enc. The first raster is the primary picture."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, raster in enumerate(rasters):
            paths.append(pathlib.Path(folder, f"{i}.png"))
            paths[-1].write_bytes(png_of(raster, [png_icc(icc)] if icc else ()))
        out = pathlib.Path(folder, f"out.{extension}")
        run("heif-enc", *options, *paths, "-o", out)
        return out.read_bytes()


def heif_with_colours(data, primaries, transfer):
    """The file with code points of its colours; heif-enc writes none, or that they are unknown."""
    if b"colrnclx" not in data:
        heif = Heif(data)
        heif.add_properties(heif.items()[0], box(b"colr", b"nclx" + struct.pack(
            ">HHHB", primaries, transfer, 6, 0x80)))
        return heif.bytes()
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4:]


def box(name, body):
    return struct.pack(">I", len(body) + 8) + name + body


def boxes(data, at=0):
    """Returns [(name, start, end)] of the boxes in `data` from `at` on."""
    found = []
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        found.append((name, at, at + size if size else len(data)))
        at = found[-1][2]
    return found


class Heif:
    """A HEIF file whose `meta` box can be edited. Source: ISO/IEC 14496-12, 23008-12."""

    def __init__(self, data):
        self.data = data
        (name, start, end), = [b for b in boxes(data) if b[0] == b"meta"]
        self.start, self.end = start, end
        self.full = data[start + 8:start + 12]
        self.children = [[child, data[a + 8:b]] for child, a, b in boxes(data[:end], start + 12)]

    def child(self, name):
        return next(child for child in self.children if child[0] == name)

    def set_primary(self, item):
        self.child(b"pitm")[1] = bytes(4) + struct.pack(">H", item)

    def items(self):
        """Returns the ids in the order of the file."""
        body = self.child(b"iinf")[1]
        return [struct.unpack_from(">H", body, start + 12)[0] for _n, start, _e in boxes(body, 6)]

    def add_properties(self, item, *properties):
        """Adds boxes that describe or transform an item, after its other boxes."""
        iprp = self.child(b"iprp")
        (_, a, b), (_, c, d) = boxes(iprp[1])
        ipco, ipma = iprp[1][a + 8:b], bytearray(iprp[1][c + 8:d])
        first = len(boxes(ipco)) + 1
        n_items, at = struct.unpack_from(">I", ipma, 4)[0], 8
        for _ in range(n_items):
            found, n = struct.unpack_from(">HB", ipma, at)
            if found == item:
                ipma[at + 2] = n + len(properties)
                more = bytes(0x80 | (first + i) for i in range(len(properties)))
                ipma[at + 3 + n:at + 3 + n] = more
                break
            at += 3 + n
        iprp[1] = box(b"ipco", ipco + b"".join(properties)) + box(b"ipma", bytes(ipma))

    def refer(self, kind, item, *to):
        if all(name != b"iref" for name, _body in self.children):
            self.children.append([b"iref", bytes(4)])
        self.child(b"iref")[1] += box(kind, struct.pack(f">HH{len(to)}H", item, len(to), *to))

    def add_item(self, name, item, content, *properties, kind=b""):
        """Adds an item, with its content at the end of the file."""
        iinf, iloc, iprp = (self.child(name) for name in (b"iinf", b"iloc", b"iprp"))
        info = box(b"infe", b"\2\0\0\0" + struct.pack(">HH4sB", item, 0, name, 0) + kind)
        iinf[1] = iinf[1][:4] + struct.pack(">H", len(self.items()) + 1) + iinf[1][6:] + info
        if iloc[1][4] != 0x44:  # offsets and lengths of four bytes
            raise AssertionError("an iloc box of another form than expected")
        place = struct.pack(">HHIHII", item, 0, len(self.data), 1, 0, len(content))
        n_places = struct.unpack_from(">H", iloc[1], 6)[0]
        iloc[1] = iloc[1][:6] + struct.pack(">H", n_places + 1) + iloc[1][8:] + place
        (_, a, b), (_, c, d) = boxes(iprp[1])
        ipma = iprp[1][c + 8:d]
        n_items = struct.unpack_from(">I", ipma, 4)[0]
        ipma = ipma[:4] + struct.pack(">I", n_items + 1) + ipma[8:] + struct.pack(">HB", item, 0)
        iprp[1] = iprp[1][a:b] + box(b"ipma", ipma)
        self.data += content
        self.add_properties(item, *properties)

    def add_identity(self, item, of, *properties):
        """Adds a picture that is another one, turned or cut. It has no bytes, so no place."""
        self.add_item(b"iden", item, b"", *properties)
        iloc = self.child(b"iloc")
        n_places = struct.unpack_from(">H", iloc[1], 6)[0]
        iloc[1] = iloc[1][:6] + struct.pack(">H", n_places - 1) + iloc[1][8:-18]
        self.refer(b"dimg", item, of)

    def add_exif(self, item, block):
        """EXIF of an item. In front of the block stands its offset."""
        self.add_item(b"Exif", 200, bytes(4) + block)
        self.refer(b"cdsc", 200, item)

    def add_xmp(self, item, block):
        self.add_item(b"mime", 201, block, kind=b"application/rdf+xml\0")
        self.refer(b"cdsc", 201, item)

    def bytes(self):
        """Returns the file. The places of the pixels follow the size of `meta`."""
        size = 12 + sum(8 + len(body) for _name, body in self.children)
        moved = size - (self.end - self.start)
        out = b""
        for name, body in self.children:
            out += box(name, self._moved(body, moved) if name == b"iloc" else body)
        return (self.data[:self.start] + struct.pack(">I4s", size, b"meta") + self.full + out +
                self.data[self.end:])

    @staticmethod
    def _moved(iloc, moved):
        """libheif writes version 0 with base offsets of 4 bytes, which are places in the file."""
        out, at = bytearray(iloc), 8
        if iloc[0] != 0 or iloc[5] >> 4 != 4:
            raise AssertionError("an iloc box of another form than expected")
        offset_size, length_size = iloc[4] >> 4, iloc[4] & 15
        for _ in range(struct.unpack_from(">H", iloc, 6)[0]):
            base, n = struct.unpack_from(">IH", out, at + 4)
            struct.pack_into(">I", out, at + 4, base + moved)
            at += 10 + n * (offset_size + length_size)
        return bytes(out)


def irot(quarters):
    """A property that turns the picture by `quarters` anti-clockwise."""
    return box(b"irot", bytes([quarters]))


def clap(width, height, right, down):
    """A property that cuts the picture: a size, and how far its middle lies from the picture's."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1))


def ispe(width, height):
    """A property that declares the size of an item."""
    return box(b"ispe", bytes(4) + struct.pack(">II", width, height))


def heif_grid(raster, columns, rows, tile, size):
    """A grid that declares `size`. It repeats one tile in columns x rows, and the tile declares
    `tile`."""
    heif = Heif(heif_of(raster))
    first = heif.items()[0]
    content = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *tile)
    heif.add_item(b"grid", 100, content, ispe(*size))
    heif.refer(b"dimg", 100, *[first] * (columns * rows))
    heif.set_primary(100)
    return heif.bytes()


def heif_overlay(raster, places, size):
    """An overlay that declares `size`, and lays one picture at each of `places`."""
    heif = Heif(heif_of(raster))
    first = heif.items()[0]
    content = struct.pack(">BB4HII", 0, 1, 0, 0, 0, 0xffff, *size)
    content += b"".join(struct.pack(">ii", *place) for place in places)
    heif.add_item(b"iovl", 100, content, ispe(*size))
    heif.refer(b"dimg", 100, *[first] * len(places))
    heif.set_primary(100)
    return heif.bytes()


def heif_in_parts(data, is_open):
    """The file with its first item in two parts of the `meta` box, the second half first. That box
    is the last one; with `is_open` it states no size."""
    heif = Heif(data)
    iloc = heif.child(b"iloc")[1]
    base, n = struct.unpack_from(">IH", iloc, 12)
    places = [struct.unpack_from(">II", iloc, 18 + 8 * i) for i in range(n)]
    item = b"".join(data[base + at:base + at + length] for at, length in places)
    half = len(item) // 2
    rest = len(item) - half
    heif.child(b"iloc")[1] = struct.pack(">IBBHHHHHIIII", 1 << 24, 0x44, 0, 1, heif.items()[0], 1, 0, 2,
                                         rest + 3, half, 0, rest)
    heif.children.append([b"idat", item[half:] + b"gap" + item[:half]])
    body = heif.full + b"".join(box(*child) for child in heif.children)
    return data[:heif.start] + struct.pack(">I4s", 0 if is_open else len(body) + 8, b"meta") + body


def imir(sides):
    """A property that mirrors the picture: it exchanges left and right, or else top and bottom."""
    return box(b"imir", bytes([1 if sides else 0]))
