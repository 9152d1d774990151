"""The layer without asyncio."""

import os
import signal
import socket
import subprocess
import sys
import threading
import unittest

import hawser.sync
from hawser import ConnectionClosed, HawserError

URL = "ws://127.0.0.1:0/"


def echo(websocket):
    for message in websocket:
        websocket.send(message)


class Sync(unittest.TestCase):
    def test_messages_come_back_as_what_they_are(self):
        with hawser.sync.serve(echo, URL) as server, hawser.sync.connect(server.url) as websocket:
            for message in ("", "text ⚓\0", b"", b"\x00\xff", bytes(1 << 20)):
                websocket.send(message)
                self.assertEqual(websocket.recv(), message)

    def test_many_threads(self):
        def client(number):
            with hawser.sync.connect(server.url) as websocket:
                for index in range(20):
                    websocket.send(f"{number} {index}")
                    right.append(websocket.recv() == f"{number} {index}")

        right = []
        with hawser.sync.serve(echo, URL) as server:
            threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(right, [True] * 400)

    def test_waits_have_an_end(self):
        with hawser.sync.serve(lambda websocket: websocket.wait_closed(), URL) as server:
            with hawser.sync.connect(server.url) as websocket:
                with self.assertRaises(TimeoutError):
                    websocket.recv(timeout=0.01)
                with self.assertRaises(TimeoutError):
                    websocket.wait_closed(timeout=0.01)
                websocket.ping(timeout=10)

    def test_ends(self):
        with hawser.sync.serve(lambda websocket: websocket.close(4001, "Grüße"), URL) as server:
            websocket = hawser.sync.connect(server.url)
            with self.assertRaises(ConnectionClosed) as caught:
                websocket.recv()
            self.assertEqual((caught.exception.close_code, caught.exception.reason), (4001, "Grüße"))
            with self.assertRaises(HawserError):
                websocket.send("late")
            websocket.close()

    def test_another_thread_ends_a_wait(self):
        with hawser.sync.serve(echo, URL) as server:
            websocket = hawser.sync.connect(server.url)
            closing = threading.Timer(0.02, websocket.close)
            closing.start()
            with self.assertRaises(ConnectionClosed):
                websocket.recv()
            closing.join()

    def test_a_refusal(self):
        with hawser.sync.serve(echo, URL) as server:
            with self.assertRaises(ConnectionClosed) as caught:
                hawser.sync.connect(server.url, origin="http://elsewhere.example")
        self.assertEqual(caught.exception.status, 403)
        with self.assertRaises(HawserError):
            hawser.sync.connect("http://127.0.0.1/")
        with self.assertRaises(HawserError):
            hawser.sync.serve(echo, "ws://192.0.2.1:1/")

    def test_broadcast_and_the_server_goes_away(self):
        with hawser.sync.serve(echo, URL) as server:
            clients = [hawser.sync.connect(server.url) for _ in range(3)]
            for client in clients:  # the server has all of them
                client.ping()
            self.assertEqual(server.broadcast("to all"), 3)
            self.assertEqual([client.recv() for client in clients], ["to all"] * 3)
        for client in clients:
            client.wait_closed()
            self.assertEqual(client.close_code, 1001)

    def test_who_does_not_read_is_not_read_from(self):
        count, size = 200, 1 << 18
        begin, ended, received = threading.Event(), threading.Event(), []

        def handler(websocket):
            begin.wait()
            for message in websocket:
                received.append(len(message))
            ended.set()

        with hawser.sync.serve(handler, URL) as server:
            with hawser.sync.connect(server.url, max_send_queue=1 << 20) as websocket:
                sending = threading.Thread(target=lambda: [websocket.send(bytes(size)) for _ in range(count)])
                sending.start()
                begin.set()
                sending.join()
        self.assertTrue(ended.wait(20))  # the handler reads on after the end
        self.assertEqual(received, [size] * count)

    def test_pings_have_answers_of_their_own(self):
        with hawser.sync.serve(lambda websocket: websocket.wait_closed(), URL) as server:
            with hawser.sync.connect(server.url) as websocket:
                threads = [threading.Thread(target=websocket.ping, kwargs={"timeout": 20}) for _ in range(40)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                self.assertEqual(websocket._pings, {})

    def test_a_handshake_that_outlives_its_server(self):
        server = hawser.sync.serve(echo, URL)
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port))) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            with hawser.sync.connect(server.url) as websocket:
                websocket.ping(timeout=20)  # the one before it has been accepted
            server.close()
            peer.sendall(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                         b"\x81\x85\x00\x00\x00\x00hello")
            self.test_messages_come_back_as_what_they_are()

    def test_a_child_of_fork_has_a_thread_of_its_own(self):
        self.test_messages_come_back_as_what_they_are()
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                self.test_messages_come_back_as_what_they_are()
                os._exit(0)
            finally:
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_ctrl_c_ends_a_wait(self):
        program = ("import hawser.sync\n"
                   "server = hawser.sync.serve(lambda ws: ws.wait_closed(), 'ws://127.0.0.1:0/')\n"
                   "ws = hawser.sync.connect(server.url)\n"
                   "print('waits', flush=True)\n"
                   "ws.recv()\n")
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            words = process.stderr.read().decode()
        self.assertIn("KeyboardInterrupt", words)


if __name__ == "__main__":
    unittest.main()
