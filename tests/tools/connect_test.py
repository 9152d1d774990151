"""hawser connect, against hawser serve and against raw servers on loopback."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import threading
import unittest

from support import BINARY, CLOSE, PATIENCE, PING, PONG, TEXT, FakeServer, ToolTest, close_payload, inflated

MIB = 1024 * 1024


def answer_close(peer):
    """Reads until the Close, answers it; returns the messages before it and the payload of the Close."""
    messages = []
    while True:
        opcode, payload = peer.receive()
        if opcode == CLOSE:
            peer.send_frame(CLOSE, payload)
            return messages, payload
        messages.append((opcode, payload))


class Script:
    """A script for FakeServer that keeps what the client sent before its Close."""

    def __init__(self, before=lambda peer: None):
        self.before = before
        self.messages = None
        self.close = None

    def __call__(self, peer):
        self.before(peer)
        self.messages, self.close = answer_close(peer)


class Lines(ToolTest):
    def test_against_serve(self):
        _, port = self.start_serve()
        result = self.run_hawser("connect", f"ws://127.0.0.1:{port}/", stdin="one\r\nzwei ü\n\nlast".encode())
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.decode(), "one\nzwei ü\n\nlast\n")

    def test_what_is_a_line(self):
        cases = [
            (b"", []),
            (b"\n", [b""]),
            (b"a", [b"a"]),
            (b"a\n", [b"a"]),
            (b"a\r\n\r\nb\r", [b"a", b"", b"b\r"]),
            (b"a\rb\n\0\n", [b"a\rb", b"\0"]),
            (b"x" * 300000 + b"\ny\n", [b"x" * 300000, b"y"]),
        ]
        for stdin, expected in cases:
            with self.subTest(stdin=stdin[:20]):
                script = Script()
                server = FakeServer(script)
                result = self.run_hawser("connect", server.url, stdin=stdin)
                server.join()
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
                self.assertEqual(script.messages, [(TEXT, line) for line in expected])
                self.assertEqual(script.close, close_payload(1000))

    def test_from_a_regular_file_and_from_nothing(self):
        lines = [b"line %d" % i for i in range(20000)]
        script = Script()
        server = FakeServer(script)
        with open(os.path.join(self.folder(), "input"), "wb+") as file:
            file.write(b"\n".join(lines))
            file.seek(0)
            client = self.start_hawser("connect", server.url, stdin=file)
            self.assertEqual(client.wait(PATIENCE), 0)
        server.join()
        self.assertEqual(script.messages, [(TEXT, line) for line in lines])

        server = FakeServer(Script())
        self.assertEqual(self.start_hawser("connect", server.url, stdin=subprocess.DEVNULL).wait(PATIENCE), 0)
        server.join()

    def test_a_line_that_is_not_utf8(self):
        script = Script()
        server = FakeServer(script)
        result = self.run_hawser("connect", server.url, stdin=b"fine\nnot \xff fine\nnever sent\n")
        server.join()
        self.assertEqual(result.returncode, 1)
        self.assert_complaint(result.stderr, "line 2 of standard input")
        self.assertEqual(script.messages, [(TEXT, b"fine")])
        self.assertEqual(script.close, close_payload(1001))

    def test_prints_what_arrives_after_the_end_of_input(self):
        def script(peer):
            self.assertEqual(peer.receive(), (CLOSE, close_payload(4000)))
            peer.send_frame(TEXT, b"still")
            peer.send_frame(BINARY, b"\x00\xff\x10")
            peer.send_frame(TEXT, b"here")
            peer.send_frame(CLOSE, close_payload(4000))

        server = FakeServer(script)
        result = self.run_hawser("connect", "--close-code", "4000", server.url)
        server.join()
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout, b"still\n(binary message, 3 bytes: 00ff10)\nhere\n")

    def test_empty_close(self):
        script = Script()
        server = FakeServer(script)
        self.assertEqual(self.run_hawser("connect", "--close-code", "0", server.url).returncode, 0)
        server.join()
        self.assertEqual(script.close, b"")


class Binary(ToolTest):
    def test_against_serve(self):
        _, port = self.start_serve()
        payload = os.urandom(3 * MIB + 17)
        result = self.run_hawser("connect", "--binary", f"ws://127.0.0.1:{port}/", stdin=payload)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertTrue(result.stdout == payload)

    def test_pieces_and_raw_output(self):
        script = Script(lambda peer: (peer.send_frame(TEXT, b"text"), peer.send_frame(BINARY, b"\n\0")))
        server = FakeServer(script)
        payload = b"\n" * 200000
        result = self.run_hawser("connect", "-b", server.url, stdin=payload)
        server.join()
        self.assertEqual(result.stdout, b"text\n\0")
        self.assertTrue(all(opcode == BINARY and 0 < len(data) <= 65536 for opcode, data in script.messages))
        self.assertEqual(b"".join(data for _, data in script.messages), payload)


class Echo(ToolTest):
    def test_returns_everything(self):
        def script(peer):
            small = [(TEXT, "grüße".encode()), (BINARY, b"\x00\xff"), (TEXT, b""), (BINARY, b"x" * 70000)]
            for opcode, payload in small:
                peer.send_frame(opcode, payload)
                self.assertEqual(peer.receive(), (opcode, payload))
            payload = os.urandom(16 * MIB)
            peer.send_frame(BINARY, payload)
            self.assertTrue(peer.receive() == (BINARY, payload))
            payload = b"0123456789abcdef" * MIB
            peer.send_fragments(TEXT, payload, 65537)
            self.assertTrue(peer.receive() == (TEXT, payload))
            peer.send_frame(TEXT, b"last")
            peer.send_frame(CLOSE, close_payload(1000))
            self.assertEqual(peer.receive(), (TEXT, b"last"))
            self.assertEqual(peer.receive(), (CLOSE, close_payload(1000)))

        server = FakeServer(script)
        result = self.run_hawser("connect", "--echo", server.url, stdin=b"not read\n")
        server.join()
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))

    def test_a_server_that_does_not_read_loses_nothing(self):
        messages = 48
        payload = os.urandom(MIB)

        def script(peer):
            sender = threading.Thread(target=lambda: [peer.send_frame(BINARY, payload) for _ in range(messages)])
            sender.start()
            sender.join(1)  # long enough to fill what there is to fill; the result does not depend on it
            for _ in range(messages):
                self.assertTrue(peer.receive() == (BINARY, payload))
            sender.join(PATIENCE)
            peer.send_frame(CLOSE, close_payload(1000))
            self.assertEqual(peer.receive()[0], CLOSE)

        server = FakeServer(script)
        self.assertEqual(self.run_hawser("connect", "--echo", server.url).returncode, 0)
        server.join()


class NothingBlocks(ToolTest):
    def test_silent_standard_input(self):
        def script(peer):
            peer.send_frame(PING, b"there?")
            self.assertEqual(peer.receive(), (PONG, b"there?"))
            peer.send_frame(TEXT, b"printed at once")
            answer_close(peer)

        server = FakeServer(script)
        client = self.start_hawser("connect", server.url)
        self.assertEqual(client.stdout.readline(), b"printed at once\n")
        client.stdin.close()
        self.assertEqual(client.wait(PATIENCE), 0)
        server.join()

    def test_a_server_that_reads_late_gets_all_of_standard_input(self):
        release = threading.Event()
        script = Script(lambda peer: release.wait(PATIENCE))
        server = FakeServer(script)
        client = self.start_hawser("connect", "--binary", server.url)
        payload = os.urandom(48 * MIB)
        writer = threading.Thread(target=lambda: (client.stdin.write(payload), client.stdin.close()))
        writer.start()
        writer.join(1)  # more than the send queue takes: the writer is stuck, and the program waits for DRAIN
        self.assertTrue(writer.is_alive())
        release.set()
        self.assertEqual(client.wait(PATIENCE), 0)
        writer.join(PATIENCE)
        server.join()
        self.assertTrue(b"".join(data for _, data in script.messages) == payload)

    def test_a_full_standard_output_does_not_stop_standard_input(self):
        payload = b"x" * MIB
        got_line = threading.Event()

        def script(peer):
            flood = threading.Thread(target=lambda: [peer.send_frame(TEXT, payload) for _ in range(24)])
            flood.start()
            self.assertEqual(peer.receive(), (TEXT, b"a line"))
            got_line.set()
            flood.join(PATIENCE)
            answer_close(peer)

        server = FakeServer(script)
        client = self.start_hawser("connect", server.url)
        client.stdin.write(b"a line\n")
        client.stdin.flush()
        self.assertTrue(got_line.wait(PATIENCE))
        lines = [client.stdout.readline() for _ in range(24)]
        self.assertTrue(all(line == payload + b"\n" for line in lines))
        client.stdin.close()
        self.assertEqual(client.wait(PATIENCE), 0)
        server.join()

    def test_signal_closes(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            script = Script(lambda peer: peer.send_frame(TEXT, b"open"))
            server = FakeServer(script)
            client = self.start_hawser("connect", server.url)
            self.assertEqual(client.stdout.readline(), b"open\n")
            client.send_signal(number)
            self.assertEqual(client.wait(PATIENCE), 0)
            server.join()
            self.assertEqual(script.close, close_payload(1001))


class Request(ToolTest):
    def test_fields(self):
        def answer(fields):
            return FakeServer.accept(fields, "Sec-WebSocket-Protocol: superchat\r\n")

        server = FakeServer(Script(), answer)
        result = self.run_hawser(
            "connect", f"ws://127.0.0.1:{server.port}/chat?room=1", "--header", "X-One: 1", "-H", "X-Two:two words ",
            "--origin", "https://a.example", "--subprotocol", "chat", "--subprotocol", "superchat")
        server.join()
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(server.request_line, "GET /chat?room=1 HTTP/1.1")
        self.assertEqual(server.fields["x-one"], ["1"])
        self.assertEqual(server.fields["x-two"], ["two words"])
        self.assertEqual(server.fields["origin"], ["https://a.example"])
        offered = ",".join(server.fields["sec-websocket-protocol"]).replace(" ", "")
        self.assertEqual(offered, "chat,superchat")

    def test_ping_interval(self):
        def script(peer):
            opcode, payload = peer.receive()
            self.assertEqual(opcode, PING)
            peer.send_frame(PONG, payload)
            peer.send_frame(CLOSE, close_payload(1000))
            while peer.receive()[0] != CLOSE:
                pass

        server = FakeServer(script)
        client = self.start_hawser("connect", "--ping-interval", "0.2", server.url)
        self.assertEqual(client.wait(PATIENCE), 0)
        server.join()


class Tls(ToolTest):
    def setUp(self):
        self.certificate, self.key = self.make_certificate("localhost")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, self.key)

    def run_against(self, script, *arguments):
        server = FakeServer(script, context=self.context)
        result = self.run_hawser("connect", server.url, *arguments, stdin=b"hello\n")
        server.join()
        return result

    def test_verified(self):
        agreed = []
        script = Script(lambda peer: agreed.append(f"{peer.sock.version()} {peer.sock.cipher()[0]}"))
        result = self.run_against(script, "--tls-ca", self.certificate)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(script.messages, [(TEXT, b"hello")])
        result = self.run_against(script, "--tls-ca", self.certificate, "-v")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.decode(), f"hawser: open, {agreed[0]}, peer CN=localhost\n")

    def test_not_verified(self):
        other, _ = self.make_certificate("localhost")
        for trusted in ([], ["--tls-ca", other]):
            with self.subTest(trusted=trusted):
                server = FakeServer(Script(), context=self.context)
                result = self.run_hawser("connect", server.url, *trusted)
                with self.assertRaises(ssl.SSLError):
                    server.join()
                self.assertEqual(result.returncode, 3)
                self.assert_complaint(result.stderr, r"certificate verify failed: .*\(depth 0, subject CN=localhost\)")

    def test_insecure(self):
        script = Script()
        result = self.run_against(script, "--insecure")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(script.messages, [(TEXT, b"hello")])

    def test_our_certificate(self):
        certificate, key = self.make_certificate("a client")
        both = os.path.join(self.folder(), "both.pem")
        with open(both, "w") as file:
            for name in (certificate, key):
                with open(name) as part:
                    file.write(part.read())
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(certificate)
        subjects = []
        for arguments in (["--tls-cert", certificate, "--tls-key", key], ["--tls-cert", both]):
            script = Script(lambda peer: subjects.append(peer.sock.getpeercert()["subject"]))
            result = self.run_against(script, "--tls-ca", self.certificate, *arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(subjects, 2 * [((("commonName", "a client"),),)])

    def test_wrong_files(self):
        other, other_key = self.make_certificate("other")
        for arguments, pattern in (
            (["--tls-ca", "/no/such/file"], "/no/such/file: No such file"),
            (["--tls-ca", self.key], "key.pem: no certificate"),
            (["--tls-cert", "/no/such/file"], "/no/such/file: No such file"),
            (["--tls-cert", self.certificate], "certificate.pem: no private key"),
            (["--tls-cert", self.certificate, "--tls-key", "/no/such/file"], "/no/such/file: No such file"),
            (["--tls-cert", self.certificate, "--tls-key", other_key], "is not the key of"),
            (["--tls-cert", self.certificate, "--tls-key", other], "certificate.pem: no private key"),
        ):
            with self.subTest(arguments=arguments):
                result = self.run_hawser("connect", *arguments, "wss://127.0.0.1:1/")
                self.assert_complaint(result.stderr, pattern)
                self.assertEqual((result.returncode, result.stdout), (1, b""))


class Deflate(ToolTest):
    """RFC 7692."""

    def run_against(self, answer, *arguments):
        """(what was offered, payloads that came, words) with a server that answers `answer`."""
        extra = f"Sec-WebSocket-Extensions: {answer}\r\n" if answer else ""
        script = Script()
        server = FakeServer(script, lambda fields: FakeServer.accept(fields, extra))
        line = b"0123456789abcdef" * 64
        result = self.run_hawser("connect", "--verbose", server.url, *arguments, stdin=line + b"\n")
        server.join()
        self.assertEqual(result.returncode, 0, result.stderr)
        (opcode, payload), = script.messages
        self.assertEqual((opcode, inflated(payload) if answer else payload), (TEXT, line))
        return server.fields.get("sec-websocket-extensions"), result.stderr.decode()

    def test_offers(self):
        alone = "server_no_context_takeover; client_no_context_takeover"
        dedicated = "permessage-deflate; client_max_window_bits"
        shared = f"permessage-deflate; {alone}; client_max_window_bits"
        for arguments, offer, answers in (
            ([], dedicated, ["permessage-deflate", f"permessage-deflate; {alone}; server_max_window_bits=9", None]),
            (["--deflate=dedicated"], dedicated, ["permessage-deflate; client_max_window_bits=12"]),
            (["--deflate=shared"], shared, [f"permessage-deflate; {alone}", None]),
            (["--deflate"], shared, [f"permessage-deflate; {alone}"]),
            (["--deflate=off"], None, [None]),
        ):
            for answer in answers:
                with self.subTest(arguments=arguments, answer=answer):
                    offered, words = self.run_against(answer, *arguments)
                    self.assertEqual(offered, [offer] if offer else None)
                    self.assertEqual(words, f"hawser: open, {answer}\n" if answer else "hawser: open\n")

    def test_the_flag_takes_no_url(self):
        server = FakeServer(Script())
        self.assertEqual(self.run_hawser("connect", "--deflate", server.url).returncode, 0)
        server.join()

    def test_an_answer_that_was_not_offered(self):
        server = FakeServer(lambda peer: None, lambda fields: FakeServer.accept(
            fields, "Sec-WebSocket-Extensions: permessage-deflate\r\n"))
        result = self.run_hawser("connect", "--deflate=off", server.url)
        server.join()
        self.assertEqual(result.returncode, 4)
        self.assert_complaint(result.stderr, "extension")


class Statuses(ToolTest):
    def check(self, status, script, *arguments, answer=None, pattern="", stdin=b""):
        server = FakeServer(script, answer)
        result = self.run_hawser("connect", server.url, *arguments, stdin=stdin)
        server.join()
        self.assertEqual(result.returncode, status, result.stderr)
        if status:
            self.assert_complaint(result.stderr, pattern)
        return result

    def test_wrong_calls(self):
        for arguments in (
            [],
            ["no-such-command"],
            ["connect"],
            ["connect", "--no-such-option", "ws://127.0.0.1:1/"],
            ["connect", "http://127.0.0.1:1/"],
            ["connect", "--tls-key", "key.pem", "wss://127.0.0.1:1/"],
            ["connect", "--deflate=much", "ws://127.0.0.1:1/"],
            ["connect", "ws://127.0.0.1:1/#fragment"],
            ["connect", "--header", "no colon", "ws://127.0.0.1:1/"],
            ["connect", "--header", "Host: other", "ws://127.0.0.1:1/"],
            ["connect", "--header", "X: a\nb", "ws://127.0.0.1:1/"],
            ["connect", "--close-code", "1005", "ws://127.0.0.1:1/"],
            ["connect", "--close-code", "word", "ws://127.0.0.1:1/"],
            ["connect", "--timeout", "0", "ws://127.0.0.1:1/"],
            ["connect", "--timeout", "-1", "ws://127.0.0.1:1/"],
            ["connect", "--ping-interval", "soon", "ws://127.0.0.1:1/"],
            ["connect", "--echo", "--binary", "ws://127.0.0.1:1/"],
            ["connect", "--subprotocol", "not a token", "ws://127.0.0.1:1/"],
        ):
            with self.subTest(arguments=arguments):
                result = self.run_hawser(*arguments)
                self.assertEqual((result.returncode, result.stdout), (1, b""))
                self.assert_complaint(result.stderr)

    def test_refused(self):
        refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.check(2, lambda peer: None, answer=lambda fields: refusal, pattern="403")

    def test_refused_by_serve(self):
        _, port = self.start_serve()
        result = self.run_hawser("connect", "--origin", "https://evil.example", f"ws://127.0.0.1:{port}/")
        self.assertEqual(result.returncode, 2)
        self.assert_complaint(result.stderr, "403")

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        result = self.run_hawser("connect", f"ws://127.0.0.1:{port}/")
        self.assertEqual(result.returncode, 3)
        self.assert_complaint(result.stderr)

    def test_no_such_host(self):
        # RFC 7686 2: resolvers refuse .onion without asking anybody.
        result = self.run_hawser("connect", "ws://name.onion/")
        self.assertEqual(result.returncode, 3)
        self.assert_complaint(result.stderr)

    def test_end_without_close(self):
        self.check(3, lambda peer: None, "--echo")

    def test_reset(self):
        def script(peer):
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        self.check(3, script, "--echo")

    def test_handshake_timeout(self):
        self.check(3, lambda peer: peer.at_end(), "--timeout", "0.3", answer=lambda fields: "")

    def test_close_timeout(self):
        def script(peer):
            self.assertEqual(peer.receive()[0], CLOSE)
            self.assertTrue(peer.at_end())

        self.check(3, script, "--timeout", "3")

    def test_masked_frame(self):
        def script(peer):
            peer.send_frame(TEXT, b"hello", masked=True)
            opcode, payload = peer.receive()
            self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1002)))

        self.check(4, script, "--echo")

    def test_invalid_text(self):
        def script(peer):
            peer.send_frame(TEXT, b"\xff")
            opcode, payload = peer.receive()
            self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1007)))

        self.check(4, script, "--echo")

    def test_message_above_the_limit(self):
        def script(peer):
            peer.send_frame(BINARY, b"x" * 1025)
            opcode, payload = peer.receive()
            self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1009)))

        self.check(4, script, "--echo", "--max-message-size", "1K")

    def test_wrong_accept_key(self):
        def answer(fields):
            return FakeServer.accept({"sec-websocket-key": ["AAAAAAAAAAAAAAAAAAAAAA=="]})

        self.check(4, lambda peer: None, answer=answer)

    def test_no_http_at_all(self):
        self.check(4, lambda peer: None, answer=lambda fields: "SSH-2.0-OpenSSH_9.2\r\n\r\n")

    def test_closed_by_the_server(self):
        def closing(payload):
            def script(peer):
                peer.send_frame(CLOSE, payload)
                opcode, answer = peer.receive()
                self.assertEqual((opcode, answer[:2]), (CLOSE, payload[:2]))

            return script

        for payload in (b"", close_payload(1000), close_payload(1001)):
            self.assertEqual(self.check(0, closing(payload), "--echo").stderr, b"")
        result = self.check(0, closing(close_payload(1011, "out of \x1b[2Jorder")), "--echo")
        self.assert_complaint(result.stderr, "1011")
        self.assertNotIn(b"\x1b", result.stderr)

    def test_version_and_help(self):
        result = self.run_hawser("--version")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertRegex(result.stdout.decode(), r"\Ahawser [0-9]+\.[0-9]+\.[0-9]+\n\Z")
        for arguments, words in (
            (["--help"], ["serve", "connect", "Exit status"]),
            (["serve", "--help"], ["--broadcast", "--origins", "--max-queue", "--backend", "--quiet"]),
            (["connect", "--help"], ["--echo", "--binary", "--header", "--close-code", "--timeout", "--ping-interval"]),
            (["serve", "--help"], ["--tls-cert", "--tls-key", "--tls-client-ca", "--deflate", "--verbose"]),
            (["connect", "--help"], ["--tls-cert", "--tls-key", "--tls-ca", "--insecure", "--deflate", "--verbose"]),
        ):
            result = self.run_hawser(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            for word in words:
                self.assertIn(word, result.stdout.decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
