#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reports the faults of a bucket, from its files, its thumbnails, and `thumbq list --json`. Shares no
code with thumbq and none with the rest of its tests.

    checker.py [--thumbq PROGRAM] [--running] BUCKET [CONFIG]

Always: every record that says `done` of the file that is there now has all its thumbnails, whole,
of the recorded size, and made of this very file. Without --running, when no work is under way: each
file has one record of its current version, which is done (a picture), skipped or dead; no record is
without its file; no file in the folder of the thumbnails is without a record; and the totals are
those of the records.

The colour tells that a thumbnail is made of this very file: the pictures of these tests are PNG
files of one colour, with another colour and another length for every version. Exits 1 if there is a
fault.
"""

import argparse
import configparser
import fnmatch
import json
import os
import struct
import subprocess
import sys
import urllib.parse
import zlib

IGNORED = [".*", "*.part", "*.tmp", "*.crdownload", "*~"]


class Broken(Exception):
    """The data is no whole PNG file of one colour."""


def _chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise Broken("no PNG signature")
    at = 8
    while at < len(data):
        if at + 12 > len(data):
            raise Broken("cut short")
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if at + 12 + length > len(data):
            raise Broken("cut short")
        if struct.unpack_from(">I", data, at + 8 + length)[0] != zlib.crc32(name + body):
            raise Broken("a checksum is wrong")
        yield name, body
        at += 12 + length
        if name == b"IEND":
            if at != len(data):
                raise Broken("something follows the end")
            return
    raise Broken("no end")


def _unfilter(kind, row, above, step):
    out = bytearray()
    for i, value in enumerate(row):
        a = out[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        if kind == 1:
            value += a
        elif kind == 2:
            value += b
        elif kind == 3:
            value += (a + b) // 2
        elif kind == 4:
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            value += a if pa <= pb and pa <= pc else b if pb <= pc else c
        out.append(value & 255)
    return bytes(out)


def color(path):
    """Returns (width, height, colour) of a whole PNG file of one colour. It reads every byte."""
    with open(path, "rb") as file:
        data = file.read()
    header, packed, palette = None, b"", None
    for name, body in _chunks(data):
        if name == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif name == b"PLTE":
            palette = body
        elif name == b"IDAT":
            packed += body
    if header is None or header[2] != 8 or header[6] != 0 or header[3] not in (0, 2, 3, 6):
        raise Broken("another kind of PNG")
    width, height = header[:2]
    step = {0: 1, 2: 3, 3: 1, 6: 4}[header[3]]
    try:
        rows = zlib.decompress(packed)
    except zlib.error as error:
        raise Broken(str(error)) from None
    if len(rows) != height * (1 + width * step):
        raise Broken("pixels are missing")
    above, colors = bytes(width * step), set()
    for y in range(height):
        start = y * (1 + width * step)
        above = _unfilter(rows[start], rows[start + 1:start + 1 + width * step], above, step)
        colors |= {above[x:x + step] for x in range(0, len(above), step)}
    if len(colors) != 1:
        raise Broken(f"{len(colors)} colours")
    found = colors.pop()
    if header[3] == 3:
        found = palette[found[0] * 3:found[0] * 3 + 3]
    return width, height, (found * 3 if step == 1 and header[3] == 0 else found)[:3]


class Bucket:

    def __init__(self, path, config=None, thumbq="thumbq"):
        self.path = os.fsencode(os.path.abspath(path))
        self.thumbq = thumbq
        settings = configparser.ConfigParser(delimiters="=", comment_prefixes="#",
                                             interpolation=None)
        self.config = config
        settings.read(config or os.path.join(os.fsdecode(self.path), ".thumbq", "thumbq.conf"))

        def place(name, default):
            return os.path.join(self.path, os.fsencode(settings.get("bucket", name,
                                                                    fallback=default)))

        self.prefix = place("prefix", "thumbnails")
        self.state = place("state", ".thumbq")
        self.renditions = [name.split()[1] for name in settings.sections()
                           if name.startswith("rendition ")] or ["small", "large"]

    def run(self, *arguments):
        options = ["--config", self.config] if self.config else []
        result = subprocess.run([self.thumbq, *arguments, *options, self.path],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode != 0:
            raise Broken(f"thumbq {arguments} exits {result.returncode}: "
                         f"{result.stderr.decode(errors='replace')}")
        return [json.loads(line) for line in result.stdout.splitlines()]

    def objects(self):
        """Returns {key: size} of the files that are uploads."""
        found = {}
        for folder, folders, names in os.walk(self.path):
            folders[:] = [name for name in folders
                          if os.path.join(folder, name) not in (self.prefix, self.state)
                          and not self._is_ignored(name)]
            for name in names:
                path = os.path.join(folder, name)
                if not self._is_ignored(name) and os.path.isfile(path) and not os.path.islink(path):
                    found[os.path.relpath(path, self.path)] = os.lstat(path).st_size
        return found

    @staticmethod
    def _is_ignored(name):
        return any(fnmatch.fnmatchcase(os.fsdecode(name), pattern) for pattern in IGNORED)

    def thumbnails(self):
        return {os.path.join(folder, name)
                for folder, _folders, names in os.walk(self.prefix) for name in names
                if name not in (".thumbq.owner", b".thumbq.owner")}


def _text(row, field):
    if row.get(field + "_encoding") == "percent":
        return urllib.parse.unquote_to_bytes(row[field])
    return row[field].encode()


def _is_picture(path):
    try:
        return bool(color(path))
    except (Broken, OSError):
        return False


def _check_done(bucket, key, row, may_be_old):
    """Returns the faults of a record that says `done` of the file that is there now."""
    try:
        _width, _height, expected = color(os.path.join(bucket.path, key))
    except FileNotFoundError:
        return
    except Broken as error:
        yield f"{key}: done, but it is no picture: {error}"
        return
    if sorted(t["rendition"] for t in row["thumbnails"]) != sorted(bucket.renditions):
        yield f"{key}: done, with the thumbnails {[t['rendition'] for t in row['thumbnails']]}"
    for thumbnail in row["thumbnails"]:
        path = os.path.join(bucket.path, _text(thumbnail, "path"))
        try:
            size = os.path.getsize(path)
            width, height, found = color(path)
        except FileNotFoundError:
            yield f"{key}: done, but {path} is not there"
            continue
        except Broken as error:
            yield f"{key}: done, but {path} is broken: {error}"
            continue
        if (size, width, height) != (thumbnail["size"], thumbnail["width"], thumbnail["height"]):
            yield f"{key}: done, but {path} is not as the record says"
        if found != expected and not may_be_old:
            yield f"{key}: done, but {path} is made of another version"


def _check_settled(bucket, objects, records, may_be_dead, may_have_orphans):
    for key in sorted(objects.keys() - records.keys()):
        yield f"{key}: is there, and not recorded"
    for key in sorted(records.keys() - objects.keys()):
        yield f"{key}: is recorded, and not there"
    states = ("done", "skipped", "dead") if may_be_dead else ("done", "skipped")
    for key, row in records.items():
        if row["state"] not in states:
            yield f"{key}: is {row['state']}: {row['error']}"
        elif key in objects and row["size"] != objects[key]:
            yield f"{key}: the record is about another version"
        elif row["state"] != "done" and _is_picture(os.path.join(bucket.path, key)):
            yield f"{key}: a picture, and {row['state']}"
    named = {os.path.join(bucket.path, _text(thumbnail, "path"))
             for row in records.values() for thumbnail in row["thumbnails"]}
    for path in () if may_have_orphans else sorted(bucket.thumbnails() - named):
        yield f"{path}: a thumbnail of nothing"
    totals, = bucket.run("stats", "--json")
    counted = {state: sum(row["state"] == state for row in records.values())
               for state in ("pending", "running", "done", "skipped", "dead")}
    counted["total"] = len(records)
    for name, n in counted.items():
        if totals["objects"][name] != n:
            yield f"stats count {totals['objects'][name]} {name}, there are {n}"


def problems(path, config=None, thumbq="thumbq", running=False, may_be_dead=False,
             may_have_orphans=False, may_be_old=False):
    """Returns a list of faults, as text. With may_be_old, thumbnails may be those of the version
    before."""
    bucket = Bucket(path, config, thumbq)
    try:
        rows = bucket.run("list", "--json")
    except Broken as error:
        return [str(error)]
    objects = bucket.objects()
    records, found = {}, []
    for row in rows:
        key = _text(row, "name")
        if key in records:
            found.append(f"{key}: has two records")
        records[key] = row
        if row["state"] == "done" and objects.get(key) == row["size"]:
            found += _check_done(bucket, key, row, may_be_old)
    if not running:
        found += _check_settled(bucket, objects, records, may_be_dead, may_have_orphans)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thumbq", default=os.environ.get("THUMBQ", "thumbq"))
    parser.add_argument("--running", action="store_true", help="work may be under way")
    parser.add_argument("bucket")
    parser.add_argument("config", nargs="?")
    options = parser.parse_args()
    found = problems(options.bucket, options.config, options.thumbq, options.running)
    print("\n".join(found) or "fine")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
