"""The clients that stay connected: servers that refuse, die, fall silent and come back. HAWSER_PYTHONPATH has the Python package, if it
was built."""

import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import unittest

from example import ExampleTest
from support import CLOSE, PATIENCE, PING, TEXT, FakeServer, RawWebSocket, close_payload, read_head

INTERVAL, FIRST_DELAY, LONGEST_DELAY = 1, 1, 8
SCRIPT = pathlib.Path(__file__).parent.parent.parent / "examples" / "reconnecting_client.py"


def refusal(status, fields=""):
    return f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n{fields}\r\n"


class Server:
    """A server whose script is the test."""

    def __init__(self, listening=True):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.url = "ws://127.0.0.1:%d/" % self.listener.getsockname()[1]
        if listening:
            self.listener.listen()

    def accept(self, answer=None):
        """The next connection, answered with this head, or else with 101."""
        sock, _ = self.listener.accept()
        peer = RawWebSocket(sock, client=False)
        _, fields = read_head(peer.stream)
        sock.sendall((answer or FakeServer.accept(fields)).encode())
        return peer

    def refuse(self, *arguments):
        self.accept(refusal(*arguments)).close()


class ReconnectingTest(ExampleTest):
    def make_server(self, **named):
        server = Server(**named)
        self.addCleanup(server.listener.close)
        return server

    def expect(self, peer, *texts):
        for text in texts:
            self.assertEqual(peer.receive(), (TEXT, text.encode()))

    def expect_open(self, server):
        """A connection that was opened, and greeted."""
        peer = server.accept()
        self.addCleanup(peer.close)
        self.expect(peer, "subscribe: numbers")
        return peer

    def delay(self, client):
        """What the client says that it waits."""
        for line in client.stderr:
            if match := re.search(rb"the next attempt is in ([0-9]+) ms", line):
                return int(match.group(1))
        self.fail("no next attempt")

    def expect_given_up(self, client):
        status, _, err = self.finish(client)
        self.assertEqual(status, 1, err)
        self.assertNotIn("next attempt", err)

    def close_with(self, server, payload):
        peer = self.expect_open(server)
        peer.send_frame(CLOSE, payload)
        while peer.receive()[0] != CLOSE:
            pass
        peer.close()


class WhatIsWorthRetrying:
    """Tests of both clients, which have start_client, and end_both: the client ends, and its peer sees how."""

    def test_nobody_listens_yet(self):
        server = self.make_server(listening=False)
        client = self.start_client(server.url)
        for _ in range(10):
            self.assertLessEqual(self.delay(client), LONGEST_DELAY)
        server.listener.listen()
        self.end_both(client, self.expect_open(server))

    def test_statuses_that_pass(self):
        server = self.make_server()
        client = self.start_client(server.url)
        for status in (408, 429, 500, 502, 503, 504):
            server.refuse(status)
            self.delay(client)
        self.end_both(client, self.expect_open(server))

    def test_statuses_that_stay(self):
        for status in (301, 400, 401, 403, 404):
            with self.subTest(status):
                server = self.make_server()
                client = self.start_client(server.url)
                server.refuse(status)
                self.expect_given_up(client)

    def test_what_is_no_web_socket(self):
        server = self.make_server()
        client = self.start_client(server.url)
        server.accept("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: nonsense\r\n\r\n").close()
        self.expect_given_up(client)

    def test_closes_that_pass(self):
        server = self.make_server()
        client = self.start_client(server.url)
        for code in (1001, 1011, 1012, 1013, 1014):
            self.close_with(server, close_payload(code))
            self.delay(client)
        self.end_both(client, self.expect_open(server))

    def test_closes_that_stay(self):
        for payload in (b"", *map(close_payload, (1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000))):
            with self.subTest(payload):
                server = self.make_server()
                client = self.start_client(server.url)
                self.close_with(server, payload)
                self.expect_given_up(client)

    def test_a_server_that_falls_silent(self):
        server = self.make_server()
        client = self.start_client(server.url, silence=50)
        peer = self.expect_open(server)
        while peer.receive()[0] != PING:  # and it never answers
            pass
        self.expect_open(server)

    def test_a_certificate_that_nobody_vouches_for(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.make_certificate("localhost"))
        server = FakeServer(lambda peer: None, context=context)
        self.expect_given_up(self.start_client(server.url))
        with self.assertRaises(ssl.SSLError):
            server.join()

    def test_wrong_url(self):
        self.expect_given_up(self.start_client("http://127.0.0.1/"))


