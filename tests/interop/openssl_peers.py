"""The peers of openssl.py and truncation.py: the openssl command, Python's ssl, and hawser over TLS, whatever the layers."""

import base64
import hashlib
import os
import re
import select
import socket
import ssl
import subprocess

from layers import certificate_file, identity_of
from program import PATIENCE, Serve, check, check_equal
from raw_wire import BINARY, PING, PONG, TEXT, Wire, close_frame

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
NETWORK = 3  # exit status of hawser connect


class Output:
    """What a process writes, as it comes."""

    def __init__(self, stream):
        self.stream = stream
        self.buffer = b""

    def fill(self):
        ready, _, _ = select.select([self.stream], [], [], PATIENCE)
        check(ready, f"waited in vain for more behind {self.buffer!r}")
        data = os.read(self.stream.fileno(), 65_536)
        self.buffer += data
        return bool(data)

    def expect(self, pattern):
        """Reads up to the end of what matches."""
        while not (match := re.search(pattern, self.buffer)):
            check(self.fill(), f"{pattern} does not come: {self.buffer.decode(errors='replace')}")
        self.buffer = self.buffer[match.end():]
        return match

    def rest(self):
        while self.fill():
            pass
        return self.buffer.decode(errors="replace")


class Command(Output):
    """An openssl command, and what it writes. Wire can use it as a socket: its words on stderr are apart then."""

    def __init__(self, *arguments, stderr=subprocess.STDOUT):
        self.process = subprocess.Popen(["openssl", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=stderr)
        super().__init__(self.process.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.close()
        self.process.stdout.close()

    def status(self):
        return self.process.wait(PATIENCE)

    def recv(self, size):
        if not self.buffer:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def sendall(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def settimeout(self, _):
        pass

    def setsockopt(self, *_):
        pass


class SServer(Command):
    """openssl s_server on a free port of `host`, with the certificate `name`, for clients one after another."""

    def __init__(self, name, *arguments, host="127.0.0.1", **streams):
        files = ["-cert", certificate_file(f"{name}.pem"), "-key", certificate_file(f"{name}.key")]
        super().__init__("s_server", "-accept", f"{host}:0", *files, *arguments, **streams)
        self.port = int(self.expect(rb"ACCEPT \S+:(\d+)\n").group(1))

    def url(self, host="localhost"):
        return f"wss://{host}:{self.port}/"

    def accept(self):
        """Answers the request by hand."""
        self.expect(rb"(?=GET / HTTP/1\.1\r\n)")
        return accept_by_hand(Wire(self, masked=False))

    def end(self):
        """Ends the connection, as RFC 6455 7.1.1 asks of a server, and itself."""
        self.close()


class SClient(Command):
    """openssl s_client; it ends when the server ends the connection."""

    def __init__(self, serve, *arguments, **streams):
        super().__init__("s_client", "-connect", f"127.0.0.1:{serve.port}", "-CAfile", certificate_file("root.pem"),
                         *arguments, **streams)


class TlsServe(Serve):
    """`hawser serve` on a wss:// URL; `log` is its standard error."""

    def __init__(self, *arguments, identity=None, url="wss://127.0.0.1:0/"):
        self.start(url, *(identity or identity_of("server")), *arguments, stderr=subprocess.PIPE)
        self.log = Output(self.process.stderr)

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.process.stderr.close()


def run_connect(url, *arguments):
    """`hawser connect` without input: (status, what it says on standard error)."""
    done = subprocess.run([os.environ["HAWSER"], "connect", url, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=PATIENCE)
    return done.returncode, done.stderr.decode()


def expect_refused(url, pattern, *arguments):
    """`hawser connect` ends as one does whom TLS does not let through, and says why on one line."""
    status, words = run_connect(url, *arguments)
    check(re.fullmatch(rf"hawser: [^\n]*{pattern}[^\n]*\n", words), f"{url} {arguments}: {words!r}, expected {pattern}")
    check_equal(status, NETWORK, f"exit status of hawser connect ({words})")


def accept_by_hand(wire):
    """Our end of a hawser connect."""
    first, fields = wire.read_head()
    check_equal(first, "GET / HTTP/1.1", "request line")
    key = dict(fields)["sec-websocket-key"]
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    check(wire.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()), "no 101 can be written")
    return wire


# RFC 6455 1.3: the example.
REQUEST = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def upgrade_by_hand(sock):
    """A WebSocket with hawser serve over what is open already."""
    wire = Wire(sock, masked=True)
    wire.write(REQUEST)
    first, fields = wire.read_head()
    check(first.startswith("HTTP/1.1 101 "), first)
    check_equal(dict(fields)["sec-websocket-accept"], ACCEPT, "Sec-WebSocket-Accept")
    return wire


def client_context(version=None, identity=None):
    """Python's TLS as a client. identity: the certificate that it shows."""
    context = ssl.create_default_context(cafile=certificate_file("root.pem"))
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if identity is not None:
        context.load_cert_chain(certificate_file(f"{identity}.pem"), certificate_file(f"{identity}.key"))
    return context


def dial(port, context=None, **named):
    """Python's TLS, open, to a port. A socket that ends without close_notify raises SSLEOFError."""
    sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
    try:
        return (context or client_context()).wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False,
                                                         **named)
    except BaseException:
        sock.close()
        raise


def common_name(sock):
    """The CN in the certificate that the server has shown."""
    return dict(pair for one in sock.getpeercert()["subject"] for pair in one)["commonName"]


def echo(wire):
    """What the other end sends back, or hawser serve: texts, large ones, and the pong of a ping."""
    for opcode, payload in ((TEXT, "moor ⚓".encode()), (BINARY, b""), (BINARY, bytes(range(256)) * 300)):
        wire.write(wire.frame(opcode, payload))
        wire.expect_frame(opcode, payload, "echo")
    wire.write(wire.frame(PING, b"there?"))
    wire.expect_frame(PONG, b"there?", "pong")


def close_cleanly(wire):
    """We begin to close, and hawser answers."""
    wire.write(close_frame(1000, masked=wire.masked))
    wire.expect_close(1000, "the end")


def expect_good_client(serve, context=None):
    """A client that does all right is served."""
    with dial(serve.port, context) as sock:
        wire = upgrade_by_hand(sock)
        echo(wire)
        close_cleanly(wire)
        wire.expect_end("the end")
