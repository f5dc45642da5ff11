# SPDX-License-Identifier: Apache-2.0
"""The frames of control and query sockets, implemented a second time, for tests that send and read
them byte by byte."""

import socket
import struct

MAGIC, VERSION = 0x31637174, 1
HEADER = struct.Struct("<IIHHHHII")  # magic, length, version, type, row version, flags, lengths

SYNC, SWEEP, EDIT, JOB_SUBMIT, JOB_WAIT, JOB_CANCEL, COMMIT = range(1, 8)
PROGRESS, ITEM, ERROR, ANSWER = 0x1000, 0x1001, 0x1002, 0x1003


def text(value):
    """Encodes a text as a field."""
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<H", len(data)) + data + b"\0"


def frame(kind, fields=b"", payload=b"", row_version=1, version=VERSION):
    length = HEADER.size + len(fields) + len(payload)
    return HEADER.pack(MAGIC, length, version, kind, row_version, 0, len(fields),
                       len(payload)) + fields + payload


def item(value):
    return frame(ITEM, text(value), row_version=0)


def refusal(value, code=100):
    return frame(ERROR, struct.pack("<I", code) + text(value), row_version=0)


def parse(packet):
    """Returns (type, fields) of a frame, or (None, packet) if the packet is not a frame."""
    if len(packet) < HEADER.size or HEADER.unpack_from(packet)[0] != MAGIC:
        return None, packet
    kind, fields_len = HEADER.unpack_from(packet)[3], HEADER.unpack_from(packet)[6]
    return kind, packet[HEADER.size:HEADER.size + fields_len]


def parse_refusal(packet):
    """Returns (code, text) of a refusal, or None for any other packet."""
    kind, fields = parse(packet)
    if kind != ERROR:
        return None
    code, length = struct.unpack_from("<IH", fields)
    return code, fields[6:6 + length].decode()


class Client:
    """A connection to a socket."""

    def __init__(self, path, timeout=60):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.socket.close()

    def send(self, packet):
        self.socket.send(packet)

    def receive(self):
        """Returns the next packet; b"" at the end."""
        try:
            return self.socket.recv(1 << 17)
        except ConnectionResetError:
            # The kernel reports the reset once, before the packets that were sent.
            return self.receive()

    def ask(self, packet):
        """Sends a packet and returns the answer or the refusal. Skips the packets before it."""
        self.send(packet)
        while True:
            answer = self.receive()
            if parse(answer)[0] not in (PROGRESS, ITEM):
                return answer


QUESTION = 8


class Answer:
    """The answer to a question."""

    def __init__(self, packet, file=None):
        kind, length = HEADER.unpack_from(packet)[3], HEADER.unpack_from(packet)[6]
        if kind != ANSWER:
            raise AssertionError(f"no answer: {packet}")
        self.status, self.reset = struct.unpack_from("<IB", packet, HEADER.size)
        payload = packet[HEADER.size + length:] if file is None else file
        following, _nul, self.output = payload.partition(b"\0")
        self.next = following.decode()

    def lines(self):
        return self.output.decode().splitlines()


def question(words, after="", rows=1000, look=0, width=0, wait=False, row_version=1):
    payload = b"".join(word.encode() + b"\0" for word in words)
    return frame(QUESTION, text(after) + struct.pack("<IIIB", rows, look, width, wait), payload,
                 row_version)


def receive_answer(client):
    """Returns the next answer, from the packet or from the memory file beside it."""
    while True:
        packet, beside, _flags, _address = client.socket.recvmsg(1 << 17, 1024)
        if not packet:
            raise ConnectionResetError("the reader has ended")
        # An item is a line of the log of the command.
        if parse(packet)[0] != ITEM:
            break
    files = [fd for _level, _type, data in beside for fd in struct.unpack(f"{len(data) // 4}i", data)]
    if not files:
        return Answer(packet)
    with open(files[0], "rb") as file:
        file.seek(0)
        return Answer(packet, file.read())


def ask(path, words, **options):
    """Returns the answer to one question; raises for a refusal. Asks again if the reader was renewed."""
    for attempt in range(3):
        try:
            with Client(path) as client:
                client.send(question(words, **options))
                return receive_answer(client)
        except OSError:
            if attempt == 2:
                raise
    return None


# A program for another user: sends a frame, given as hexadecimal, to a socket, and prints the answer.
ASK = ("import socket, sys\n"
       "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
       "s.settimeout(30)\n"
       "s.connect(sys.argv[1])\n"
       "try:\n    s.send(bytes.fromhex(sys.argv[2]))\n"
       "except BrokenPipeError:\n    pass\n"
       "try:\n    data = s.recv(10000)\n"
       "except ConnectionResetError:\n    data = s.recv(10000)\n"
       "print(data.hex())\n")


INVOKE = 10
ACCEPTED, KNOWN, THROTTLED, REFUSED = range(4)


def parse_invoke(packet, file=None):
    """Returns the fields of a call of a function, with its events as `payload`; None for any other
    packet. `file`: the content of the memory file beside the packet."""
    kind, fields = parse(packet)
    if kind != INVOKE:
        return None
    call, at = {}, 0
    for name in ("function", "bucket", "trigger"):
        length, = struct.unpack_from("<H", fields, at)
        call[name] = fields[at + 2:at + 2 + length].decode()
        at += length + 3
    numbers = struct.unpack_from("<QQQIIQ", fields, at)
    names = ("epoch", "first", "last", "generation", "n_events", "events_hash")
    call.update(zip(names, numbers))
    payload = packet[HEADER.size + len(fields):] if file is None else file
    call["payload"] = payload.rstrip(b"\0").decode()
    return call


def invoke_answer(call, verdict, retry_ms=0, reason=""):
    return frame(ANSWER, struct.pack("<IQQII", verdict, call["first"], call["last"],
                                     call["generation"], retry_ms) + text(reason),
                 row_version=2)
