"""The server that sends a file as fast as each of its clients reads it."""

import contextlib
import hashlib
import os
import random
import re
import socket
import threading
import unittest

from example import ExampleTest
from support import BINARY, CLOSE, PATIENCE, close_payload

MIB = 1 << 20


class FileServer(ExampleTest):
    def make_file(self, size):
        """Its name and its digest."""
        path = os.path.join(self.folder(), "file")
        data = random.Random(size).randbytes(size)
        with open(path, "wb") as file:
            file.write(data)
        return path, hashlib.sha256(data).digest()

    def receive_file(self, client):
        """The digest of the message, whatever its parts are."""
        digest = hashlib.sha256()
        opcode, final = BINARY, False
        while not final:
            expected = opcode
            opcode, payload, final = client.receive_frame()
            self.assertEqual(opcode, expected)
            digest.update(payload)
            opcode = 0  # continuation, RFC 6455 5.4
        self.assertEqual(client.receive(), (CLOSE, close_payload(1000)))
        client.send_frame(CLOSE, close_payload(1000))
        self.assertTrue(client.at_end())
        return digest.digest()

    def wait_for_refusal(self, port):
        """Until the server does not listen any more."""
        with self.assertRaises(ConnectionRefusedError):
            while True:
                with contextlib.suppress(ConnectionResetError):  # it stopped while this one was queued
                    socket.create_connection(("127.0.0.1", port), PATIENCE).close()

    def test_sizes(self):
        for size in (0, 1, 8191, 8192, 8193, 16384, 128 * 1024, 3 * MIB + 1):
            with self.subTest(size):
                path, digest = self.make_file(size)
                server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path)
                client, _ = self.open_client(port)
                self.assertEqual(self.receive_file(client), digest)
                self.stop_well(server)

    @unittest.skipUnless(os.path.exists("/proc/self/status"), "without /proc nobody tells the memory of a process")
    def test_who_does_not_read_keeps_nobody_waiting_and_costs_little(self):
        path, digest = self.make_file(64 * MIB)
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path)
        slow = [self.open_client(port)[0] for _ in range(20)]
        for client in slow:
            client.stream.peek(1)  # its file is on the way
        before = self.resident(server)
        self.assertEqual(self.receive_file(self.open_client(port)[0]), digest)
        # Of the slow ones each may have 128 KiB and a part in the queue, of 64 MiB.
        self.assertLess(self.resident(server) - before, 10 * MIB)

        self.assertEqual(self.receive_file(slow.pop()), digest)  # it was waited for
        for client in slow:
            client.close()
        self.stop_well(server)

    def test_who_takes_nothing_is_cut_off(self):
        path, _ = self.make_file(64 * MIB)
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path, 100)
        self.open_client(port)
        line = server.stderr.readline().decode()
        self.assertIn("write_stall_timeout", line)
        unsent = int(re.search(r"([0-9]+) bytes were not sent", line).group(1))
        self.assertGreater(unsent, 0)
        self.assertLess(unsent, 128 * 1024 + 8192 + 64)
        self.stop_well(server)

    def test_who_goes_early(self):
        path, digest = self.make_file(8 * MIB)
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path)
        client, _ = self.open_client(port)
        client.receive_frame()
        client.close()
        server.stderr.readline()
        self.assertEqual(self.receive_file(self.open_client(port)[0]), digest)
        self.stop_well(server)

    def test_no_file(self):
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", os.path.join(self.folder(), "missing"))
        client, _ = self.open_client(port)
        self.assertEqual(client.receive(), (CLOSE, close_payload(1011, "the file cannot be opened")))
        client.send_frame(CLOSE, close_payload(1011))
        self.assertTrue(client.at_end())
        self.stop_well(server)

    def test_a_folder_cannot_be_read(self):
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", self.folder())
        client, _ = self.open_client(port)
        self.assertEqual(client.receive(), (CLOSE, close_payload(1011, "the file cannot be read")))
        client.send_frame(CLOSE, close_payload(1011))
        self.assertTrue(client.at_end())
        self.stop_well(server)

    def test_a_pipe_cannot_be_read_again(self):
        path = os.path.join(self.folder(), "pipe")
        os.mkfifo(path)

        def write():
            with contextlib.suppress(BrokenPipeError), open(path, "wb") as pipe:
                pipe.write(bytes(MIB))

        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path)
        thread = threading.Thread(target=write)
        thread.start()
        client, _ = self.open_client(port)
        while (frame := client.receive_frame())[0] != CLOSE:
            self.assertFalse(frame[2])
        self.assertEqual(frame[1], close_payload(1011, "A system call failed."))
        client.send_frame(CLOSE, close_payload(1011))
        self.assertTrue(client.at_end())
        thread.join()
        self.stop_well(server)

    def test_ends_in_the_middle_of_a_file(self):
        path, _ = self.make_file(64 * MIB)
        server, port = self.start_server("file_server", "ws://127.0.0.1:0/", path)
        client, _ = self.open_client(port)
        client.receive_frame()
        server.terminate()
        self.wait_for_refusal(port)
        while (frame := client.receive_frame())[0] != CLOSE:
            self.assertFalse(frame[2])
        self.assertEqual(frame[1], close_payload(1001))
        client.send_frame(CLOSE, close_payload(1001))
        client.close()
        self.assertEqual(self.finish(server)[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
