"""What the tests of the hawser program share: the program as a process, and a WebSocket on a raw socket."""

import base64
import hashlib
import os
import signal
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import unittest
import zlib

HAWSER = os.environ.get("HAWSER", "hawser")
PATIENCE = 60  # seconds after which a test is stuck; nothing is measured by it

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def close_payload(code, reason=""):
    return struct.pack("!H", code) + reason.encode()


class RawWebSocket:
    """One end of a WebSocket after the handshake, frame by frame. A client masks, a server does not."""

    def __init__(self, sock, client):
        self.sock = sock
        self.client = client
        self.sock.settimeout(PATIENCE)
        self.stream = sock.makefile("rb")

    def send_frame(self, opcode, payload=b"", final=True, masked=None):
        masked = self.client if masked is None else masked
        head = bytes([(0x80 if final else 0) | opcode])
        mask_bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([mask_bit | len(payload)])
        elif len(payload) < 65536:
            head += bytes([mask_bit | 126]) + struct.pack("!H", len(payload))
        else:
            head += bytes([mask_bit | 127]) + struct.pack("!Q", len(payload))
        # The masking key is zero: it is allowed, and leaves the payload as it is.
        self.sock.sendall(head + (b"\0\0\0\0" if masked else b"") + payload)

    def send_fragments(self, opcode, payload, count):
        size = max(1, len(payload) // (count - 1))
        pieces = [payload[i * size : (i + 1) * size] for i in range(count - 1)] + [payload[(count - 1) * size :]]
        mask = b"\0\0\0\0" if self.client else b""
        mask_bit = 0x80 if self.client else 0
        frames = bytearray()
        for index, piece in enumerate(pieces):
            frames.append((0x80 if index == count - 1 else 0) | (opcode if index == 0 else 0))
            if len(piece) < 126:
                frames.append(mask_bit | len(piece))
            elif len(piece) < 65536:
                frames += bytes([mask_bit | 126]) + struct.pack("!H", len(piece))
            else:
                frames += bytes([mask_bit | 127]) + struct.pack("!Q", len(piece))
            frames += mask + piece
        self.sock.sendall(frames)

    def read(self, size):
        data = self.stream.read(size)
        if len(data) < size:
            raise EOFError("the connection ended")
        return data

    def receive_frame(self):
        """(opcode, payload, final); frames of the wrong masking raise."""
        first, second = self.read(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.read(8))
        masked = bool(second & 0x80)
        if masked == self.client:
            raise AssertionError("a client must mask, a server must not (RFC 6455 5.1)")
        mask = self.read(4) if masked else None
        payload = self.read(size)
        if mask:
            payload = unmasked(payload, mask)
        return first & 0x0F, payload, bool(first & 0x80)

    def receive(self):
        """The next whole message or control frame: (opcode, payload)."""
        opcode, payload, final = self.receive_frame()
        while not final:
            _, more, final = self.receive_frame()
            payload += more
        return opcode, payload

    def at_end(self):
        return self.stream.read(1) == b""

    def close(self):
        self.stream.close()
        self.sock.close()


def inflated(payload):
    """What the payload of a message is that was compressed on its own (RFC 7692 7.2.2)."""
    return zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")


def unmasked(payload, mask):
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")


def read_head(stream):
    """The start line and the header fields of an HTTP head."""
    lines = []
    while True:
        line = stream.readline()
        if line in (b"\r\n", b""):
            break
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    fields = {}
    for line in lines[1:]:
        name, value = line.split(":", 1)
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    return lines[0] if lines else "", fields


def http(port, request):
    """Sends a request, returns (status, fields, body) of the answer."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        sock.sendall(request.encode())
        stream = sock.makefile("rb")
        line, fields = read_head(stream)
        return int(line.split(" ")[1]), fields, stream.read()


def upgrade_request(port, path="/", fields=()):
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *fields,
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def open_client(port, path="/", fields=(), context=None):
    """A raw WebSocket client of a server at the port, and the fields of its 101. context: of ssl, for wss://."""
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
    if context:
        sock = context.wrap_socket(sock, server_hostname="localhost")
    sock.sendall(upgrade_request(port, path, fields).encode())
    client = RawWebSocket(sock, client=True)
    line, answer = read_head(client.stream)
    if " 101 " not in line:
        client.close()
        raise ConnectionRefusedError(line)
    # RFC 6455 1.3: the answer to the sample nonce.
    if answer["sec-websocket-accept"] != ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]:
        raise AssertionError("wrong Sec-WebSocket-Accept")
    return client, answer


class FakeServer:
    """Accepts one connection in a thread and runs a script on it; join() raises what the script raised. context: of ssl,
    for wss://."""

    def __init__(self, script, answer=None, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'wss' if context else 'ws'}://127.0.0.1:{self.port}/"
        self.context = context
        self.script = script
        self.answer = answer
        self.failure = None
        self.fields = {}
        self.request_line = ""
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.listener.settimeout(PATIENCE)
            sock, _ = self.listener.accept()
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            peer = RawWebSocket(sock, client=False)
            self.request_line, self.fields = read_head(peer.stream)
            sock.sendall((self.answer or self.accept)(self.fields).encode())
            self.script(peer)
            peer.close()
        except Exception as failure:  # handed to the test by join
            self.failure = failure

    @staticmethod
    def accept(fields, extra=""):
        key = fields["sec-websocket-key"][0]
        return (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{extra}\r\n"
        )

    def join(self):
        self.thread.join(PATIENCE)
        self.listener.close()
        if self.failure:
            raise self.failure
        if self.thread.is_alive():
            raise AssertionError("the server's script is stuck")


class ToolTest(unittest.TestCase):
    def run_hawser(self, *arguments, stdin=b""):
        """The finished process, with stdout and stderr."""
        return subprocess.run([HAWSER, *arguments], input=stdin, capture_output=True, timeout=PATIENCE)

    def start_hawser(self, *arguments, **streams):
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([HAWSER, *arguments], **streams)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        process.wait(PATIENCE)

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def make_certificate(self, name):
        """A certificate that vouches for itself and for our addresses, and its key: the names of two PEM files."""
        if shutil.which("openssl") is None:
            self.skipTest("the openssl command is not here")
        folder = self.folder()
        certificate, key = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
                        "-out", certificate, "-keyout", key], check=True, stderr=subprocess.DEVNULL)
        return certificate, key

    def start_serve(self, *arguments, quiet=True, scheme="ws"):
        """A server on a free port: (process, port)."""
        flags = ["--quiet"] if quiet else []
        process = self.start_hawser("serve", f"{scheme}://127.0.0.1:0/", *flags, *arguments, stdin=subprocess.DEVNULL)
        line = process.stdout.readline().decode()
        self.assertRegex(line, rf"\Alistening on {scheme}://127\.0\.0\.1:[0-9]+/\n\Z")
        return process, int(line.rsplit(":", 1)[1].rstrip("/\n"))

    def stop(self, process, number=signal.SIGTERM):
        """Ends it by the signal: (status, rest of stdout, stderr)."""
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out.decode(), err.decode()

    def open_client(self, port, *arguments, **named):
        client, fields = open_client(port, *arguments, **named)
        self.addCleanup(client.close)
        return client, fields

    def assert_complaint(self, stderr, pattern=""):
        """Exactly one line that begins as promised."""
        self.assertRegex(stderr.decode(), r"\Ahawser: [^\n]*" + pattern + r"[^\n]*\n\Z")
