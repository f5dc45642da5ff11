# SPDX-License-Identifier: Apache-2.0
"""The output for a person on a terminal of 80 columns, and the output for programs in pipes and
journals."""

import re

from harness import BLUE, GREEN, RED, E2ETest, jpeg, main, parse_reports, png, wait_for
from terminal import Terminal

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Run(E2ETest):
    """`run` reports the result of each object."""

    def fill(self):
        self.bucket.put("2026/a.png", png(640, 480, RED))
        self.bucket.put("half.jpg", jpeg(900, 900, GREEN)[:4000])
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        self.bucket.put("notes.txt", b"no picture")

    def watch(self, *arguments):
        terminal = Terminal("run", *arguments, self.bucket.path)
        terminal.wait_for("watching")
        return terminal

    def test_lines_for_people(self):
        self.fill()
        terminal = Terminal("run", "--once", self.bucket.path)
        self.assertEqual(terminal.finish(), 1)
        screen = terminal.screen()
        text = "\n".join(screen)
        self.assertRegex(text, r"(?m)^done  2026/a\.png  640x480  [0-9.]+ s$")
        self.assertRegex(text, r"(?m)^done  half\.jpg  900x900  damaged  [0-9.]+ s$")
        self.assertRegex(text, r"(?m)^dead  bad\.png\s+damaged: \w")
        self.assertRegex(text, r"(?m)^skipped  notes\.txt  the file holds no image$")
        self.assertRegex(screen[-1], r"^thumbq: 4 objects \(2 done, 1 skipped, 1 dead\) after 4 ")
        self.assertNotIn("REPORT", text)
        self.assertLessEqual(max(map(len, screen)), 80)
        self.assertIn("\x1b[31mdead\x1b[0m", terminal.shown)

    def test_events_as_they_come(self):
        terminal = self.watch()
        self.bucket.put("a.png", png(64, 48, BLUE))
        terminal.wait_for(r"done  a\.png  64x48  ")
        (self.bucket.path / "a.png").rename(self.bucket.path / "b.png")
        terminal.wait_for(r"renamed  a\.png -> b\.png\r\n")
        (self.bucket.path / "b.png").unlink()
        terminal.wait_for(r"removed  b\.png\r\n")
        terminal.press(b"\x03")
        self.assertEqual(terminal.finish(), 0)
        self.assertRegex(terminal.screen()[-1], r"thumbq: 0 objects .* after 1 invocation in ")

    def test_nothing_to_do_is_said(self):
        self.fill()
        self.bucket.once()
        terminal = Terminal("run", "--once", self.bucket.path)
        self.assertEqual(terminal.finish(), 1)
        self.assertRegex(terminal.screen()[-1], r"^thumbq: 4 objects .*: nothing to do \(")

    def test_no_reports_of_a_job_on_a_terminal(self):
        """Without a daemon the command does the work itself, and shows its progress."""
        self.fill()
        self.bucket.once()
        terminal = Terminal("reprocess", "--prefix", "2026/", self.bucket.path)
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn("REPORT", terminal.shown)
        self.assertRegex(terminal.screen()[-1], r"^job 1 SUCCEEDED: 1 object in ")

    def test_report_on_a_terminal(self):
        self.fill()
        terminal = Terminal("run", "--once", "--report", self.bucket.path, columns=400)
        self.assertEqual(terminal.finish(), 1)
        screen = terminal.screen()
        self.assertEqual(len([line for line in screen if line.startswith("REPORT ")]), 4)
        self.assertEqual([line for line in screen if re.match("(done|skipped)  ", line)], [])

    def test_quiet_on_a_terminal(self):
        self.fill()
        terminal = Terminal("run", "--once", "--quiet", self.bucket.path)
        self.assertEqual(terminal.finish(), 1)
        self.assertEqual([line for line in terminal.screen() if re.match(r"\w+  ", line)], [])

    def test_pipes_get_reports(self):
        self.fill()
        done = self.bucket.once()
        self.assertEqual({r["Key"] for r in parse_reports(done.log)},
                         {"2026/a.png", "half.jpg", "bad.png", "notes.txt"})
        self.assertNotRegex(done.log, r"(?m)^(done|dead|skipped)  ")

    def test_both_at_once_are_refused(self):
        refused = self.bucket.once("--quiet", "--report")
        self.assertEqual(refused.status, 2)
        self.assertIn("--quiet and --report", refused.log)

    def test_the_dead_are_in_the_journal(self):
        """The same holds with --quiet, and where no handler was asked."""
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        self.bucket.put("huge.png", png(1000, 1000, RED))
        self.bucket.put("fine.png", png(10, 10, RED))
        self.bucket.configure("[handler]\nmax_file_size = 200\n")
        done = self.bucket.once("--quiet")
        self.assertRegex(done.log, r"(?m)^thumbq: warning: 'bad\.png' is dead: damaged: \w")
        self.assertRegex(done.log, r"(?m)^thumbq: warning: 'huge\.png' is dead: file_too_large: ")
        self.assertNotIn("fine.png", done.log)

    def test_the_dead_are_in_the_journal_of_a_service(self):
        daemon = self.bucket.start("--quiet")
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        wait_for(lambda: "'bad.png' is dead: damaged" in daemon.log(), "the line", daemon.log)
        self.assertNotIn("REPORT", daemon.log())
        daemon.stop()


