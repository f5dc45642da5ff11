# SPDX-License-Identifier: Apache-2.0
"""Stands for the program that runs functions: listens at FOLDER/invoke.sock, and has accepted a batch
when it is a line of FOLDER/queue, on disk. It reads that file when it starts, and knows batches again.

FOLDER/deed names a misbehaviour, and the function or the object that alone is concerned, if there is
one. FOLDER/calls has a line for each call: the deed and the batch.

Usage: invoke_receiver.py FOLDER
"""

import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path

import control_frames as control

FACTS = ("function", "bucket", "trigger", "epoch", "first", "last", "generation", "n_events",
         "events_hash")


def key_of(call):
    return tuple(call[name] for name in FACTS)


def receive_call(connection):
    """Returns the next call; None at the end of the connection."""
    packet, beside, _flags, _address = connection.recvmsg(1 << 17, 1024)
    if not packet:
        return None
    files = [fd for _level, _type, data in beside for fd in struct.unpack(f"{len(data) // 4}i", data)]
    if not files:
        return control.parse_invoke(packet)
    with open(files[0], "rb") as file:
        file.seek(0)
        return control.parse_invoke(packet, file.read())


def append(path, row):
    """Appends a line, which is on disk at the end of the call."""
    with open(path, "ab", buffering=0) as file:
        file.write(json.dumps(row).encode() + b"\n")
        os.fsync(file.fileno())


def read_lines(path):
    """Returns the lines of a file. A kill may have cut off the last one."""
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def drop_cut_line(path):
    """Removes the line that a kill has cut off: another one would be appended to it."""
    if path.exists():
        whole = path.read_bytes().rpartition(b"\n")
        os.truncate(path, len(whole[0]) + len(whole[1]))


def concerns(call, name):
    """True if the batch is for this function, or has an event of this object."""
    return name == call["function"] or any(record["s3"]["object"]["key"] == name
                                           for record in json.loads(call["payload"])["Records"])


class Receiver:

    def __init__(self, folder):
        self.folder = folder
        self.queue = folder / "queue"
        rows = read_lines(self.queue)
        drop_cut_line(self.queue)
        drop_cut_line(folder / "calls")
        self.known = {key_of(row) for row in rows}
        # Connections that get no answer.
        self.held = []

    def deed(self):
        try:
            return (self.folder / "deed").read_text().strip()
        except FileNotFoundError:
            return ""

    def listen(self):
        path, unready = self.folder / "invoke.sock", self.folder / "invoke.sock.new"
        unready.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(unready))
        unready.chmod(0o600)
        listener.listen(64)
        unready.rename(path)
        return listener

    def accept_batch(self, connection, call):
        if key_of(call) in self.known:
            connection.send(control.invoke_answer(call, control.KNOWN))
            return
        append(self.queue, call)
        self.known.add(key_of(call))
        connection.send(control.invoke_answer(call, control.ACCEPTED))

    def misbehave(self, deed, connection, call):
        if deed == "throttle":
            connection.send(control.invoke_answer(call, control.THROTTLED, 100, "too many calls"))
        elif deed == "refuse":
            connection.send(control.invoke_answer(call, control.REFUSED, 0, "no such function"))
        elif deed == "refuse-at-length":
            connection.send(control.invoke_answer(call, control.REFUSED, 0, "ü" * 60))
        elif deed == "silent":
            self.held.append(connection.dup())
        elif deed == "garbage":
            connection.send(os.urandom(100))
        elif deed == "other":
            other = {**call, "last": call["last"] + 1}
            connection.send(control.invoke_answer(other, control.ACCEPTED))
        elif deed == "sync":
            connection.send(control.frame(control.ANSWER, row_version=2))
        elif deed == "file":
            with open(self.queue, "ab") as file:
                socket.send_fds(connection, [control.invoke_answer(call, control.ACCEPTED)],
                                [file.fileno()])
        elif deed == "error":
            connection.send(control.refusal("busy\x1b[31m with other things"))
        elif deed == "flood":
            try:
                while True:
                    connection.send(control.item("x" * 16000))
            except OSError:
                pass  # the daemon has closed the connection
        elif deed == "close-after-writing":
            if key_of(call) not in self.known:
                append(self.queue, call)
                self.known.add(key_of(call))
        elif deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed == "die-after-writing":
            append(self.queue, call)
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed != "close":
            raise ValueError(deed)

    def serve(self, connection):
        _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        call = receive_call(connection) if uid in (0, os.geteuid()) else None
        if not call:
            return
        deed = self.deed()
        name = deed.partition(" ")[2]
        if name and not concerns(call, name):
            deed = ""
        append(self.folder / "calls", {"deed": deed, **call})
        if deed:
            self.misbehave(deed.partition(" ")[0], connection, call)
        else:
            self.accept_batch(connection, call)

    def run(self):
        listener = self.listen()
        while True:
            connection, _address = listener.accept()
            with connection:
                try:
                    self.serve(connection)
                except ConnectionError:
                    pass  # the daemon was killed


if __name__ == "__main__":
    Receiver(Path(sys.argv[1])).run()
