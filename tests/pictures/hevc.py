# SPDX-License-Identifier: Apache-2.0
"""HEVC pictures with edited slices. Source: ITU-T H.265, 7.3.1 and 7.3.6.1."""

import functools
import struct
import tempfile
from pathlib import Path

import containers as make
from raster import run

VCL_MAX, SPS, PPS = 31, 33, 34


def nals(data):
    """Returns the NAL units of an item, each after its length."""
    found, at = [], 0
    while at < len(data):
        end = at + 4 + struct.unpack_from(">I", data, at)[0]
        found.append(data[at + 4:end])
        at = end
    return found


def item(heif):
    """Returns the bytes of the first item, which heif-enc may store in parts."""
    iloc = heif.child(b"iloc")[1]
    base, n = struct.unpack_from(">IH", iloc, 12)
    places = [struct.unpack_from(">II", iloc, 18 + 8 * i) for i in range(n)]
    return b"".join(heif.data[base + offset:base + offset + length] for offset, length in places)


def is_slice(nal):
    return nal[0] >> 1 & 63 <= VCL_MAX


def _plain(body):
    return body.replace(b"\0\0\3", b"\0\0")


def _escaped(body):
    out, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def bits_of(nal):
    """Returns the bits after the head of a NAL unit, as a text of 0 and 1."""
    body = _plain(nal[2:])
    return format(int.from_bytes(body, "big"), f"0{len(body) * 8}b")


def with_bits(nal, bits):
    """Returns the unit with other bits after its head."""
    bits += "0" * (-len(bits) % 8)
    return nal[:2] + _escaped(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def golomb(number):
    text = format(number + 1, "b")
    return "0" * (len(text) - 1) + text


def _behind_golomb(bits, at):
    return at + 2 * (bits.index("1", at) - at) + 1


NO_FILTERS = ("no-sao=1", "no-deblock=1")  # with them, headers of slices have more in them


def words_for_x265(*words):
    return [part for word in (*NO_FILTERS, *words) for part in ("-p", f"x265:{word}")]


def moved(nal, address, address_bits, skipped_bits=0, entry_bits=0):
    """Returns a slice without filters as one that begins at block `address`; None for the first
    block. `skipped_bits` are those of its own address, and `entry_bits` say that its rows have no
    entry points."""
    bits = bits_of(nal)
    at = 3 + skipped_bits
    end = _behind_golomb(bits, _behind_golomb(bits, at)) + entry_bits  # its type, and its quantizer
    data = -(-(end + 1) // 8) * 8
    if bits[2] != "1" or int(bits[end:data], 2) != 1 << (data - end - 1):
        raise AssertionError("not the header of a slice that was expected")
    head = "1" if address is None else "0"
    head += bits[1:3] + ("" if address is None else format(address, f"0{address_bits}b")) + bits[at:end] + "1"
    return with_bits(nal, head + "0" * (-len(head) % 8) + bits[data:])


@functools.cache
def flat_heic(side):
    """A picture of one colour, in one slice, in blocks of 32 x 32, without filters."""
    with tempfile.TemporaryDirectory() as folder:
        run("vips", "black", f"{folder}/black.v", side, side, "--bands", "3")
        run("vips", "linear", f"{folder}/black.v", f"{folder}/grey.png", "1", "80", "--uchar")
        run("heif-enc", "-q", "30", *words_for_x265("ctu=32", "no-wpp=1"), f"{folder}/grey.png", "-o",
            f"{folder}/out.heic")
        return Path(folder, "out.heic").read_bytes()


def parameter_sets(properties):
    """Returns [(type, [NAL unit])] of the decoder's configuration, and the bytes before them."""
    body = next(p for p in properties if p[4:8] == b"hvcC")[8:]
    at, found = 23, []
    for _ in range(body[22]):
        kind, n = body[at] & 63, struct.unpack_from(">H", body, at + 1)[0]
        at += 3
        for _ in range(n):
            end = at + 2 + struct.unpack_from(">H", body, at)[0]
            found.append((kind, body[at + 2:end]))
            at = end
    return body[:22], found


def configuration(head, sets):
    """Returns the property with these parameter sets."""
    return make.box(b"hvcC", head + bytes([len(sets)]) + b"".join(
        struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit for kind, unit in sets))


def properties_of(heif):
    """All items get these parameter sets, because there is only one picture."""
    iprp = heif.child(b"iprp")[1]
    (_name, start, end), _ipma = make.boxes(iprp)
    ipco = iprp[start + 8:end]
    return [ipco[a:b] for _name, a, b in make.boxes(ipco)]


def with_picture(heif, units, properties):
    """Returns the file with the NAL units of another picture."""
    heif.add_item(b"hvc1", 101, b"".join(struct.pack(">I", len(unit)) + unit for unit in units), *properties)
    heif.set_primary(101)
    return heif.bytes()


def heif_slices_over(addresses, side=2048):
    """A picture in blocks of 32 x 32, and its one slice again at each of these blocks. As the slice
    has the bits of the whole picture, a decoder decodes the rest of the picture again for each of
    them."""
    heif = make.Heif(flat_heic(side))
    units = nals(item(heif))
    address_bits = ((side // 32) ** 2 - 1).bit_length()
    units += [moved(units[-1], address, address_bits) for address in addresses]
    return with_picture(heif, units, properties_of(heif))


def _tiled(kind, unit):
    """Returns the parameter sets for two tiles of 3 x 2 blocks side by side, from those for 3 x 4
    blocks."""
    bits = bits_of(unit)
    if kind == SPS:
        old = golomb(192) + golomb(256)
        if bits.count(old) != 1:
            raise AssertionError("not of 192 x 256")
        return with_bits(unit, bits.replace(old, golomb(384) + golomb(128)))
    if kind != PPS:
        return unit
    at = _behind_golomb(bits, _behind_golomb(bits, 0)) + 7
    for _ in range(3):
        at = _behind_golomb(bits, at)
    at += 3
    if bits[at - 1] == "1":
        at = _behind_golomb(bits, at)
    at = _behind_golomb(bits, _behind_golomb(bits, at)) + 4
    if bits[at:at + 2] != "01":  # no tiles, and rows in step
        raise AssertionError("not the parameters that were expected")
    return with_bits(unit, bits[:at] + "10" + golomb(1) + golomb(0) + "1" + "0" + bits[at + 2:])


def heif_slices_in_tiles(raster):
    """Returns a picture of 384 x 128 in two tiles side by side, of two slices each, from a raster
    of 192 x 256 in four slices, each a row of three blocks. The third slice begins at block 3,
    which comes after the second slice at block 6."""
    heif = make.Heif(make.heif_of(raster, options=("-q", "60", *words_for_x265("slices=4"))))
    properties = properties_of(heif)
    head, sets = parameter_sets(properties)
    new = configuration(head, [(kind, _tiled(kind, unit)) for kind, unit in sets])
    properties = [new if p[4:8] == b"hvcC" else make.ispe(384, 128) if p[4:8] == b"ispe" else p
                  for p in properties]
    units, addresses = [], [None, 6, 3, 9]
    for unit in nals(item(heif)):
        if is_slice(unit):
            address = addresses.pop(0)
            unit = moved(unit, address, 4, 0 if address is None else 4, 1)
        units.append(unit)
    if addresses:
        raise AssertionError("not four slices")
    return with_picture(heif, units, properties)
