# SPDX-License-Identifier: Apache-2.0
"""The date of a picture, wherever its file states it, and the name of that place."""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import containers as make  # noqa: E402
from harness import E2ETest, main  # noqa: E402
from raster import scene  # noqa: E402

CONFIG = "[rendition look]\nsize = 96x96\nformat = png\n"
PICTURE = scene()
SIZE = (PICTURE.width, PICTURE.height)
DAY = "2015:05:05 05:05:05"
SEEN = "2015-05-05T05:05:05"
OTHER = "2020:01:01 00:00:00"
XMP_DAY = "xmp:CreateDate='2015-05-05T05:05:05+02:00'"


def png_time(*parts):
    return make.png_chunk(b"tIME", struct.pack(">HBBBBB", *parts))


def heif(block=None, xmp=None):
    file = make.Heif(make.heif_of(PICTURE))
    item = file.items()[0]
    if block:
        file.add_exif(item, block)
    if xmp:
        file.add_xmp(item, xmp)
    return file.bytes()


def webp(block=None, xmp=None):
    return make.webp_extended(make.webp_of(PICTURE), *SIZE, exif_block=block, xmp_block=xmp)


def big_tiff(tags):
    """BigTIFF of one strip; `tags`: more entries, each {tag: text}."""
    entries = {256: (4, SIZE[0]), 257: (4, SIZE[1]), 258: (3, 8), 259: (3, 1), 262: (3, 1),
               277: (3, 1), 278: (4, SIZE[1]), 279: (4, SIZE[0] * SIZE[1])}
    n = len(entries) + 1 + len(tags)
    at = 16 + 8 + 20 * n + 8
    texts, packed = b"", {}
    for tag, text in tags.items():
        data = text.encode() + b"\0"
        packed[tag] = struct.pack("<HHQQ", tag, 2, len(data), at + len(texts))
        texts += data
    for tag, (kind, value) in {**entries, 273: (4, at + len(texts))}.items():
        packed[tag] = struct.pack("<HHQQ", tag, kind, 1, value)
    return (b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, n) +
            b"".join(packed[tag] for tag in sorted(packed)) + bytes(8) + texts +
            bytes(SIZE[0] * SIZE[1]))


