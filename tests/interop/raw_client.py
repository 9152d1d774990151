"""A raw client that drips and chops, against `hawser serve`: echoes, every violation of the protocol, bad handshakes."""

import base64
import hashlib
import socket

from program import Serve, check, check_equal, run_tests
from raw_echo import echo_everything, echo_random_conversations
from raw_wire import BINARY, PING, PONG, TEXT, VALID_CLOSE_CODES, Wire, close_frame, dice, frame, violations

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_for(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def request_lines(port, key="dGhlIHNhbXBsZSBub25jZQ=="):
    return {"": "GET /deck HTTP/1.1", "Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}


def request(lines, more=""):
    first, *fields = lines.items()
    return (first[1] + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + more + "\r\n").encode()


def dial(serve):
    return Wire(socket.create_connection(("127.0.0.1", serve.port)), masked=True)


def expect_101(wire, key):
    first, fields = wire.read_head()
    check(first.startswith("HTTP/1.1 101 "), first)
    found = dict(fields)
    check_equal(len(found), len(fields), "fields that stand once")
    check_equal(found.get("upgrade", "").lower(), "websocket", "Upgrade")
    check_equal(found.get("connection", "").lower(), "upgrade", "Connection")
    check_equal(found.get("sec-websocket-accept"), accept_for(key), "Sec-WebSocket-Accept")
    for absent in ("sec-websocket-extensions", "sec-websocket-protocol", "content-length", "transfer-encoding"):
        check(absent not in found, f"{absent} in the answer")


def open_wire(serve):
    wire = dial(serve)
    key = base64.b64encode(dice.randbytes(16)).decode()
    wire.chop(request(request_lines(serve.port, key)))
    expect_101(wire, key)
    return wire


def close_cleanly(wire):
    wire.drip(close_frame(1000))
    wire.expect_close(1000, "the end")
    wire.expect_end("the end")


def handshakes(serve):
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    lines = request_lines(serve.port)
    for head in (
        request(lines),
        request({**lines, "Connection": "keep-alive , UPGRADE", "Upgrade": "h2c, WebSocket"}),
        request({name.upper() if name != "" else "": value for name, value in lines.items()}),
        request({**lines, "Sec-WebSocket-Key": f"  {key}\t "}),
        request(lines, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-rope; length=3\r\n"),
        request(lines, "X-Long: " + "x" * 8000 + "\r\n"),
    ):
        for write in (Wire.drip, Wire.chop):
            wire = dial(serve)
            write(wire, head)
            expect_101(wire, key)
            close_cleanly(wire)


def frames_behind_the_request(serve):
    """What comes in the same pieces as the request is not lost."""
    for write in (Wire.drip, Wire.chop, Wire.write):
        wire = dial(serve)
        lines = request_lines(serve.port)
        write(wire, request(lines) + wire.frame(TEXT, b"early") + wire.frame(PING, b"bird") + close_frame(1000))
        expect_101(wire, lines["Sec-WebSocket-Key"])
        wire.expect_frames([(TEXT, b"early"), (PONG, b"bird")], "behind the request")
        wire.expect_close(1000, "behind the request")
        wire.expect_end("behind the request")


def refused_handshakes(serve):
    lines = request_lines(serve.port)

    def without(name):
        return {other: value for other, value in lines.items() if other != name}

    for words, head, status in (
        ("another version", request({**lines, "Sec-WebSocket-Version": "12"}), 426),
        ("no version", request(without("Sec-WebSocket-Version")), None),
        ("no key", request(without("Sec-WebSocket-Key")), 400),
        ("two keys", request(lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
        ("a short key", request({**lines, "Sec-WebSocket-Key": "c2hvcnQ="}), 400),
        ("a key that is not base64", request({**lines, "Sec-WebSocket-Key": "!" * 22 + "=="}), 400),
        ("no host", request(without("Host")), 400),
        ("two hosts", request(lines, "Host: elsewhere\r\n"), 400),
        ("HTTP/1.0", request({**lines, "": "GET / HTTP/1.0"}), 505),
        ("POST", request({**lines, "": "POST / HTTP/1.1"}), 405),
        ("a body", request(lines, "Content-Length: 5\r\n") + b"hello", 400),
        ("a field name with a space", request(lines, "X Mast: tall\r\n"), 400),
        ("a folded line", request(lines, "X-Mast: tall\r\n and thin\r\n"), 400),
        ("no colon", request(lines, "mast\r\n"), 400),
        ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        ("another origin", request({**lines, "Origin": "https://evil.example"}), 403),
        ("a head over 16 KiB", request(lines, "X-Long: " + "x" * 17_000 + "\r\n"), 431),
        ("101 fields", request(lines, "X-Many: 1\r\n" * 101), 431),
    ):
        wire = dial(serve)
        wire.chop(head)
        expect_refusal(wire, words, status)


def expect_refusal(wire, words, status):
    first, fields = wire.read_head()
    got = int(first.split(" ")[1])
    check(first.startswith("HTTP/1.1 ") and 400 <= got <= 505, f"{words}: {first}")
    if status is not None:
        check_equal(got, status, words)
    found = dict(fields)
    body = wire.read(int(found["content-length"]))
    check(body.decode().strip(), f"{words}: the body says nothing")
    if got == 426:
        check_equal(found.get("sec-websocket-version"), "13", f"{words}: Sec-WebSocket-Version (RFC 6455 4.4)")
    wire.expect_end(words)


def echo(serve):
    wire = open_wire(serve)
    echo_random_conversations(wire, 60)
    echo_everything(wire)
    close_cleanly(wire)


def every_violation(serve):
    """The message before the bad frame is still echoed, then comes the Close with its code."""
    for words, data, code in violations(masked=True):
        for write in (Wire.drip, Wire.chop):
            wire = open_wire(serve)
            write(wire, wire.frame(BINARY, b"before") + data)
            pongs = [(PONG, b"")] if data.startswith(b"\x89\x80") else []
            wire.expect_frames([(BINARY, b"before"), *pongs], words)
            wire.expect_close(code, words)
            wire.write(close_frame(code))
            wire.expect_end(words)


def closes(serve):
    for code in (None, *VALID_CLOSE_CODES):
        wire = open_wire(serve)
        wire.chop(wire.frame(TEXT, b"before") + close_frame(code, b"" if code is None else "moor ⚓".encode()))
        wire.expect_frame(TEXT, b"before", f"Close with {code}")
        wire.expect_close(code, f"Close with {code}")
        wire.expect_end(f"Close with {code}")
    longest = open_wire(serve)
    longest.drip(close_frame(4000, b"r" * 123))
    longest.expect_close(4000, "the longest reason")
    longest.expect_end("the longest reason")


def nothing_counts_behind_a_close(serve):
    wire = open_wire(serve)
    wire.chop(close_frame(1000) + wire.frame(TEXT, b"late") + wire.frame(PING, b"late") + b"\xff\xff\xff")
    wire.expect_close(1000, "behind a Close")
    wire.expect_end("behind a Close")


def hang_ups(serve):
    """Peers that vanish at any point leave the server as it was."""
    head = request(request_lines(serve.port))
    message = head + frame(BINARY, b"x" * 300)
    for size in sorted(dice.sample(range(len(message)), 40)):
        wire = dial(serve)
        wire.write(message[:size])
        wire.socket.close()
    close_cleanly(open_wire(serve))


def with_serve(test):
    def run():
        with Serve("--echo", "--quiet") as serve:
            test(serve)
            serve.stop()
    return run


run_tests({words: with_serve(test) for words, test in {
    "handshakes": handshakes,
    "frames behind the request": frames_behind_the_request,
    "refused handshakes": refused_handshakes,
    "echo": echo,
    "every violation": every_violation,
    "closes": closes,
    "nothing counts behind a Close": nothing_counts_behind_a_close,
    "hang-ups": hang_ups,
}.items()})
