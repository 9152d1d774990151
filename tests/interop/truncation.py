"""The TLS connection is cut at every record of the handshake, and inside each, in both directions: `hawser connect` says
so, and `hawser serve` serves the next one."""

import socket
import ssl
import struct
import threading

from layers import certificate_file, identity_of
from openssl_peers import TlsServe, client_context, dial, expect_good_client, expect_refused, upgrade_by_hand
from program import PATIENCE, check, run_tests
from raw_wire import Wire

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
TO_SERVER, TO_CLIENT = "to the server", "to the client"


class Proxy:
    """Stands between the client of one connection and a server, and knows TLS records (RFC 8446 5.1). `cut`: (direction,
    records that pass, does half of the next one pass?), after which nothing passes in either direction."""

    def __init__(self, port, cut=None):
        self.target = ("127.0.0.1", port)
        self.cut = cut
        self.passed = {TO_SERVER: 0, TO_CLIENT: 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(PATIENCE)

    def run(self):
        self.listener.settimeout(PATIENCE)
        with self.listener.accept()[0] as client, socket.create_connection(self.target) as server:
            for sock in (client, server):
                sock.settimeout(PATIENCE)
            back = threading.Thread(target=self.forward, args=[TO_CLIENT, server, client])
            back.start()
            self.forward(TO_SERVER, client, server)
            back.join()

    def forward(self, direction, source, sink):
        try:
            with source.makefile("rb") as stream:
                while self.forward_record(direction, stream, sink):
                    pass
        except OSError:
            pass  # the other direction, or one of the two, has ended it
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def forward_record(self, direction, stream, sink):
        header = stream.read(5)
        if len(header) < 5:
            return False
        record = header + stream.read(struct.unpack(">H", header[3:])[0])
        if self.cut and self.cut[:2] == (direction, self.passed[direction]):
            if self.cut[2]:
                sink.sendall(record[:len(record) // 2])
            return False
        sink.sendall(record)
        self.passed[direction] += 1
        return True


def cuts(passed):
    """All of them, for the records that passed when nothing was cut."""
    return [(direction, records, half)
            for direction, count in passed.items() for records in range(count) for half in (False, True)]


class Listener:
    """A TLS server that wants a certificate, reads the request, and ends without an answer."""

    def __init__(self, version):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = self.context.maximum_version = version
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(certificate_file("root.pem"))
        self.context.load_cert_chain(certificate_file("server.pem"), certificate_file("server.key"))
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            sock, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as secured:
                    secured.settimeout(PATIENCE)
                    Wire(secured, masked=False).read_head()
                    self.requests += 1
            except (OSError, AssertionError):
                sock.close()


def client():
    def run(proxy):
        # The deadline is far away: hawser has to see the end of the connection.
        expect_refused(f"wss://127.0.0.1:{proxy.port}/", r"(TLS|Connection reset)", "--timeout", "1000",
                       "--tls-ca", certificate_file("root.pem"), *identity_of("client"))

    for version in VERSIONS:
        listener = Listener(version)
        with Proxy(listener.port) as whole:
            run(whole)
        check(listener.requests == 1, "no request came when nothing was cut")
        for cut in cuts(whole.passed):
            with Proxy(listener.port, cut) as proxy:
                try:
                    run(proxy)
                except AssertionError as failure:
                    raise AssertionError(f"{version.name}, cut {cut}: {failure}") from None
            check(listener.requests == 1 or cut[0] == TO_CLIENT, f"{version.name}, cut {cut}: a request came")


def server():
    def is_served(proxy, context):
        try:
            with dial(proxy.port, context) as sock:
                upgrade_by_hand(sock)
        except (OSError, AssertionError):
            return False
        return True

    for version in VERSIONS:
        context = client_context(version, "client")
        with TlsServe("--tls-client-ca", certificate_file("root.pem")) as serve:
            with Proxy(serve.port) as whole:
                check(is_served(whole, context), "nothing was cut")
            for cut in cuts(whole.passed):
                with Proxy(serve.port, cut) as proxy:
                    check(not is_served(proxy, context), f"{version.name}, cut {cut}: it was served")
                expect_good_client(serve, context)
            serve.stop()


run_tests({
    "hawser connect": client,
    "hawser serve": server,
})