class InC(WhatIsWorthRetrying, ReconnectingTest):
    def start_client(self, url, silence=15000):
        return self.start("reconnecting_client", url, INTERVAL, FIRST_DELAY, LONGEST_DELAY, silence)

    def end_both(self, client, peer):
        """The client says that it goes, and waits for the answer."""
        client.send_signal(signal.SIGTERM)
        while (answer := peer.receive())[0] == TEXT:
            pass
        self.assertEqual(answer, (CLOSE, close_payload(1001)))
        peer.send_frame(CLOSE, close_payload(1001))
        peer.close()
        self.assertEqual(self.finish(client)[0], 0)

    def test_what_was_not_confirmed_is_sent_again(self):
        server = self.make_server()
        client = self.start_client(server.url)
        peer = self.expect_open(server)
        self.expect(peer, "1", "2", "3")
        peer.send_frame(TEXT, b"1")
        self.assertEqual(client.stdout.readline(), b"confirmed: 1\n")
        peer.close()

        peer = self.expect_open(server)
        self.expect(peer, "2", "3", "4")
        peer.send_frame(TEXT, b"1")  # comes again, and is no news
        peer.send_frame(TEXT, b"2")
        self.assertEqual(client.stdout.readline(), b"confirmed: 2\n")
        self.end_both(client, peer)

    def test_ends_while_it_waits(self):
        client = self.start("reconnecting_client", self.make_server(listening=False).url, INTERVAL, 1000000, 1000000)
        self.delay(client)
        self.stop_well(client, signal.SIGINT)

    def test_retry_after(self):
        server = self.make_server()
        client = self.start_client(server.url)
        server.refuse(503, "Retry-After: 1000\r\n")
        self.assertGreaterEqual(self.delay(client), 1000 * 1000)
        self.stop_well(client)

    def test_a_date_to_retry_after_is_passed_over(self):
        server = self.make_server()
        client = self.start_client(server.url)
        server.refuse(503, "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n")
        self.assertLessEqual(self.delay(client), LONGEST_DELAY)
        self.stop_well(client)

    def test_tls_handshakes_that_are_cut(self):
        server = self.make_server()
        client = self.start_client(server.url.replace("ws:", "wss:"))
        for reads in (1, 4096):  # bytes that are left unread are answered with a reset, RFC 9293 3.6.1
            sock, _ = server.listener.accept()
            sock.recv(reads)
            sock.close()
            self.delay(client)
        self.stop_well(client)

    def test_usage(self):
        for arguments in ((), ("0",), ("1", "-1"), ("1", "1", "1", "1", "1"), ("1", "1", str(1 << 31))):
            url = ["ws://127.0.0.1:1/"] if arguments else []
            status, _, err = self.finish(self.start("reconnecting_client", *url, *arguments))
            self.assertEqual((status, err[:26]), (1, "usage: reconnecting_client"))

    def confirm(self, client, count):
        """The next so many numbers are confirmed, each of them once."""
        for _ in range(count):
            self.confirmed += 1
            self.assertEqual(client.stdout.readline(), b"confirmed: %d\n" % self.confirmed)

    def test_a_server_that_is_killed_and_comes_back(self):
        self.confirmed = 0
        server, port = self.start_server("echo_server", "ws://127.0.0.1:0/")
        client = self.start_client(f"ws://127.0.0.1:{port}/")
        for _ in range(5):
            self.confirm(client, 20)
            server.kill()
            server.wait()
            server, _ = self.start_server("echo_server", f"ws://127.0.0.1:{port}/")
        self.confirm(client, 20)
        self.stop_well(client)

    def test_the_server_of_websockets(self):
        try:
            import websockets  # noqa: F401
        except ImportError:
            self.skipTest("Python's websockets is not here")
        echo = """if True:
            import asyncio, sys
            from websockets.asyncio.server import serve
            from websockets.exceptions import ConnectionClosed

            async def main(port):
                async def echo(connection):
                    try:
                        while True:
                            await connection.send(await connection.recv())
                    except ConnectionClosed:
                        pass
                async with serve(echo, "127.0.0.1", port) as server:
                    print(server.sockets[0].getsockname()[1], flush=True)
                    await server.serve_forever()

            asyncio.run(main(int(sys.argv[1])))"""

        def start(port):
            server = subprocess.Popen([sys.executable, "-c", echo, str(port)], stdout=subprocess.PIPE)
            self.addCleanup(server.stdout.close)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            return server, int(server.stdout.readline())

        self.confirmed = 0
        server, port = start(0)
        client = self.start_client(f"ws://127.0.0.1:{port}/")
        self.confirm(client, 50)
        server.kill()
        server.wait()
        start(port)
        self.confirm(client, 50)
        self.stop_well(client)


@unittest.skipUnless(os.environ.get("HAWSER_PYTHONPATH"), "the Python package is not here")
class InPython(WhatIsWorthRetrying, ReconnectingTest):
    @classmethod
    def setUpClass(cls):
        cls.environment = {"PYTHONPATH": os.environ["HAWSER_PYTHONPATH"]}
        subprocess.run([sys.executable, "-c", "import hawser"], env={**os.environ, **cls.environment}, check=True)

    def start_client(self, url, silence=15000):
        return self.start(sys.executable, SCRIPT, url, FIRST_DELAY, LONGEST_DELAY, silence, **self.environment)

    def end_both(self, client, peer):
        peer.send_frame(TEXT, b"ahoy")
        self.assertEqual(client.stdout.readline(), b"ahoy\n")
        client.kill()
        peer.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
