"""hawser serve, driven over loopback by raw sockets."""

import os
import re
import select
import signal
import socket
import ssl
import threading
import time
import unittest

from support import BINARY, CLOSE, PATIENCE, PING, PONG, TEXT, ToolTest, close_payload, http, inflated, upgrade_request

MIB = 1024 * 1024


class Echo(ToolTest):
    def test_returns_text_and_binary(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port)
        for opcode, payload in [(TEXT, "grüße".encode()), (BINARY, b"\x00\xff"), (TEXT, b""), (BINARY, b"x" * 70000)]:
            client.send_frame(opcode, payload)
            self.assertEqual(client.receive(), (opcode, payload))

    def test_is_the_same_when_asked_for(self):
        _, port = self.start_serve("--echo")
        client, _ = self.open_client(port, "/any/path?query=1")
        client.send_frame(TEXT, b"hello")
        self.assertEqual(client.receive(), (TEXT, b"hello"))

    def test_16_mib_in_one_frame(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port)
        payload = os.urandom(16 * MIB)
        client.send_frame(BINARY, payload)
        self.assertTrue(client.receive() == (BINARY, payload))

    def test_16_mib_in_65537_fragments(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port)
        payload = b"0123456789abcdef" * MIB
        client.send_fragments(TEXT, payload, 65537)
        self.assertTrue(client.receive() == (TEXT, payload))

    def test_answers_everything_before_the_close(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port)
        for i in range(100):
            client.send_frame(TEXT, str(i).encode())
        client.send_frame(CLOSE, close_payload(1000))
        for i in range(100):
            self.assertEqual(client.receive(), (TEXT, str(i).encode()))
        self.assertEqual(client.receive(), (CLOSE, close_payload(1000)))
        self.assertTrue(client.at_end())

    def test_a_peer_that_does_not_read_loses_nothing(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port)
        messages = 48
        payload = os.urandom(MIB)
        sender = threading.Thread(target=lambda: [client.send_frame(BINARY, payload) for _ in range(messages)])
        sender.start()
        sender.join(1)  # long enough to fill what there is to fill; the result does not depend on it
        for _ in range(messages):
            self.assertTrue(client.receive() == (BINARY, payload))
        sender.join(PATIENCE)

    def test_each_backend(self):
        for backend in ("auto", "epoll"):
            with self.subTest(backend=backend):
                _, port = self.start_serve("--backend", backend)
                client, _ = self.open_client(port)
                client.send_frame(TEXT, b"hello")
                self.assertEqual(client.receive(), (TEXT, b"hello"))

    def test_message_above_the_limit(self):
        _, port = self.start_serve("--max-message-size", "1K")
        client, _ = self.open_client(port)
        client.send_frame(BINARY, b"x" * 1024)
        self.assertEqual(client.receive(), (BINARY, b"x" * 1024))
        client.send_frame(BINARY, b"x" * 1025)
        opcode, payload = client.receive()
        self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1009)))


class Broadcast(ToolTest):
    def test_among_three(self):
        _, port = self.start_serve("--broadcast")
        clients = [self.open_client(port)[0] for _ in range(3)]
        # An answered ping proves that the server knows the client as open.
        for client in clients:
            client.send_frame(PING, b"there?")
            self.assertEqual(client.receive(), (PONG, b"there?"))
        clients[0].send_frame(TEXT, b"from 0")
        clients[1].send_frame(BINARY, b"from 1")
        self.assertEqual({clients[2].receive(), clients[2].receive()}, {(TEXT, b"from 0"), (BINARY, b"from 1")})
        self.assertEqual(clients[0].receive(), (BINARY, b"from 1"))
        self.assertEqual(clients[1].receive(), (TEXT, b"from 0"))
        # Its own message does not come to the sender: the next thing is the pong.
        clients[0].send_frame(PING, b"only this")
        self.assertEqual(clients[0].receive(), (PONG, b"only this"))

    def test_a_full_queue_is_closed_with_1013(self):
        server, port = self.start_serve("--broadcast", "--max-queue", "64K", quiet=False)
        slow, _ = self.open_client(port)
        slow.send_frame(PING, b"")
        self.assertEqual(slow.receive(), (PONG, b""))
        fast, _ = self.open_client(port)
        for _ in range(64):
            fast.send_frame(BINARY, b"x" * MIB)
        fast.send_frame(PING, b"all taken")
        self.assertEqual(fast.receive(), (PONG, b"all taken"))
        opcode, payload = slow.receive()
        received = 0
        while opcode == BINARY:
            received += 1
            opcode, payload = slow.receive()
        self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1013)))
        self.assertLess(received, 64)


