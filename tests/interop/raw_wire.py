"""A WebSocket peer on a bare socket that never writes a case in one piece, and reads with a strict parser of its own.

Its frames are written and read by code that shares nothing with hawser: RFC 6455 section 5.2, byte by byte.
"""

import os
import random
import socket
import struct
import time

from program import PATIENCE, check, check_equal

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
BYTEWISE_PAUSE = 0.0002  # long enough for the program to read every byte alone, most of the time

seed = int(os.environ.get("HAWSER_SEED", "6455"))
dice = random.Random(seed)
print(f"HAWSER_SEED={seed}")


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length=None, announced=None):
    """The bytes of a frame. length: 7, 16 or 64 bits for the size field instead of the least that will do;
    announced: the size that the header claims instead of the payload's."""
    size = len(payload) if announced is None else announced
    if length is None:
        length = 7 if size < 126 else 16 if size < 65_536 else 64
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    if length == 7:
        head += bytes([mask_bit | size])
    elif length == 16:
        head += bytes([mask_bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    key = dice.randbytes(4)
    return head + key + mask(payload, key)


def mask(payload, key):
    """As RFC 6455 5.3 says it, but on one large number: 16 MiB byte by byte would take Python seconds."""
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(keys, "little")).to_bytes(size, "little")


def close_frame(code=None, reason=b"", masked=True):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason, masked=masked)


class Wire:
    def __init__(self, sock, masked):
        """masked: our frames are, as a client's; then the other's must not be."""
        self.socket = sock
        self.masked = masked
        self.received = b""
        self.keys = []
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def frame(self, *arguments, **named):
        return frame(*arguments, masked=self.masked, **named)

    # Writing. The peer may hang up while we still write what comes behind a bad frame: that is its right.

    def drip(self, data):
        """Byte by byte."""
        pause = BYTEWISE_PAUSE if len(data) < 1000 else 0
        for i in range(len(data)):
            if not self.write(data[i:i + 1]):
                return
            if pause:
                time.sleep(pause)

    def chop(self, data):
        """Cut at random positions: mostly short pieces, sometimes long ones."""
        view = memoryview(data)
        longest = max(16, len(data) // 200)
        while view:
            size = dice.choice((1, 2, 3, dice.randint(1, 16), dice.randint(1, longest)))
            if not self.write(view[:size]):
                return
            view = view[size:]

    def write(self, piece):
        try:
            self.socket.sendall(piece)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    # Reading.

    def fill(self):
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)

    def read(self, size):
        if len(self.received) < size:
            pieces, missing = [self.received], size - len(self.received)
            while missing > 0:
                data = self.socket.recv(min(missing, 1 << 20))
                check(data, "the stream ended inside a frame")
                pieces.append(data)
                missing -= len(data)
            self.received = b"".join(pieces)
        data, self.received = self.received[:size], self.received[size:]
        return data

    def read_head(self):
        while b"\r\n\r\n" not in self.received:
            check(self.fill(), f"the stream ended inside a head: {self.received!r}")
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        first, *fields = head.decode().split("\r\n")
        check(all(":" in field for field in fields), f"a field without a colon in {fields}")
        return first, [(name.lower(), value.strip()) for name, value in (field.split(":", 1) for field in fields)]

    def read_frame(self):
        """(fin, opcode, payload) of a frame that is checked against every MUST of RFC 6455 5.2 and 5.5."""
        first, second = self.read(2)
        fin, opcode, size = bool(first & 0x80), first & 0x0F, second & 0x7F
        check_equal(first & 0x70, 0, "reserved bits")
        check(opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), f"opcode {opcode}")
        check_equal(bool(second & 0x80), not self.masked, "mask bit")
        if opcode >= CLOSE:
            check(fin and size < 126, "a control frame that is fragmented or too long")
        if size == 126:
            size, = struct.unpack(">H", self.read(2))
            check(size >= 126, f"16 bits for the size {size}")
        elif size == 127:
            size, = struct.unpack(">Q", self.read(8))
            check(65_536 <= size < 1 << 63, f"64 bits for the size {size}")
        if self.masked:
            return fin, opcode, self.read(size)
        key = self.read(4)
        self.keys.append(key)
        return fin, opcode, mask(self.read(size), key)

    def expect_frame(self, opcode, payload, words):
        self.expect_frames([(opcode, payload)], words)

    def expect_frames(self, expected, words):
        """Messages in their order and pongs in theirs. A pong may overtake the echo of an earlier message: the library
        answers pings, the application messages."""
        frames = [self.read_frame() for _ in expected]
        for pong in (True, False):
            got = [(opcode, payload) for _, opcode, payload in frames if (opcode == PONG) == pong]
            wanted = [(opcode, payload) for opcode, payload in expected if (opcode == PONG) == pong]
            check_equal([opcode for opcode, _ in got], [opcode for opcode, _ in wanted], f"{words}: opcodes")
            check_equal([len(payload) for _, payload in got], [len(payload) for _, payload in wanted], f"{words}: sizes")
            check(got == wanted, f"{words}: the payload differs")
        check(all(fin for fin, _, _ in frames), f"{words}: not final")

    def expect_close(self, code, words):
        fin, opcode, payload = self.read_frame()
        check_equal(opcode, CLOSE, f"{words}: opcode, with {payload[:80]!r}")
        got = struct.unpack(">H", payload[:2])[0] if payload else None
        check_equal(got, code, f"{words}: close code, with {payload[2:]!r}")
        payload[2:].decode()

    def expect_end(self, words):
        while self.fill():
            pass
        check_equal(self.received, b"", f"{words}: bytes behind the Close")
        self.socket.close()


