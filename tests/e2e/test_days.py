# SPDX-License-Identifier: Apache-2.0
"""Days are those of a person: dates by the clock of the camera, dates of files by the local zone;
printed dates work as filters; the zone changes under the daemon."""

import json
import os
import shutil
import struct
import subprocess
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from harness import GREEN, RED, THUMBQ, E2ETest, main, jpeg, png, wait_for

ZONES = ("UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns")


def tiff(changed, original):
    """A grey TIFF file of 8x8 pixels with DateTime, and an EXIF directory with DateTimeOriginal."""
    pixels = bytes([128]) * 64
    texts = [text.encode() + b"\0" for text in (changed, original)]
    at_pixels, at_texts = 8, [72, 92]
    exif = 112
    first = exif + 2 + 12 + 4

    def directory(*entries):
        return struct.pack("<H", len(entries)) + b"".join(
            struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)

    body = b"II*\0" + struct.pack("<I", first) + pixels
    body += texts[0] + texts[1]
    assert len(body) == exif
    body += directory((0x9003, 2, 20, at_texts[1]))
    assert len(body) == first
    return body + directory(
        (0x0100, 4, 1, 8), (0x0101, 4, 1, 8), (0x0102, 3, 1, 8), (0x0103, 3, 1, 1),
        (0x0106, 3, 1, 1), (0x0111, 4, 1, at_pixels), (0x0115, 3, 1, 1), (0x0116, 4, 1, 8),
        (0x0117, 4, 1, 64), (0x0132, 2, 20, at_texts[0]), (0x8769, 4, 1, exif))


class Days(E2ETest):

    def setUp(self):
        super().setUp()
        if not shutil.which("exiftool"):
            self.skipTest("exiftool is not installed")
        self.bucket.configure("[rendition small]\nsize = 9x9\nformat = png\n")

    def put_photo(self, name, date, offset=None):
        path = self.bucket.put(name, jpeg(20, 20, GREEN))
        tags = [f"-DateTimeOriginal={date}"] + ([f"-OffsetTimeOriginal={offset}"] if offset else [])
        subprocess.run(["exiftool", "-q", "-overwrite_original", *tags, path], check=True)

    def put_file(self, name, instant):
        path = self.bucket.put(name, png(20, 20, RED))
        os.utime(path, (instant, instant))

    def run_in(self, zone, *arguments, status=0):
        result = self.bucket.command(*arguments, self.bucket.path, env={"TZ": zone})
        self.assertEqual(result.status, status, result.log)
        return result

    def rows(self, zone, *filters):
        lines = self.run_in(zone, "list", "--json", *filters).out.splitlines()
        return {row["name"]: row for row in map(json.loads, lines)}

    def put_all(self):
        self.put_photo("zone.jpg", "2025:12:31 23:30:00", "+01:00")
        self.put_photo("plain.jpg", "2025:12:31 23:30:00")
        self.put_photo("far.jpg", "2025:12:31 23:30:00", "-08:00")
        self.put_file("file.png", 1767223800)  # 2025-12-31T23:30:00Z

    def test_the_clock_of_the_camera(self):
        self.put_all()
        self.run_in("Europe/Berlin", "run", "--once")
        for zone in ZONES:
            with self.subTest(zone):
                rows = self.rows(zone)
                self.assertEqual(
                    {name: (row["date"], row["date_utc"], row["date_source"])
                     for name, row in rows.items() if name != "file.png"},
                    {"zone.jpg": ("2025-12-31T23:30:00+01:00", "2025-12-31T22:30:00Z", "exif"),
                     "plain.jpg": ("2025-12-31T23:30:00", None, "exif"),
                     "far.jpg": ("2025-12-31T23:30:00-08:00", "2026-01-01T07:30:00Z", "exif")})
                local = datetime.fromtimestamp(1767223800, ZoneInfo(zone)).isoformat()
                self.assertEqual(rows["file.png"]["date"].replace("Z", "+00:00"), local)
                self.assertEqual(rows["file.png"]["date_utc"], "2025-12-31T23:30:00Z")
                listed = self.run_in(zone, "list", "--sort", "date").out
                self.assertIn("2025-12-31 23:30", listed)
                show = self.bucket.command("show", "--json", "--bucket", self.bucket.path,
                                           "zone.jpg", env={"TZ": zone}).json()
                self.assertEqual(show["date"], "2025-12-31T23:30:00+01:00")

    def test_days_are_those_of_the_clock(self):
        self.put_all()
        self.run_in("Europe/Berlin", "run", "--once")
        for zone in ZONES:
            with self.subTest(zone):
                file_day = datetime.fromtimestamp(1767223800, ZoneInfo(zone)).date().isoformat()
                expected = {"2025-12-31": 3}
                expected[file_day] = expected.get(file_day, 0) + 1
                for filters in ((), ("--match", "*")):
                    groups = self.run_in(zone, "stats", "--by", "day", "--json", *filters).json()
                    self.assertEqual({row["group"]: row["objects"] for row in groups["groups"]},
                                     expected)
                names = set(self.rows(zone, "--since", "2025-12-31", "--until", "2026-01-01"))
                self.assertEqual(names - {"file.png"}, {"zone.jpg", "plain.jpg", "far.jpg"})
                self.assertEqual("file.png" in names, file_day == "2025-12-31")

    def test_what_is_printed_finds_its_object(self):
        self.put_all()
        for i in range(8):
            self.put_photo(f"{i}.jpg", f"2026:01:01 {i % 24:02}:00:00",
                           (None, "+14:00", "-12:00", "+05:45")[i % 4])
            self.put_file(f"{i}.png", 1767223800 + i * 3600)
        self.run_in("Europe/Berlin", "run", "--once")
        for zone in ("Europe/Berlin", "Pacific/Auckland"):
            rows = self.rows(zone)
            self.assertEqual(len(rows), 20)
            dates = [row["date"][:19] for row in self.rows(zone, "--sort", "date").values()]
            self.assertEqual(dates, sorted(dates))
            for name in ("zone.jpg", "plain.jpg", "far.jpg", "file.png", "1.jpg", "2.png"):
                for text in (rows[name]["date"], rows[name]["date_utc"],
                             rows[name]["date"][:19].replace("T", " "), rows[name]["date"][:16]):
                    with self.subTest(zone=zone, name=name, text=text):
                        if text is None:
                            continue
                        second = text[:17] + "59" + text[19:] if len(text) > 16 else text + ":59"
                        found = self.rows(zone, "--since", text, "--until", second)
                        self.assertIn(name, found)
                        self.assertLess(len(found), 10)

    def test_another_zone_brings_the_files_along(self):
        """The index of dates, which serves a listing by date, is that of the last run."""
        self.put_all()
        self.run_in("UTC", "run", "--once")
        self.put_file("new.png", 1767265200)
        for zone in ("Pacific/Auckland", "Europe/Berlin"):
            self.run_in(zone, "run", "--once")
            rows = self.rows(zone, "--sort", "date", "--reverse", "--limit", "1")
            self.assertEqual(list(rows), ["new.png"])
            groups = self.run_in(zone, "stats", "--by", "day", "--json").json()["groups"]
            day = datetime.fromtimestamp(1767223800, ZoneInfo(zone)).date().isoformat()
            self.assertGreaterEqual({row["group"]: row["objects"] for row in groups}[day], 1)

    def test_tiff(self):
        """The entries of EXIF lie in the file itself. The time of the exposure counts before that
        of the last change."""
        self.bucket.put("a.tif", tiff("2020:01:01 00:00:00", "2015:05:05 05:05:05"))
        self.run_in("UTC", "run", "--once")
        row = self.rows("UTC")["a.tif"]
        self.assertEqual((row["state"], row["date"], row["date_source"]),
                         ("done", "2015-05-05T05:05:05", "exif"))


