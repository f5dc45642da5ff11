# SPDX-License-Identifier: Apache-2.0
"""A daemon in the background, and its workers."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from processes import children, is_alive, is_reader, parse_reports, process_stat
from programs import THUMBQ
from waiting import DEADLINE_S, wait_for


class Daemon:
    """A `thumbq run` in the background, with its stderr in a file."""

    def __init__(self, arguments, log_path, program=THUMBQ, env=None):
        self.log_path = Path(log_path)
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen([program, "run"] + arguments, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log,
                                            env={**os.environ, **(env or {})})
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def reports(self):
        return parse_reports(self.log())

    def is_running(self):
        return self.process.poll() is None

    def workers(self):
        """Returns the workers: the processes in the fork server's process group, without the server
        itself."""
        ours = os.getpgid(0)  # the group of the fork server for a moment, before it has its own
        return [pid for pid, group in children(self.pid).items() if group not in (pid, ours)]

    def family(self):
        """Returns all its processes: the fork server, the workers and the query reader."""
        return list(children(self.pid))

    def handlers(self):
        """Returns the fork server and the workers."""
        return [pid for pid in self.family() if not is_reader(pid)]

    def reader(self):
        """Returns the process id of the query reader; None while there is none."""
        return next((pid for pid in self.family() if is_reader(pid)), None)

    def wait_workers(self, n):
        return wait_for(lambda: len(found := self.workers()) == n and found, f"{n} workers",
                        self.log)

    def pause_worker(self):
        """Stops the only worker wherever it is. Returns its process id."""
        def stop():
            pid, = self.wait_workers(1)
            with contextlib.suppress(ProcessLookupError):  # it was replaced meanwhile
                os.kill(pid, signal.SIGSTOP)
            stat = process_stat(pid)
            return pid if stat and stat[0] == "T" else None

        return wait_for(stop, "the worker to be stopped", self.log)

    def wait(self):
        """Waits for its end. Returns its exit status."""
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not end:\n{self.log()}") from None

    def stop(self, signum=signal.SIGTERM):
        """Ends it. Returns its exit status."""
        if self.is_running():
            self.process.send_signal(signum)
        return self.wait()

    def kill(self):
        """Sends SIGKILL, and waits until its handlers have ended, too."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        for pid in family:
            wait_for(lambda: not is_alive(pid), f"handler {pid} to end with its daemon")