def files():
    """{name: (file, date, offset, source)}"""
    both = make.exif_dates(DAY, "+02:00", changed=OTHER)
    changed = make.exif_dates(changed=DAY)
    xmp = make.xmp(XMP_DAY)
    plain, jpeg = make.png_of(PICTURE), make.jpeg_of(PICTURE)

    def text(keyword, value, name=b"tEXt"):
        return make.png_of(PICTURE, [make.png_text(keyword, value, name)])

    def exif_jpeg(*arguments, **options):
        return make.jpeg_with(jpeg, make.jpeg_exif(make.exif_dates(*arguments, **options)))

    def xmp_jpeg(*properties):
        return make.jpeg_with(jpeg, make.jpeg_xmp(make.xmp(*properties)))

    return {
        "exif.jpg": (exif_jpeg(DAY, "+02:00"), SEEN, "+02:00", "exif"),
        "zone-in-text.jpg": (exif_jpeg(DAY + "+02:00"), SEEN, "+02:00", "exif"),
        "fraction.jpg": (exif_jpeg(DAY + ".250-09:30"), SEEN, "-09:30", "exif"),
        "zone-tag-first.jpg": (exif_jpeg(DAY + "Z", "+02:00"), SEEN, "+02:00", "exif"),
        "no-seconds.jpg": (exif_jpeg("2015:05:05 05:05"), SEEN[:-2] + "00", "", "exif"),
        "blanks.jpg": (exif_jpeg("2015: 5: 5  5: 5: 5"), SEEN, "", "exif"),
        "blank-seconds.jpg": (exif_jpeg("2015:05:05 05:05:  "), SEEN[:-2] + "00", "", "exif"),
        "xmp.jpg": (xmp_jpeg(XMP_DAY), SEEN, "+02:00", "xmp"),
        "xmp-created.jpg": (xmp_jpeg("photoshop:DateCreated='2015-05-05T05:05:05Z'", "xmp:CreateDate"
                                     "='2020-01-01T00:00:00'"), SEEN, "Z", "xmp"),
        "xmp-minutes.jpg": (xmp_jpeg("xmp:CreateDate='2015-05-05T05:05+02:00'"), SEEN[:-2] + "00",
                            "+02:00", "xmp"),
        "xmp-day.jpg": (xmp_jpeg("photoshop:DateCreated='2015-05-05'"), "2015-05-05T00:00:00", "",
                        "xmp"),
        "exif-first.jpg": (make.jpeg_with(jpeg, make.jpeg_exif(make.exif_dates(DAY)), make.jpeg_xmp(
            make.xmp("xmp:CreateDate='2020-01-01T00:00:00'"))), SEEN, "", "exif"),
        "modified.jpg": (xmp_jpeg("xmp:ModifyDate='2015-05-05T05:05:05'"), None, "", "mtime"),
        "exif.png": (make.png_of(PICTURE, [make.png_chunk(b"eXIf", both)]), SEEN, "+02:00", "exif"),
        "late-exif.png": (make.png_behind(plain, make.png_chunk(b"eXIf", both)), SEEN, "+02:00",
                          "exif"),
        "xmp.png": (make.png_of(PICTURE, [make.png_xmp(xmp)]), SEEN, "+02:00", "xmp"),
        "deflated-xmp.png": (make.png_of(PICTURE, [make.png_deflated_xmp(xmp)]), SEEN, "+02:00", "xmp"),
        "late-deflated-xmp.png": (make.png_behind(plain, make.png_deflated_xmp(xmp)), SEEN, "+02:00",
                                  "xmp"),
        "xmp.gif": (make.gif_with_xmp(make.gif_of((PICTURE,)), xmp), SEEN, "+02:00", "xmp"),
        "late-xmp.png": (make.png_behind(plain, make.png_xmp(xmp)), SEEN, "+02:00", "xmp"),
        "time.png": (make.png_of(PICTURE, [png_time(2015, 5, 5, 5, 5, 5)]), SEEN, "Z", "png"),
        "no-such-time.png": (make.png_of(PICTURE, [png_time(2015, 2, 30, 5, 5, 5)]), None, "",
                             "mtime"),
        "mail.png": (text(b"Creation Time", b"Tue, 05 May 2015 05:05:05 +0200"), SEEN, "+02:00",
                     "png"),
        "greenwich.png": (text(b"Creation Time", b"5 May 2015 05:05:05 GMT"), SEEN, "Z", "png"),
        "iso.png": (text(b"Creation Time", b"2015-05-05T05:05:05+02:00"), SEEN, "+02:00", "png"),
        "as-exif.png": (text(b"Creation Time", DAY.encode()), SEEN, "", "png"),
        "no-date.png": (text(b"Creation Time", b"yesterday"), None, "", "mtime"),
        "text-and-time.png": (make.png_of(PICTURE, [make.png_text(b"Creation Time", DAY.encode()),
                                                    png_time(2020, 1, 1, 0, 0, 0)]), SEEN, "", "png"),
        "exif.webp": (webp(both), SEEN, "+02:00", "exif"),
        "xmp.webp": (webp(xmp=xmp), SEEN, "+02:00", "xmp"),
        "exif.heic": (heif(both), SEEN, "+02:00", "exif"),
        "xmp.heic": (heif(xmp=xmp), SEEN, "+02:00", "xmp"),
        "packet.heic": (heif(xmp=b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?>" + xmp), SEEN,
                        "+02:00", "xmp"),
        "changed.heic": (heif(changed), SEEN, "", "exif"),
        "changed.tif": (make.tiff_of(PICTURE, {306: (2, DAY.encode() + b"\0")}), SEEN, "", "exif"),
        "xmp.tif": (make.tiff_of(PICTURE, {700: (1, xmp)}), SEEN, "+02:00", "xmp"),
        "big.tif": (big_tiff({306: DAY}), SEEN, "", "exif"),
    }


class Dates(E2ETest):

    def test_every_place(self):
        table = files()
        for name, (data, _date, _offset, _source) in table.items():
            self.bucket.put(name, data)
        self.bucket.configure(CONFIG)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        rows = {row["name"]: row for row in self.bucket.list()}
        for name, (_data, date, offset, source) in table.items():
            with self.subTest(name):
                row = rows[name]
                self.assertEqual(row["date_source"], source)
                if date is None:
                    continue
                written = row["date"].replace("+00:00", "Z")
                self.assertEqual(written, date + offset)
                self.assertEqual(row["date_utc"] is None, offset == "")


if __name__ == "__main__":
    main()