class Handshake(ToolTest):
    def test_origin_of_the_same_host_passes(self):
        _, port = self.start_serve()
        client, _ = self.open_client(port, fields=[f"Origin: http://127.0.0.1:{port}"])
        client.send_frame(TEXT, b"hello")
        self.assertEqual(client.receive(), (TEXT, b"hello"))

    def test_foreign_origin_is_refused(self):
        _, port = self.start_serve()
        status, _, body = http(port, upgrade_request(port, fields=["Origin: https://evil.example"]))
        self.assertEqual(status, 403)
        self.assertIn(b"https://evil.example", body)

    def test_origins_option(self):
        for allowed in ("*", "https://a.example, http://b.example:8080"):
            _, port = self.start_serve("--origins", allowed)
            self.open_client(port, fields=["Origin: https://a.example"])

    def test_subprotocol_is_the_first_of_ours_that_is_offered(self):
        cases = [
            (["--subprotocol", "chat", "--subprotocol", "superchat"], ["superchat, chat"], ["chat"]),
            (["--subprotocol", "chat,superchat"], ["other", "superchat"], ["superchat"]),
            (["--subprotocol", "chat"], ["Chat, chats"], None),
            (["--subprotocol", "chat"], [], None),
            ([], ["chat"], None),
        ]
        for arguments, offered, agreed in cases:
            with self.subTest(arguments=arguments, offered=offered):
                _, port = self.start_serve(*arguments)
                _, fields = self.open_client(port, fields=[f"Sec-WebSocket-Protocol: {name}" for name in offered])
                self.assertEqual(fields.get("sec-websocket-protocol"), agreed)


class Page(ToolTest):
    def get(self, port, target, method="GET"):
        return http(port, f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")

    def test_page(self):
        _, port = self.start_serve()
        status, fields, body = self.get(port, "/")
        self.assertEqual(status, 200)
        self.assertEqual(fields["content-type"], ["text/html; charset=utf-8"])
        self.assertEqual(fields["content-length"], [str(len(body))])
        page = body.decode()
        for name in ("url", "connect", "message", "send", "log", "state", "rtt"):
            self.assertIn(f'id="{name}"', page)
        # Nothing is loaded from elsewhere.
        self.assertEqual(re.findall(r"<script[^>]*src|<link[^>]*href=\"(?!data:)|@import|url\(", page), [])
        self.assertIn('data-role="echo"', page)

    def test_page_with_a_query_and_of_the_other_role(self):
        _, port = self.start_serve("--broadcast")
        status, _, body = self.get(port, "/?x=1")
        self.assertEqual(status, 200)
        self.assertIn(b'data-role="broadcast"', body)

    def test_head_has_no_body(self):
        _, port = self.start_serve()
        _, _, page = self.get(port, "/")
        status, fields, body = self.get(port, "/", "HEAD")
        self.assertEqual((status, fields["content-length"], body), (200, [str(len(page))], b""))

    def test_other_paths_are_not_found(self):
        _, port = self.start_serve()
        for target in ("/other", "/favicon.ico", "//"):
            status, fields, body = self.get(port, target)
            self.assertEqual(status, 404)
            self.assertTrue(fields["content-type"][0].startswith("text/plain"))
            self.assertTrue(0 < len(body) < 200)

    def test_other_methods_are_refused(self):
        _, port = self.start_serve()
        status, _, _ = http(port, f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n")
        self.assertIn(status, (400, 405))

    def test_the_server_lives_on(self):
        server, port = self.start_serve()
        for _ in range(20):
            self.get(port, "/")
        client, _ = self.open_client(port)
        client.send_frame(TEXT, b"hello")
        self.assertEqual(client.receive(), (TEXT, b"hello"))


class Stopping(ToolTest):
    def test_close_1001_to_everyone(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                server, port = self.start_serve()
                clients = [self.open_client(port)[0] for _ in range(3)]
                server.send_signal(number)
                for client in clients:
                    opcode, payload = client.receive()
                    self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1001)))
                    client.send_frame(CLOSE, close_payload(1001))
                    self.assertTrue(client.at_end())
                out, err = server.communicate(timeout=PATIENCE)
                self.assertEqual((server.returncode, out, err), (0, b"", b""))

    def test_without_clients(self):
        server, _ = self.start_serve()
        self.assertEqual(self.stop(server, signal.SIGINT), (0, "", ""))

    def test_does_not_wait_for_ever_for_a_client(self):
        server, port = self.start_serve()
        client, _ = self.open_client(port)
        self.assertEqual(self.stop(server), (0, "", ""))

    def test_in_the_middle_of_a_handshake(self):
        server, port = self.start_serve()
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            client, _ = self.open_client(port)
            client.close()
            self.assertEqual(self.stop(server)[0], 0)

    def test_more_signals_than_one(self):
        server, port = self.start_serve()
        client, _ = self.open_client(port)
        server.send_signal(signal.SIGINT)
        self.assertEqual(client.receive()[0], CLOSE)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(PATIENCE), 0)

    # The first Close goes at once. That the second one comes later shows that --drain is heeded.
    def test_drain(self):
        server, port = self.start_serve("--drain", "1")
        clients = [self.open_client(port)[0] for _ in range(2)]
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(clients[0].receive(), (CLOSE, close_payload(1001)))
        clients[0].send_frame(CLOSE, close_payload(1001))
        self.assertTrue(clients[0].at_end())
        self.assertEqual(clients[1].receive(), (CLOSE, close_payload(1001)))
        self.assertGreater(time.monotonic() - begin, 0.37)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.assertEqual(server.wait(PATIENCE), 0)

    def test_handshakes_get_503(self):
        server, port = self.start_serve("--drain", "20")
        client, _ = self.open_client(port)
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as half:
            half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            self.open_client(port)[0].close()  # so the half one has been accepted
            server.send_signal(signal.SIGTERM)
            self.assertEqual(client.receive()[0], CLOSE)
            half.sendall(b"\r\n")
            self.assertTrue(half.recv(1000).startswith(b"HTTP/1.1 503 "))
        client.close()
        self.assertEqual(server.wait(PATIENCE), 0)


