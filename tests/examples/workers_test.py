"""The server with a pool of threads, and the one with a manager in each thread."""

import collections
import contextlib
import math
import os
import signal
import socket
import threading
import unittest

from example import ExampleTest
from support import CLOSE, TEXT, close_payload


class Workers(ExampleTest):
    def start_workers(self, threads=4):
        return self.start_server("workers", "ws://127.0.0.1:0/", threads)

    def factors(self, client, number):
        client.send_frame(TEXT, str(number).encode())
        opcode, payload = client.receive()
        self.assertEqual(opcode, TEXT)
        return payload.decode()

    def test_factors(self):
        server, port = self.start_workers()
        client, _ = self.open_client(port)
        primes = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
        for number, answer in ((0, "0"), (1, "1"), (2, "2"), (8, "2 x 2 x 2"), (91, "7 x 13"), (997, "997"),
                               (999999999989, "999999999989"), (10 ** 14, " x ".join(["2"] * 14 + ["5"] * 14)),
                               (math.prod(primes), " x ".join(map(str, primes)))):
            self.assertEqual(self.factors(client, number), f"{number} = {answer}")
        self.stop_well(server)

    def test_what_is_no_number(self):
        server, port = self.start_workers()
        for text in (b"", b"x", b"-1", b"1 ", b"1\0", b"1" * 16):
            with self.subTest(text):
                client, _ = self.open_client(port)
                client.send_frame(TEXT, text)
                self.assertEqual(client.receive(), (CLOSE, close_payload(1008, "a number of up to 15 digits, please")))
                client.send_frame(CLOSE, close_payload(1008))
        self.stop_well(server)

    def test_more_than_may_wait(self):
        """Clients that send without reading are paused, and all get their answers."""
        numbers = [str(10007 * (n + 2)).encode() for n in range(3000)]
        server, port = self.start_workers()
        clients = [self.open_client(port)[0] for _ in range(8)]

        def send(client):
            for number in numbers:
                client.send_frame(TEXT, number)

        threads = [threading.Thread(target=send, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for client in clients:
            answered = collections.Counter(client.receive()[1].split(b" =")[0] for _ in numbers)
            self.assertEqual(answered, collections.Counter(numbers))
        for thread in threads:
            thread.join()
        self.stop_well(server)

    @unittest.skipUnless(os.path.exists("/proc/self/status"), "without /proc nobody tells the memory of a process")
    @unittest.skipIf(os.environ.get("SANITIZED"), "a sanitizer's own memory grows as well")
    def test_jobs_are_not_collected_without_end(self):
        """Who sends far faster than the work is done is read no further, but for what came with the last job that still had room."""
        server, port = self.start_workers(1)
        client, _ = self.open_client(port)
        number = b"9999999967"
        frames = (bytes([0x80 | TEXT, 0x80 | len(number)]) + bytes(4) + number) * 4096

        def send():
            with contextlib.suppress(OSError):  # it is closed at the end
                while True:
                    client.sock.sendall(frames)

        thread = threading.Thread(target=send)
        thread.start()
        self.assertEqual(client.receive()[0], TEXT)
        before = self.resident(server)
        for _ in range(3000):
            self.assertEqual(client.receive()[0], TEXT)
        self.assertLess(self.resident(server) - before, 4 << 20)
        client.sock.shutdown(socket.SHUT_RDWR)
        thread.join()
        client.close()
        self.stop_well(server)

    def test_many_clients_together(self):
        server, port = self.start_workers(1)
        prime = b"999999999999989"  # takes its time
        frames = (bytes([0x80 | TEXT, 0x80 | len(prime)]) + bytes(4) + prime) * 3000
        for _ in range(200):
            self.open_client(port)[0].sock.sendall(frames)
        client, _ = self.open_client(port)
        client.sock.sendall(frames)  # several: there may be room for one
        self.assertEqual(client.receive(), (CLOSE, close_payload(1013, "too many numbers are waiting")))
        self.stop_well(server)

    def test_clients_that_leave_their_jobs(self):
        server, port = self.start_workers()
        for _ in range(20):
            client, _ = self.open_client(port)
            for _ in range(100):
                client.send_frame(TEXT, b"9999999967")
            client.close()
        client, _ = self.open_client(port)
        self.assertEqual(self.factors(client, 91), "91 = 7 x 13")
        self.stop_well(server)

    def test_ends_with_jobs_that_wait(self):
        server, port = self.start_workers(1)
        client, _ = self.open_client(port)
        for _ in range(100):
            client.send_frame(TEXT, b"999999999999989")  # a prime: that takes its time
        client.receive()
        server.send_signal(signal.SIGINT)
        while client.receive()[0] != CLOSE:
            pass
        client.send_frame(CLOSE, close_payload(1001))
        self.assertEqual(self.finish(server)[0], 0)

    def test_usage(self):
        for arguments in ((), ("ws://127.0.0.1:0/", 0), ("ws://127.0.0.1:0/", 65)):
            status, _, err = self.finish(self.start("workers", *arguments))
            self.assertEqual((status, err), (1, "usage: workers URL [THREADS]\n"))


class PerCore(ExampleTest):
    def test_all_threads_serve(self):
        server, port = self.start_server("per_core", "ws://127.0.0.1:0/", 4)
        clients = [self.open_client(port)[0] for _ in range(64)]
        for index, client in enumerate(clients):
            client.send_frame(TEXT, b"%d" % index)
        for index, client in enumerate(clients):
            self.assertEqual(client.receive(), (TEXT, b"%d" % index))
        server.terminate()
        for client in clients:
            self.assertEqual(client.receive(), (CLOSE, close_payload(1001)))
            client.send_frame(CLOSE, close_payload(1001))
        self.assertEqual(self.finish(server)[0], 0)

    def test_a_port_that_is_taken(self):
        _, port = self.start_server("echo_server", "ws://127.0.0.1:0/")
        status, _, err = self.finish(self.start("per_core", f"ws://127.0.0.1:{port}/", 2))
        self.assertEqual(status, 1)
        self.assertRegex(err, r"\Aper_core: .*in use")

    def test_usage(self):
        for arguments in ((), ("ws://127.0.0.1:0/", 0), ("ws://127.0.0.1:0/", 257)):
            status, _, err = self.finish(self.start("per_core", *arguments))
            self.assertEqual((status, err), (1, "usage: per_core URL [THREADS]\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
