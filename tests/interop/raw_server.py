"""A raw server that drips and chops, against `hawser connect`: echoes, every violation of the protocol, bad answers."""

import base64
import hashlib
import socket

from program import PATIENCE, Connect, check, check_equal, run_tests
from raw_echo import echo_everything, echo_random_conversations
from raw_wire import BINARY, PING, PONG, TEXT, VALID_CLOSE_CODES, Wire, close_frame, violations

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NETWORK, REFUSED, PROTOCOL = 3, 2, 4  # exit statuses of hawser connect


class Call:
    """One `hawser connect` and our end of its connection, its request read and checked."""

    def __init__(self, *arguments):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(PATIENCE)
        self.port = listener.getsockname()[1]
        self.program = Connect(f"ws://127.0.0.1:{self.port}/deck?rope=3", *arguments)
        self.wire = Wire(listener.accept()[0], masked=False)
        listener.close()
        self.key = self.check_request()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()
        self.program.__exit__()

    def check_request(self):
        first, fields = self.wire.read_head()
        found = dict(fields)
        check_equal(first, "GET /deck?rope=3 HTTP/1.1", "request line")
        check_equal(len(found), len(fields), "fields that stand once")
        check_equal(found["host"], f"127.0.0.1:{self.port}", "Host")
        check_equal(found["upgrade"].lower(), "websocket", "Upgrade")
        check("upgrade" in found["connection"].lower(), "Connection")
        check_equal(found["sec-websocket-version"], "13", "Sec-WebSocket-Version")
        check_equal(len(base64.b64decode(found["sec-websocket-key"], validate=True)), 16, "size of the nonce")
        check_equal(self.wire.received, b"", "bytes behind the request")
        return found["sec-websocket-key"]

    def accept(self):
        return base64.b64encode(hashlib.sha1((self.key + GUID).encode()).digest()).decode()

    def answer(self, status="101 Switching Protocols", more="", **changes):
        """The head of the answer; changes: Accept="..." or None to leave it out."""
        fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Accept": self.accept(), **changes}
        names = {"Accept": "Sec-WebSocket-Accept"}
        lines = "".join(f"{names.get(name, name)}: {value}\r\n" for name, value in fields.items() if value is not None)
        return f"HTTP/1.1 {status}\r\n{lines}{more}\r\n".encode()

    def ends_with(self, status, words):
        self.wire.expect_end(words)
        self.program.expect_status(status, words)


def open_call(*arguments):
    call = Call("--echo", *arguments)
    call.wire.chop(call.answer())
    return call


def close_cleanly(call, words):
    call.wire.drip(close_frame(1000, masked=False))
    call.wire.expect_close(1000, words)
    call.wire.socket.shutdown(socket.SHUT_WR)  # RFC 6455 7.1.1: the server closes first
    call.ends_with(0, words)


def handshakes():
    for words, more, changes in (
        ("as usual", "", {}),
        ("other case", "", {"Upgrade": "WebSocket", "Connection": "keep-alive, UPGRADE"}),
        ("more fields", "Server: raw\r\nX-Long: " + "x" * 8000 + "\r\n", {}),
        ("no reason phrase", "", {"status": "101 "}),
    ):
        for write in (Wire.drip, Wire.chop):
            with Call("--echo") as call:
                write(call.wire, call.answer(more=more, **changes))
                close_cleanly(call, words)


def frames_behind_the_answer():
    for write in (Wire.drip, Wire.chop, Wire.write):
        with Call("--echo") as call:
            wire = call.wire
            frames = wire.frame(TEXT, b"early") + wire.frame(PING, b"bird") + close_frame(4000, b"go", masked=False)
            write(wire, call.answer() + frames)
            wire.expect_frames([(TEXT, b"early"), (PONG, b"bird")], "behind the answer")
            wire.expect_close(4000, "behind the answer")
            wire.socket.shutdown(socket.SHUT_WR)
            call.ends_with(0, "behind the answer")


def bad_answers():
    for words, status, head in (
        ("no Accept", PROTOCOL, lambda call: call.answer(Accept=None)),
        ("another Accept", PROTOCOL, lambda call: call.answer(Accept="s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ("no Upgrade", PROTOCOL, lambda call: call.answer(Upgrade=None)),
        ("another Upgrade", PROTOCOL, lambda call: call.answer(Upgrade="h2c")),
        ("no Connection", PROTOCOL, lambda call: call.answer(Connection=None)),
        ("an extension that was not offered", PROTOCOL,
         lambda call: call.answer(more="Sec-WebSocket-Extensions: x-unknown\r\n")),
        ("a subprotocol that was not offered", PROTOCOL,
         lambda call: call.answer(more="Sec-WebSocket-Protocol: other\r\n")),
        ("200", REFUSED, lambda call: call.answer("200 OK")),
        ("301", REFUSED, lambda call: call.answer("301 Moved Permanently", "Location: ws://127.0.0.1:1/\r\n")),
        ("403 with a body", REFUSED, lambda call: call.answer("403 Forbidden", "Content-Length: 2\r\n") + b"no"),
        ("503", REFUSED, lambda call: call.answer("503 Service Unavailable")),
        ("no HTTP", PROTOCOL, lambda call: b"220 mail.example ESMTP\r\n\r\n"),
        ("a head over 16 KiB", PROTOCOL, lambda call: call.answer(more="X-Long: " + "x" * 17_000 + "\r\n")),
    ):
        with Call("--echo", "--subprotocol", "chat") as call:
            call.wire.chop(head(call))
            call.ends_with(status, words)


def silence_and_hang_ups():
    with Call("--echo", "--timeout", "1") as call:
        call.ends_with(NETWORK, "no answer")
    with Call("--echo") as call:
        call.wire.drip(call.answer()[:-2])
        call.wire.socket.close()
        call.program.expect_status(NETWORK, "hung up inside the answer")
    with open_call() as call:
        call.wire.drip(call.wire.frame(TEXT, b"half a message")[:-3])
        call.wire.socket.close()
        call.program.expect_status(NETWORK, "hung up inside a frame")


def echo():
    with open_call() as call:
        echo_random_conversations(call.wire, 60)
        echo_everything(call.wire)
        # RFC 6455 5.3: the masking key of every frame is fresh and unpredictable.
        check(len(set(call.wire.keys)) > len(call.wire.keys) * 0.99, "masking keys repeat")
        close_cleanly(call, "echo")


def every_violation():
    for words, data, code in violations(masked=False):
        with open_call() as call:
            wire = call.wire
            wire.chop(wire.frame(BINARY, b"before") + data)
            pongs = [(PONG, b"")] if data.startswith(b"\x89\x00") else []
            wire.expect_frames([(BINARY, b"before"), *pongs], words)
            wire.expect_close(code, words)
            wire.write(close_frame(code, masked=False))
            wire.socket.shutdown(socket.SHUT_WR)
            call.ends_with(PROTOCOL, words)


def closes():
    for code in (None, *VALID_CLOSE_CODES):
        with open_call() as call:
            call.wire.chop(call.wire.frame(TEXT, b"before") + close_frame(code, masked=False))
            call.wire.expect_frame(TEXT, b"before", f"Close with {code}")
            call.wire.expect_close(code, f"Close with {code}")
            call.wire.socket.shutdown(socket.SHUT_WR)
            call.ends_with(0, f"Close with {code}")


run_tests({
    "handshakes": handshakes,
    "frames behind the answer": frames_behind_the_answer,
    "bad answers": bad_answers,
    "silence and hang-ups": silence_and_hang_ups,
    "echo": echo,
    "every violation": every_violation,
    "closes": closes,
})