class Help(E2ETest):
    """Help and the comments of the configuration fit a terminal, and no word is broken."""

    def test_help(self):
        overview = self.bucket.command("help").out
        commands = re.findall(r"(?m)^  (\w+) ", overview.split("Commands:\n")[1])
        self.assertIn("run", commands)
        for text in [overview] + [self.bucket.command(c, "--help").out for c in commands]:
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_items_hang(self):
        """The text of an option that is longer than a line continues below itself."""
        lines = self.bucket.command("run", "--help").out.splitlines()
        at, = [i for i, line in enumerate(lines) if line.startswith("  --once ")]
        column = re.match(r"  --once +", lines[at]).end()
        self.assertEqual(lines[at + 1][:column].strip(), "")
        self.assertNotEqual(lines[at + 1][column], " ")

    def test_config(self):
        for arguments in (["--defaults"], [self.bucket.path]):
            shown = self.bucket.command("config", *arguments).out
            comments = [line for line in shown.splitlines() if line.startswith("#")]
            self.assertGreater(len(comments), 50)
            self.assertLessEqual(max(map(len, comments)), 80)
            self.assertIn("none (after a crash all are made again)", " ".join(
                line.lstrip("# ") for line in comments))


class Tables(E2ETest):
    """Tables on a terminal of 80 columns."""

    FOLDER = "a folder with a long name/and another folder with a long name/"

    def show(self, *arguments, columns=80, **environment):
        terminal = Terminal(*arguments, "--bucket", self.bucket.path, columns=columns,
                            **environment)
        self.assertEqual(terminal.finish(), 0)
        return [ESCAPE.sub("", line) for line in terminal.screen()]

    def test_names_can_be_told_apart(self):
        names = [f"{self.FOLDER}picture number {i:02} of the holidays.png" for i in range(12)]
        for i, name in enumerate(names):  # every third one is dead
            data = png(10 + i, 10, RED)
            self.bucket.put(name, data[:40] if i % 3 == 0 else data)
        self.bucket.once()
        for columns in (72, 80):
            lines = self.show("list", columns=columns)[1:]
            self.assertEqual(len(lines), len(names))
            self.assertLessEqual(max(map(len, lines)), columns)
            self.assertEqual(len({re.split(r"B  ", line)[1] for line in lines}), len(names))
            for i, line in enumerate(lines):
                self.assertIn(f"{i:02}", line.split("B  ")[1])
                self.assertEqual(line.endswith("  damaged"), i % 3 == 0)

    def test_errors_are_whole(self):
        self.bucket.put(self.FOLDER + "a picture with a long name.png", png(300, 300, RED))
        self.bucket.configure("[handler]\nmax_pixels = 1000\n")
        self.bucket.once()
        for command in ("list", "dead"):
            line = self.show(command)[1]
            self.assertTrue(line.endswith(" name.png  too_many_pixels"), line)

    def test_events_keep_their_columns(self):
        """The columns also fit when later rows are wider than the first ones."""
        self.bucket.put("a.png", png(4, 4, RED))
        daemon = self.bucket.start()
        self.bucket.sync()
        terminal = Terminal("events", "--follow", "--bucket", self.bucket.path)
        terminal.wait_for(r"done +\d+ B  a\.png")
        self.bucket.put("b.jpg", jpeg(2000, 2000, GREEN) + bytes(1 << 20))
        terminal.wait_for(r"done .* MiB  b\.jpg")
        (self.bucket.path / "b.jpg").unlink()
        terminal.wait_for(r"removed .*  b\.jpg")
        terminal.press(b"\x03")
        terminal.finish()
        daemon.stop()
        rows = [line for line in terminal.screen() if re.search(r"\.(png|jpg)", line)]
        self.assertGreaterEqual(len(rows), 5)
        self.assertEqual(len({re.search(r"[ab]\.(png|jpg)", row).start() for row in rows}), 1, rows)

    def test_no_color(self):
        """https://no-color.org: the variable is set, and not empty."""
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        self.bucket.once()
        for value, colored in (("", True), ("1", False)):
            terminal = Terminal("dead", "--bucket", self.bucket.path, NO_COLOR=value)
            terminal.finish()
            self.assertEqual("\x1b[31m" in terminal.shown, colored, terminal.shown)
        terminal = Terminal("run", "--once", self.bucket.path, NO_COLOR="1")
        terminal.finish()
        self.assertNotIn("\x1b[31m", terminal.shown)

    def test_charts_without_unicode(self):
        """Figures come with a word that explains them."""
        self.bucket.put("a.png", png(4, 4, RED))
        self.bucket.once()
        shown = self.show("metrics", LC_ALL="C")
        self.assertTrue("\n".join(shown).isascii())
        heading, = [line for line in shown if "a cell is" in line]
        self.assertTrue(heading.endswith("; 1 to 8, the most"), heading)
        line, = [line for line in shown if line.startswith("Invocations")]
        self.assertRegex(line, r" [.]*8$")
        self.assertNotIn("the most", "\n".join(self.show("metrics")))

    def test_nothing_yet(self):
        """The output calls an empty bucket empty, and a time of zero zero."""
        self.bucket.once()
        terminal = Terminal("stats", "--by", "type", self.bucket.path)
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual(terminal.screen()[-1], "thumbq: no objects yet")
        result = self.bucket.command("metrics", self.bucket.path)
        self.assertRegex(result.out, r"(?m)^CpuTime +sum +0 ms\b")

    def test_figures_of_a_first_run_are_explained(self):
        for i in range(40):
            self.bucket.put(f"{i}.png", png(4, 4, RED))
        self.bucket.configure("[handler]\nconcurrency = 1\n")
        self.bucket.once()
        self.assertIn("waiting in the queue", " ".join(self.show("stats")))
        metrics = self.show("metrics")
        self.assertIn("Throttles are objects that had to wait", " ".join(metrics))
        self.assertIn("include the wait in the queue", " ".join(metrics))
        self.assertLessEqual(max(map(len, metrics)), 80)


if __name__ == "__main__":
    main()
