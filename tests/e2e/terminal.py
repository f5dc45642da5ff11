# SPDX-License-Identifier: Apache-2.0
"""A terminal on which a command runs, and the content of its screen."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from harness import DEADLINE_S, THUMBQ, check_sanitizers


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *arguments, columns=80, **environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(THUMBQ, [THUMBQ, *map(os.fspath, arguments)],
                      {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment})
        self.resize(columns)
        self.shown = ""

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def read(self):
        """Returns the output since the last call; "" after the end."""
        if not select.select([self.fd], [], [], DEADLINE_S)[0]:
            raise AssertionError(f"nothing is shown any more after:\n{self.shown[-2000:]}")
        try:
            text = os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            text = ""
        self.shown += text
        return text

    def wait_for(self, pattern):
        end = time.monotonic() + DEADLINE_S
        while not re.search(pattern, self.shown):
            if not self.read() or time.monotonic() > end:
                raise AssertionError(f"'{pattern}' was not shown:\n{self.shown[-2000:]}")

    def press(self, keys):
        os.write(self.fd, keys)

    def finish(self):
        """Waits for its end. Returns its exit status, negative for a signal."""
        while self.read():
            pass
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        check_sanitizers(self.shown)
        return os.waitstatus_to_exitcode(status)

    def screen(self):
        """Returns the lines of the screen at the end. It follows carriage returns, clearing and
        newlines."""
        lines, column = [""], 0
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.shown):
            if part == "\r":
                column = 0
            elif part == "\n":
                lines.append("")
                column = 0
            elif part in ("\x1b[K", "\x1b[J"):
                lines[-1] = lines[-1][:column]
            elif not part.startswith("\x1b"):
                lines[-1] = lines[-1][:column] + part + lines[-1][column + len(part):]
                column += len(part)
        return [line.rstrip() for line in lines if line.strip()]