class Tls(ToolTest):
    def setUp(self):
        self.certificate, self.key = self.make_certificate("localhost")
        self.identity = ["--tls-cert", self.certificate, "--tls-key", self.key]

    def open_and_close(self, *arguments, shown=None):
        """Serves one client, which shows a certificate: (what it agreed on, the log)."""
        server, port = self.start_serve(*arguments, quiet=False, scheme="wss")
        context = ssl.create_default_context(cafile=self.certificate)
        if shown:
            context.load_cert_chain(*shown)
        client, _ = self.open_client(port, context=context)
        client.send_frame(TEXT, b"hello")
        self.assertEqual(client.receive(), (TEXT, b"hello"))
        client.send_frame(CLOSE, close_payload(1000))
        self.assertEqual(client.receive()[0], CLOSE)
        self.assertTrue(client.at_end())
        status, _, log = self.stop(server)
        self.assertEqual(status, 0)
        return f"{client.sock.version()} {client.sock.cipher()[0]}", log

    def test_certificate_and_key(self):
        _, log = self.open_and_close(*self.identity)
        self.assertRegex(log, r"\A[0-9.:]+ open /\n")
        agreed, log = self.open_and_close(*self.identity, "--verbose")
        self.assertRegex(log, rf"\A[0-9.:]+ open /, {agreed}\n")

    def test_key_in_the_same_file(self):
        both = os.path.join(self.folder(), "both.pem")
        with open(both, "w") as file:
            for name in (self.certificate, self.key):
                with open(name) as part:
                    file.write(part.read())
        self.open_and_close("--tls-cert", both)

    def test_client_certificates(self):
        shown = self.make_certificate("a client")
        stranger = self.make_certificate("a client")
        arguments = [*self.identity, "--tls-client-ca", shown[0], "--verbose"]
        agreed, log = self.open_and_close(*arguments, shown=shown)
        self.assertRegex(log, rf"\A[0-9.:]+ open /, {agreed}, peer CN=a client\n")
        for other in (None, stranger):
            with self.assertRaises(ssl.SSLError):
                self.open_and_close(*arguments, shown=other)

    def test_wrong_files(self):
        _, other_key = self.make_certificate("other")
        for arguments, pattern in (
            ([], "a wss:// listener needs .*tls_certificate"),
            (["--tls-cert", "/no/such/file"], "/no/such/file: No such file"),
            (["--tls-cert", self.certificate], "certificate.pem: no private key"),
            (["--tls-cert", self.certificate, "--tls-key", "/no/such/file"], "/no/such/file: No such file"),
            (["--tls-cert", self.key, "--tls-key", self.key], "key.pem: no certificate"),
            (["--tls-cert", self.certificate, "--tls-key", other_key], "is not the key of"),
            ([*self.identity, "--tls-client-ca", "/no/such/file"], "/no/such/file: No such file"),
            ([*self.identity, "--tls-client-ca", self.key], "key.pem: no certificate"),
        ):
            with self.subTest(arguments=arguments):
                result = self.run_hawser("serve", *arguments, "wss://127.0.0.1:0/")
                self.assert_complaint(result.stderr, pattern)
                self.assertEqual((result.returncode, result.stdout), (1, b""))