def violations(masked):
    """(words, bytes, close code) of everything that a peer must not send. masked: by a client."""
    def f(*arguments, **named):
        return frame(*arguments, **{"masked": masked, **named})

    def close(payload):
        return f(CLOSE, payload)

    yield "the wrong mask bit", f(TEXT, b"x", masked=not masked), 1002
    for bit in (1, 2, 4):
        yield f"reserved bit {bit}", f(TEXT, b"x", reserved=bit), 1002
        yield f"reserved bit {bit} in a ping", f(PING, reserved=bit), 1002
    for opcode in (3, 7, 11, 15):
        yield f"opcode {opcode}", f(opcode), 1002
    for opcode in (CLOSE, PING, PONG):
        yield f"fragmented control frame {opcode}", f(opcode, fin=False), 1002
        yield f"long control frame {opcode}", f(opcode, b"x" * 126), 1002
    yield "a continuation of nothing", f(CONTINUATION, b"x"), 1002
    yield "a continuation behind a whole message", f(PING, b"") + f(CONTINUATION, b"x", fin=False), 1002
    yield "a text inside a text", f(TEXT, b"a", fin=False) + f(TEXT, b"b"), 1002
    yield "a binary inside a text", f(TEXT, b"a", fin=False) + f(BINARY, b"b", fin=False), 1002
    yield "16 bits for 125", f(BINARY, b"x" * 125, length=16), 1002
    yield "64 bits for 65,535", f(BINARY, b"x" * 65_535, length=64), 1002
    yield "64 bits for 0", f(BINARY, length=64), 1002
    yield "a size with the top bit", f(BINARY, length=64, announced=1 << 63), 1002
    yield "a message over 16 MiB, announced", f(BINARY, announced=16 * 1024 * 1024 + 1), 1009
    yield "an absurd size, announced", f(TEXT, announced=(1 << 63) - 1), 1009
    yield "16 MiB behind one byte", f(BINARY, b"x", fin=False) + f(CONTINUATION, announced=16 * 1024 * 1024), 1009
    yield "a Close of one byte", close(b"\x03"), 1002
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535):
        yield f"a Close with {code}", close(struct.pack(">H", code)), 1002
    yield "a close reason that is not UTF-8", close(struct.pack(">H", 1000) + b"\xff"), 1007
    yield "a close reason that is cut", close(struct.pack(">H", 1000) + "⚓".encode()[:2]), 1007
    for wrong in (b"\xff", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\x80"):
        yield f"text with {wrong!r}", f(TEXT, "moor ⚓".encode() + wrong + b" more"), 1007
        yield f"fragments with {wrong!r}", f(TEXT, b"a" + wrong[:1], fin=False) + f(CONTINUATION, wrong[1:] + b"b"), 1007
    yield "text that ends inside a character", f(TEXT, "⚓".encode()[:2]), 1007
    yield "fragments that end inside a character", f(TEXT, b"a", fin=False) + f(CONTINUATION, "⚓".encode()[:1]), 1007
    yield "the first wrong byte of a long text", f(TEXT, b"\xff", announced=100_000), 1007


VALID_CLOSE_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
