# SPDX-License-Identifier: Apache-2.0
"""Output for a person: tables that fit the terminal and are whole in a pipe, bars, colour, the
story of an object. Groups under every filter equal those that the test counts from `list
--json`."""

import collections
import csv
import fcntl
import io
import itertools
import json
import os
import pty
import re
import struct
import termios
import unicodedata

from harness import THUMBQ, BLUE, GREEN, RED, E2ETest, check_sanitizers, jpeg, main, png

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BARS = "█▉▊▋▌▍▎▏"
LONG = "a-folder-with-a-long-name/and-another-one-in-it/"
STORY = ("uploaded", "attempt", "ended", "done")


def cells(text):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def on_terminal(arguments, width, **environment):
    """Returns the output of a command on a terminal of that width, with escape sequences."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        plain = {name: value for name, value in os.environ.items()
                 if name not in ("NO_COLOR", "COLORTERM", "LANG", "LC_CTYPE")}
        os.execve(THUMBQ, [THUMBQ, *map(os.fspath, arguments)],
                  {**plain, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment})
    out = b""
    while True:
        try:
            data = os.read(fd, 1 << 16)
        except OSError:  # the terminal is closed
            break
        if not data:
            break
        out += data
    os.close(fd)
    text = out.decode(errors="replace").replace("\r\n", "\n")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    check_sanitizers(text)
    if status != 0:
        raise AssertionError(f"thumbq {arguments} exits {status}: {text}")
    return text


class Views(E2ETest):

    def setUp(self):
        super().setUp()
        self.paths = {
            "2024/a.png": self.bucket.put("2024/a.png", png(640, 480, RED)),
            "2025/b.jpg": self.bucket.put("2025/b.jpg", jpeg(300, 600, GREEN)),
            "2025/c.jpg": self.bucket.put("2025/c.jpg", jpeg(30, 60, BLUE)),
            LONG + "picture.png": self.bucket.put(LONG + "picture.png", png(9, 9, RED)),
            "漢字漢字漢字/漢字漢字漢字漢字漢字漢字.png": self.bucket.put(
                "漢字漢字漢字/漢字漢字漢字漢字漢字漢字.png", png(9, 8, RED)),
            "x" * 200 + ".png": self.bucket.put("x" * 200 + ".png", png(8, 9, RED)),
            LONG + "bad.png": self.bucket.put(LONG + "bad.png", png(10, 10, RED)[:40]),
            "half.jpg": self.bucket.put("half.jpg", jpeg(900, 900, GREEN)[:4000]),
            "notes.txt": self.bucket.put("notes.txt", b"no picture"),
        }
        for i, path in enumerate(self.paths.values()):  # a month or so after another
            os.utime(path, (1700000000 + i * 40 * 86400,) * 2)
        self.assertEqual(self.bucket.once().status, 1)

    def see(self, *arguments, width=80, **environment):
        return on_terminal([*arguments, "--bucket", self.bucket.path], width, **environment)

    def plain(self, *arguments, width=80):
        return self.see(*arguments, width=width, NO_COLOR="1")

    def test_everything_fits(self):
        for command in (["list"], ["list", "--sort", "duration"], ["list", "--sort", "date"],
                        ["dead"], ["events"], ["stats"], ["stats", "--by", "prefix"],
                        ["stats", "--by", "month"], ["stats", "--by", "type"],
                        *(["show", name] for name in self.paths)):
            for width in (72, 80, 100, 140):
                with self.subTest(command, width=width):
                    lines = self.plain(*command, width=width).splitlines()
                    if command[0] == "show":  # its first line is the name, whole
                        self.assertEqual(lines.pop(0), command[1])
                    self.assertLessEqual(max(map(cells, lines)), width)

    def test_pipes_get_whole_names(self):
        for command in (["list"], ["events"]):
            out = self.bucket.read(*command).out
            for name in self.paths:
                self.assertIn(name, out)
        self.assertIn(LONG.split("/", maxsplit=1)[0] + "/",
                      self.bucket.read("stats", "--by", "prefix").out)

    def test_names_are_cut_in_their_middle(self):
        rows = self.plain("list").splitlines()
        self.assertTrue(any(re.search(r"  a-fo\S*…\S*/picture\.png$", row) for row in rows), rows)
        self.assertTrue(any(re.search(r" x+…x+\.png$", row) for row in rows), rows)

    def test_long_lists_are_one_table(self):
        """Long lists are printed in pages: the columns keep their places, and there is one
        heading."""
        for i in range(1200):  # the widest figures are on the first page
            self.bucket.put(f"many/{i:04}.txt", b"n" * (1199 - i))
        self.bucket.once()
        for lines in (self.plain("list", "--prefix", "many/").splitlines(),
                      self.bucket.read("list", "--prefix", "many/").out.splitlines()):
            self.assertEqual(len(lines), 1 + 1200)
            self.assertEqual({line.index("many/") for line in lines[1:]},
                             {lines[0].index("name")})

    def test_list_marks(self):
        rows = {row.split("  ")[-1] if "  damaged" not in row else row.split("  ")[-2]: row
                for row in self.plain("list", width=140).splitlines()}
        self.assertRegex(rows[LONG + "bad.png"], r"^\S+ \S+  dead .*bad\.png  damaged$")
        self.assertRegex(rows["half.jpg"], r"^\S+ \S+  done .*half\.jpg  damaged$")
        self.assertRegex(rows["notes.txt"], r"^\S+ \S+  skipped   +\d.*notes\.txt$")

    def test_list_says_what_it_is_sorted_by(self):
        for arguments, title in ((["--sort", "size"], "size ↑"),
                                 (["--sort", "size", "--reverse"], "size ↓"),
                                 (["--sort", "duration"], "took ↑"), (["--reverse"], "name ↓")):
            self.assertIn(title, self.plain("list", *arguments).splitlines()[0])
        self.assertNotRegex(self.plain("list"), "[↑↓]")
        self.assertNotRegex(self.bucket.read("list", "--sort", "size").out, "[↑↓]")
        ascii_only = self.see("list", "--sort", "size", "--reverse", LC_ALL="C", NO_COLOR="1")
        self.assertIn("size v", ascii_only)

    def test_nothing_to_list(self):
        self.assertEqual(self.plain("list", "--type", "jxl"), "thumbq: no objects match\n")
        self.assertEqual(self.plain("dead", "--type", "jxl"), "thumbq: nothing is dead here\n")
        self.assertEqual(self.bucket.read("list", "--type", "jxl").out, "")

    def test_color(self):
        for command in (["list"], ["dead"], ["stats"], ["events"], ["show", LONG + "bad.png"]):
            with self.subTest(command):
                shown = self.see(*command)
                self.assertIn("\x1b[31m", shown)  # dead objects are red
                plain = self.plain(*command)
                self.assertNotIn("\x1b", plain)
                self.assertEqual(ESCAPE.sub("", shown), plain)
                self.assertNotIn("\x1b", self.see(*command, TERM="dumb"))
                self.assertNotIn("\x1b", self.bucket.read(*command).out if command[0] != "show"
                                 else self.bucket.command(*command, self.bucket.path).out)

    def test_placeholder(self):
        """A picture of half blocks is for terminals that announce 24-bit colour."""
        name = "2024/a.png"
        shown = self.see("show", name, COLORTERM="truecolor")
        pixels = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+)m\x1b\[48;2;(\d+);(\d+);(\d+)m▀", shown)
        self.assertEqual(len(pixels), 6 * 16)  # 12 pixels high, as wide as the picture asks
        for pixel in pixels:  # all of it red
            red, green, blue = map(int, pixel[:3])
            self.assertGreater(red, 200)
            self.assertLess(green + blue, 100)
        for environment in ({}, {"COLORTERM": "truecolor", "NO_COLOR": "1"},
                            {"COLORTERM": "truecolor", "LC_ALL": "C"}):
            self.assertNotIn("▀", self.see("show", name, **environment))
        self.assertNotIn("▀", self.see("show", "notes.txt", COLORTERM="truecolor"))

    def test_bars(self):
        counts = collections.Counter(row["type"] for row in self.bucket.list())
        rows = {line.split()[0]: line for line in self.plain("stats", "--by", "type").splitlines()}
        length = {kind: sum(rows[kind].count(c) for c in BARS) for kind in counts}
        self.assertEqual(sorted(counts, key=counts.get)[-1], max(length, key=length.get))
        for a, b in itertools.combinations(counts, 2):
            if counts[a] > counts[b]:
                self.assertGreaterEqual(length[a], length[b])
        self.assertGreater(min(length.values()), 0)
        ascii_only = self.see("stats", "--by", "type", LC_ALL="C", NO_COLOR="1")
        self.assertTrue(ascii_only.isascii())
        self.assertRegex(ascii_only, r"(?m)^png .* #+$")
        self.assertTrue(self.bucket.read("stats", "--by", "type").out.isascii())

    def test_the_newest_groups_are_last(self):
        for by in ("day", "month"):
            lines = self.plain("stats", "--by", by).splitlines()[1:]
            groups = [line.split()[0] for line in lines]
            self.assertEqual(groups, sorted(groups))
            self.assertEqual(groups, [g["group"] for g in self.bucket.stats("--by", by)["groups"]])

    def test_stats_has_months_and_durations(self):
        shown = self.plain("stats")
        months = sorted({row["date"][:7] for row in self.bucket.list()})
        line, = re.findall(r"(?m)^by month +(\S+)  ([▁▂▃▄▅▆▇█.]+)  (\S+)$", shown)
        self.assertEqual((line[0], line[2]), (months[0], months[-1]))
        between = (int(months[-1][:4]) - int(months[0][:4])) * 12 + \
            int(months[-1][5:]) - int(months[0][5:]) + 1
        self.assertEqual(len(line[1]), between)
        self.assertEqual(len(line[1].replace(".", "")), len(months))
        self.assertRegex(shown, r"(?m)^duration .*[▁▂▃▄▅▆▇█]")
        piped = self.bucket.read("stats").out
        self.assertNotIn("by month", piped)
        self.assertTrue(piped.isascii())

    def test_show_is_a_story(self):
        shown = self.plain("show", "2024/a.png")
        heading, *story = shown[shown.index("\ntime ") + 1:].splitlines()
        at = heading.index("what happened")
        times = [line[:23] for line in story]
        self.assertEqual(times, sorted(times))
        self.assertEqual([line[at:].split()[0].rstrip(":") for line in story], list(STORY))
        requests = [a["request_id"] for a in self.bucket.show("2024/a.png")["attempts_log"]]
        self.assertIn(f"attempt {requests[0]}", shown)
        dead = self.plain("show", LONG + "bad.png")
        self.assertRegex(dead, r"(?m)^state +dead\nerror +damaged \(reject\)\n +\S")
        self.assertRegex(dead, r"(?m)  given up: damaged$")

    def test_show_looks_at_the_thumbnails(self):
        def on_disk():
            lines = self.plain("show", "2024/a.png").splitlines()
            start, = [i for i, line in enumerate(lines) if line.startswith("thumbnail ")]
            at = lines[start].index("on disk")
            return [line[at:].split()[0] for line in lines[start + 1:start + 3]]

        self.assertEqual(on_disk(), ["yes", "yes"])
        self.bucket.small("2024/a.png").unlink()
        with open(self.bucket.large("2024/a.png"), "ab") as file:
            file.write(b"more")
        self.assertEqual(on_disk(), ["gone", "changed"])

    def test_groups_under_filters(self):
        filters = (["--prefix", "2025/"], ["--match", "*.png"], ["--type", "png,none"],
                   ["--state", "done,skipped"], ["--since", "2024-03-01Z"],
                   ["--until", "2024-08-01Z"], ["--min-size", "50"], ["--max-size", "3K"],
                   ["--damaged"])
        group_of = {
            "type": lambda row: row["type"], "state": lambda row: row["state"],
            "day": lambda row: row["date"][:10], "month": lambda row: row["date"][:7],
            "prefix": lambda row: row["name"].partition("/")[0] + "/" if "/" in row["name"] else "",
            "size": lambda row: 1 << row["size"].bit_length() - 1}
        combinations = [sum(chosen, []) for n in (0, 1, 2)
                        for chosen in itertools.combinations(filters, n)]
        for i, arguments in enumerate(combinations + [sum(filters[:-1], [])]):
            rows = self.bucket.list(*arguments)
            self.assertEqual(self.bucket.stats(*arguments)["objects"]["total"], len(rows))
            by = list(group_of)[i % len(group_of)]  # each with its share of the combinations
            with self.subTest(by=by, arguments=arguments):
                found = self.bucket.stats("--by", by, *arguments)["groups"]
                if by == "size":
                    for group in found:
                        group["group"] = int(group["group"])
                self.assertEqual(found, self.count(rows, group_of[by]))
                table = list(csv.DictReader(io.StringIO(
                    self.bucket.read("stats", "--by", by, "--csv", *arguments).out)))
                self.assertEqual(table, [{k: str(v) for k, v in group.items()} for group in found])

    @staticmethod
    def count(rows, group_of):
        groups = {}
        for row in rows:
            group = groups.setdefault(group_of(row), collections.Counter())
            group["objects"] += 1
            group["source_bytes"] += row["size"]
            group["thumbnails"] += len(row["thumbnails"])
            group["thumbnail_bytes"] += sum(t["size"] for t in row["thumbnails"])
            for state in ("done", "dead"):
                group[state] += row["state"] == state
        return [{"group": name, **{field: groups[name][field] for field in
                                   ("objects", "source_bytes", "thumbnails", "thumbnail_bytes",
                                    "done", "dead")}}
                for name in sorted(groups, key=lambda name: name if isinstance(name, int)
                                   else name.encode())]

    def test_no_groups(self):
        for by in ("type", "prefix"):
            out = self.bucket.read("stats", "--by", by, "--json", "--type", "jxl").out
            self.assertEqual(json.loads(out)["groups"], [])
            self.assertEqual(
                len(self.bucket.read("stats", "--by", by, "--csv", "--type", "jxl").out.split()), 1)


if __name__ == "__main__":
    main()