class Localtime(E2ETest):
    """/etc/localtime is replaced in a mount namespace."""

    def test_a_new_zone_is_noticed(self):
        zones = Path("/usr/share/zoneinfo")
        if os.geteuid() != 0 or not (zones / "Asia/Tokyo").exists():
            self.skipTest("needs root, and zone files")
        zone = self.bucket.root / "zone"
        shutil.copy(zones / "Europe/Berlin", zone)
        probe = subprocess.run(["unshare", "-m", "mount", "--bind", zone, "/etc/localtime"],
                               capture_output=True)
        if probe.returncode != 0:
            self.skipTest("mount namespaces cannot be made here")
        self.bucket.configure("[schedule daily]\ncron = 0 3 * * *\nrun = sweep all\n")
        path = self.bucket.put("a.png", png(9, 9, RED))
        os.utime(path, (1767225600, 1767225600))  # 2026-01-01T00:00:00Z
        wrapper = self.bucket.root / "thumbq"
        wrapper.write_text(f"#!/bin/sh\nunset TZ\nexec unshare -m sh -c 'mount --bind {zone} "
                           f"/etc/localtime && exec \"$0\" \"$@\"' {THUMBQ} \"$@\"\n")
        wrapper.chmod(0o755)
        daemon = self.bucket.start(program=wrapper)

        def day_in_store():
            """Returns the days that a reader in another zone gets from the totals, without a look
            at the records."""
            groups = self.bucket.command("stats", "--by", "day", "--json", self.bucket.path,
                                         env={"TZ": "Asia/Tokyo"}).json()["groups"]
            return [row["group"] for row in groups]

        self.bucket.sync()
        time.sleep(1.1)  # another time of change, also on file systems that round it
        shutil.copy(zones / "America/Los_Angeles", zone)
        wait_for(lambda: "the local time zone has changed" in daemon.log(), "the zone to be noticed",
                 daemon.log)
        self.bucket.sync()
        self.assertEqual(day_in_store(), ["2026-01-01"])
        listed = self.bucket.command("list", "--json", "--since", "2025-12-31", "--until",
                                     "2026-01-01", self.bucket.path,
                                     env={"TZ": "America/Los_Angeles"}).lines()
        self.assertEqual([row["date"] for row in listed], ["2025-12-31T16:00:00-08:00"])


if __name__ == "__main__":
    main()
