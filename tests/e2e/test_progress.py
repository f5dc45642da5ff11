# SPDX-License-Identifier: Apache-2.0
"""Progress on a terminal: the bar, its width, its characters, and its end."""

import os
import re
import signal
import unicodedata

from harness import RED, main, png
from jobs import JobsTest
from terminal import Terminal


def drawn_lines(shown):
    """Returns the progress lines, each time the command drew them."""
    parts = re.split(r"[\r\n]|\x1b\[[0-9;]*[A-Za-z]", shown)
    return [part for part in parts if re.match(r"(reprocess|thumbnails|sync|sweep) ?[\[0-9 ]", part)]


def columns_of(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class OnTerminal(JobsTest):

    def check_lines(self, shown, columns):
        lines = drawn_lines(shown)
        self.assertTrue(lines, shown)
        for line in lines:
            self.assertLess(columns_of(line), columns, line)
        return lines

    def test_progress(self):
        names = [f"{i}.png" for i in range(40)]
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        for columns, words in ((80, ["run", "--once"]), (80, ["reprocess"]), (30, ["reprocess"])):
            terminal = Terminal(*words, self.bucket.path, columns=columns)
            self.assertEqual(terminal.finish(), 0)
            screen = terminal.screen()
            self.assertEqual([line for line in screen if "%" in line or "[" in line], [], screen)
            if drawn_lines(terminal.shown):  # on a fast machine there is no time for any
                self.check_lines(terminal.shown, columns)

    def test_bar(self):
        """A bar that stands still can be compared. It follows the width of the terminal."""
        self.fill("a.png", "b.png")
        _daemon, worker = self.start_paused()
        terminal = Terminal("reprocess", self.bucket.path, columns=80)
        terminal.wait_for(r"reprocess \[ {40}\]   0%  0 of 3")
        terminal.resize(50)
        terminal.wait_for(r"reprocess \[ {17}\]   0%  0 of 3  0.0/s\x1b")
        terminal.resize(12)
        terminal.wait_for(r"\r(\x1b\[J)?0 of 3")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual([line for line in terminal.screen() if "%" in line], [])

    def test_locale(self):
        self.fill("a.png", "b.png")
        _daemon, worker = self.start_paused()
        terminal = Terminal("reprocess", self.bucket.path, LC_ALL="C")
        terminal.wait_for("0 of 3")
        self.assertTrue(terminal.shown.isascii(), terminal.shown)
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(terminal.finish(), 0)

    def test_elsewhere_nothing(self):
        self.fill("a.png")
        for environment in ({}, {"TERM": "xterm", "LC_ALL": "C.UTF-8"}):
            result = self.bucket.command("reprocess", self.bucket.path, env=environment)
            self.assertNotIn("\x1b", result.log + result.out)
            self.assertNotIn("\r", result.log + result.out)
        terminal = Terminal("reprocess", self.bucket.path, TERM="dumb")
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn("\x1b", terminal.shown)

    def test_interrupted_command_cleans_up(self):
        self.fill("a.png")
        self.start_paused()
        self.bucket.put("late.png", png(5, 5, RED))
        terminal = Terminal("sync", self.bucket.path)
        terminal.wait_for(r"sync .*0 of 1")
        terminal.press(b"\x03")
        self.assertEqual(terminal.finish(), -signal.SIGINT)
        self.assertEqual([line for line in terminal.screen() if "sync" in line], [])


if __name__ == "__main__":
    main()