class Deflate(ToolTest):
    """RFC 7692."""

    def test_modes(self):
        alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        for arguments, answer in (
            ([], None),
            (["--deflate=off"], None),
            (["--deflate"], alone),
            (["--deflate=shared"], alone),
            (["--deflate=dedicated"], "permessage-deflate"),
        ):
            with self.subTest(arguments=arguments):
                server, port = self.start_serve("--verbose", *arguments, quiet=False)
                client, fields = self.open_client(port, fields=["Sec-WebSocket-Extensions: permessage-deflate"])
                self.assertEqual(fields.get("sec-websocket-extensions"), [answer] if answer else None)
                self.check_echoes(client, answer is not None, takeover=answer == "permessage-deflate")
                client.close()
                _, _, log = self.stop(server)
                self.assertRegex(log, r"\A[0-9.:]+ open /" + (f", {answer}" if answer else "") + r"\n")

    def check_echoes(self, client, compressed, takeover):
        text = b"0123456789abcdef" * 64
        client.send_frame(TEXT, text)
        _, payload = client.receive()
        self.assertEqual(inflated(payload) if compressed else payload, text)
        # What does not compress does so the second time, where the first is in the window.
        for again in (False, True):
            noise = noise if again else os.urandom(1000)
            client.send_frame(BINARY, noise)
            _, payload = client.receive()
            self.assertEqual(len(payload) < 100, again and takeover)

    def test_the_flag_takes_no_url(self):
        server = self.start_hawser("serve", "--deflate", "ws://127.0.0.1:0/")
        self.assertRegex(server.stdout.readline(), rb"\Alistening on ws://")
        self.assertEqual(self.stop(server)[0], 0)


class Words(ToolTest):
    def session(self, **named):
        server, port = self.start_serve(**named)
        client, _ = self.open_client(port, "/chat?room=1")
        client.send_frame(TEXT, b"hello")
        self.assertEqual(client.receive(), (TEXT, b"hello"))
        client.send_frame(CLOSE, close_payload(4321, "bye\x1b[31m"))
        self.assertEqual(client.receive()[0], CLOSE)
        self.assertTrue(client.at_end())
        return self.stop(server)

    def test_log(self):
        status, out, err = self.session(quiet=False)
        self.assertEqual((status, out), (0, ""))
        lines = err.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"\A127\.0\.0\.1:[0-9]+ open /chat\?room=1\Z")
        self.assertRegex(lines[1], r"\A127\.0\.0\.1:[0-9]+ close 4321: .")
        self.assertNotIn("\x1b", err)

    def test_quiet(self):
        self.assertEqual(self.session(quiet=True), (0, "", ""))


class Statuses(ToolTest):
    def test_wrong_calls(self):
        for arguments in (
            ["serve"],
            ["serve", "--no-such-option", "ws://127.0.0.1:0/"],
            ["serve", "--echo", "--broadcast", "ws://127.0.0.1:0/"],
            ["serve", "http://127.0.0.1:0/"],
            ["serve", "--tls-key", "key.pem", "wss://127.0.0.1:0/"],
            ["serve", "--deflate=much", "ws://127.0.0.1:0/"],
            ["serve", "ws://127.0.0.1:65536/"],
            ["serve", "--max-message-size", "0", "ws://127.0.0.1:0/"],
            ["serve", "--max-message-size", "many", "ws://127.0.0.1:0/"],
            ["serve", "--subprotocol", "not a token", "ws://127.0.0.1:0/"],
            ["serve", "--backend", "pigeon", "ws://127.0.0.1:0/"],
        ):
            with self.subTest(arguments=arguments):
                result = self.run_hawser(*arguments)
                self.assertEqual((result.returncode, result.stdout), (1, b""))
                self.assert_complaint(result.stderr)

    def test_port_in_use(self):
        _, port = self.start_serve()
        result = self.run_hawser("serve", f"ws://127.0.0.1:{port}/")
        self.assertEqual((result.returncode, result.stdout), (3, b""))
        self.assert_complaint(result.stderr)

    def test_host_of_the_url_is_told(self):
        for host in ("localhost", "[::1]", "0.0.0.0"):
            server = self.start_hawser("serve", "-q", f"ws://{host}:0")
            ready, _, _ = select.select([server.stdout], [], [], PATIENCE)
            self.assertTrue(ready)
            line = server.stdout.readline().decode()
            self.assertRegex(line, r"\Alistening on ws://" + re.escape(host) + r":[1-9][0-9]*/\n\Z")
            self.assertEqual(self.stop(server)[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
