"""The examples: echo_server and echo_client against each other, and the client against servers that do not echo; those
of hws_session by themselves, and the one in a libuv loop against raw peers. EXAMPLES is their folder."""

import os
import subprocess
import threading
import unittest

from support import PATIENCE, TEXT, BINARY, CLOSE, PING, PONG, FakeServer, ToolTest, close_payload, http

EXAMPLES = os.environ.get("EXAMPLES", ".")


class ExampleTest(ToolTest):
    def run_alone(self, name):
        """Its output, when it has ended with 0 and without a complaint."""
        result = subprocess.run([os.path.join(EXAMPLES, name)], capture_output=True, timeout=PATIENCE)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def start_server(self, name, *arguments):
        """Its port."""
        command = [os.path.join(EXAMPLES, name), *arguments]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, server)
        line = server.stdout.readline().decode()
        self.assertRegex(line, r"\Alistening on 127\.0\.0\.1:[0-9]+\n\Z")
        return int(line.rsplit(":", 1)[1])


class Examples(ExampleTest):
    def run_client(self, url):
        command = [os.path.join(EXAMPLES, "echo_client"), url]
        return subprocess.run(command, capture_output=True, timeout=PATIENCE)

    def test_against_each_other(self):
        port = self.start_server("echo_server", "ws://127.0.0.1:0/")
        result = self.run_client(f"ws://127.0.0.1:{port}/")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"one\ntwo\nthree\n", b""))

    def test_client_notices_what_is_no_echo(self):
        def wrong(peer):
            for text in (b"one", b"zwei", b"three"):
                peer.send_frame(TEXT, text)
            while peer.receive()[0] != CLOSE:
                pass
            peer.send_frame(CLOSE, close_payload(1000))

        server = FakeServer(wrong)
        self.assertEqual(self.run_client(server.url).returncode, 1)
        server.join()

    def test_client_notices_an_early_end(self):
        server = FakeServer(lambda peer: peer.receive())
        result = self.run_client(server.url)
        server.join()
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr)

    def test_wrong_url(self):
        self.assertEqual(self.run_client("http://127.0.0.1/").returncode, 1)

    def test_session_pipes(self):
        words = "open\nreceived: welcome to /room\n"
        for said in ("one", "two", "three"):
            words += f"sent: {said}\nreceived: {said}\n"
        self.assertEqual(self.run_alone("session_pipes"), words + "closed by us with 1000\n")


@unittest.skipUnless(os.path.exists(os.path.join(EXAMPLES, "session_libuv")), "built without libuv")
class SessionInLibuv(ExampleTest):
    def test_alone(self):
        self.assertEqual(self.run_alone("session_libuv"), "received: ahoy\nclosed by us with 1000\n")

    def open(self):
        return self.open_client(self.start_server("session_libuv", "0"))[0]

    def test_answers_come_before_its_close(self):
        client = self.open()
        client.send_fragments(BINARY, bytes(range(256)) * 1000, 50)
        client.send_frame(TEXT, b"last")
        client.send_frame(3)  # a reserved opcode
        client.send_frame(TEXT, b"x" * 100000)  # is not heeded, and must not make the kernel reset the connection
        self.assertEqual(client.receive(), (BINARY, bytes(range(256)) * 1000))
        self.assertEqual(client.receive(), (TEXT, b"last"))
        opcode, payload = client.receive()
        self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1002)))
        self.assertTrue(client.at_end())

    def test_it_ends_the_connection_first(self):
        client = self.open()
        client.send_frame(CLOSE, close_payload(4000, "done"))
        self.assertEqual(client.receive(), (CLOSE, close_payload(4000)))
        self.assertTrue(client.at_end())

    def test_pings_of_a_peer_that_does_not_read(self):
        client = self.open()
        count = 200000  # pongs of 25 MB: more than the kernel takes, so it has to stop reading

        def write():
            for _ in range(count // 1000):
                client.sock.sendall((b"\x89\xfd\0\0\0\0" + b"p" * 125) * 1000)

        writer = threading.Thread(target=write)
        writer.start()
        self.assertEqual(client.read(127 * count), (b"\x8a\x7d" + b"p" * 125) * count)
        writer.join()
        client.send_frame(PING, b"still there?")
        self.assertEqual(client.receive(), (PONG, b"still there?"))

    def test_what_is_no_handshake(self):
        status, _, _ = http(self.start_server("session_libuv", "0"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(status, 426)


if __name__ == "__main__":
    unittest.main(verbosity=2)
