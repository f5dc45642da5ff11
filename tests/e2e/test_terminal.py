"""What a person reads on a terminal of 80 columns, and that pipes and journals get what programs
read."""

import re

from harness import BLUE, GREEN, RED, E2ETest, jpeg, main, parse_reports, png, wait_for
from terminal import Terminal

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Run(E2ETest):
    """`run` says what becomes of each object."""

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
        """Also with --quiet, and also where no handler was asked."""
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
        """The text of an option that is longer than a line goes on below itself."""
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
            self.assertIn("(all is made again after a crash)", " ".join(
                line.lstrip("# ") for line in comments))


if __name__ == "__main__":
    main()
