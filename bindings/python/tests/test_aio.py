"""The asyncio layer, against itself and against the package websockets, where it is here."""

import asyncio
import base64
import copy
import hashlib
import os
import pathlib
import pickle
import re
import socket
import unittest

import hawser
from hawser import ConnectionClosed, HawserError

try:
    import uvloop
except ImportError:
    uvloop = None
try:
    import websockets.asyncio.client
    import websockets.asyncio.server
except ImportError:
    websockets = None

URL = "ws://127.0.0.1:0/"


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def nothing(websocket):
    await websocket.wait_closed()


class Echo(unittest.IsolatedAsyncioTestCase):
    async def test_messages_come_back_as_what_they_are(self):
        async with hawser.serve(echo, URL) as server, hawser.connect(server.url) as websocket:
            for message in ("", "text ⚓\0", b"", b"\x00\xff", bytes(1 << 20), bytearray(b"buffer")):
                await websocket.send(message)
                self.assertEqual(await websocket.recv(), message)

    async def test_what_was_agreed_on(self):
        seen = []

        async def handler(websocket):
            seen.append((websocket.path, websocket.subprotocol, websocket.header("x-ship"), websocket.extensions))

        async with hawser.serve(handler, URL, subprotocols="b, a", deflate="shared", headers={"X-Berth": "7"}) as server:
            async with hawser.connect(server.url + "harbour?x=1", subprotocols="a, b", deflate="shared",
                                      headers=[("X-Ship", "Ever Given")]) as websocket:
                self.assertEqual(websocket.header("x-berth"), "7")
                self.assertEqual(websocket.subprotocol, "b")
                self.assertEqual(websocket.peer_address, server.address)
                await websocket.wait_closed()
        self.assertEqual(seen, [("/harbour?x=1", "b", "Ever Given", websocket.extensions)])
        self.assertIn("permessage-deflate", websocket.extensions)

    async def test_many_at_a_time(self):
        async def client(url, number):
            async with hawser.connect(url) as websocket:
                for index in range(20):
                    await websocket.send(f"{number} {index}")
                    self.assertEqual(await websocket.recv(), f"{number} {index}")

        async with hawser.serve(echo, URL) as server:
            await asyncio.gather(*(client(server.url, number) for number in range(100)))

    async def test_broadcast(self):
        async with hawser.serve(nothing, URL) as server:
            clients = [await hawser.connect(server.url) for _ in range(3)]
            while len(server.connections) < 3:
                await asyncio.sleep(0)
            left_out = next(iter(server.connections))
            self.assertEqual(server.broadcast("to all"), 3)
            self.assertEqual([await client.recv() for client in clients], ["to all"] * 3)
            self.assertEqual(server.broadcast(b"to others", exclude=left_out), 2)

    async def test_ping(self):
        async with hawser.serve(nothing, URL) as server, hawser.connect(server.url) as websocket:
            await websocket.ping()
            await asyncio.gather(websocket.ping(b"a"), websocket.ping(b"b"))

    async def test_a_pong_answers_the_pings_before_it(self):
        async def answer_the_second_alone(reader, writer):
            head = await reader.readuntil(b"\r\n\r\n")
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)[1]
            accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            await reader.readexactly(2 * (2 + 4 + 1))         # two pings of a byte, masked
            writer.write(b"\x8a\x01b")
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer_the_second_alone, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        websocket = await hawser.connect(f"ws://127.0.0.1:{port}/")
        await asyncio.wait_for(asyncio.gather(websocket.ping(b"a"), websocket.ping(b"b")), 20)
        websocket.abort()
        server.close()


class Ends(unittest.IsolatedAsyncioTestCase):
    async def ended(self, handler):
        """What recv of a client raises whose server does this."""
        async with hawser.serve(handler, URL) as server, hawser.connect(server.url) as websocket:
            with self.assertRaises(ConnectionClosed) as caught:
                await websocket.recv()
            return caught.exception

    async def test_the_peer_says_why(self):
        end = await self.ended(lambda websocket: websocket.close(4001, "Grüße"))
        self.assertEqual((end.close_code, end.reason, end.clean, end.name), (4001, "Grüße", True, "HWS_ERR_CLOSED"))

    async def test_a_handler_that_fails_closes_with_1011(self):
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))

        async def handler(websocket):
            raise KeyError("mine")

        self.assertEqual((await self.ended(handler)).close_code, 1011)
        self.assertEqual([type(error) for error in told], [KeyError])

    async def test_iteration_ends_quietly_or_raises(self):
        async def handler(websocket):
            await websocket.send("last")
            await websocket.close(int(websocket.path[1:]))

        async with hawser.serve(handler, URL) as server:
            for code, quiet in ((1000, True), (1001, True), (0, True), (1002, False), (3000, False)):
                websocket = await hawser.connect(f"{server.url}{code}")
                messages = []
                try:
                    async for message in websocket:
                        messages.append(message)
                    self.assertTrue(quiet, code)
                except ConnectionClosed as end:
                    self.assertEqual((end.close_code, quiet), (code, False))
                self.assertEqual(messages, ["last"])

    async def test_calls_after_the_end(self):
        async with hawser.serve(echo, URL) as server:
            websocket = await hawser.connect(server.url)
            await websocket.close()
            await websocket.close()
            websocket.abort()
            self.assertEqual((websocket.close_code, websocket.close_reason), (1000, ""))
            for call in (websocket.send("late"), websocket.recv()):
                with self.assertRaises(ConnectionClosed):
                    await call
            with self.assertRaises(HawserError):
                await websocket.ping()

    async def test_a_refusal_tells_its_status(self):
        async with hawser.serve(echo, URL) as server:
            with self.assertRaises(ConnectionClosed) as caught:
                await hawser.connect(server.url, origin="http://elsewhere.example")
        self.assertEqual((caught.exception.status, caught.exception.name), (403, "HWS_ERR_HTTP"))

    async def test_what_can_not_be_tried(self):
        for call in (hawser.connect("http://127.0.0.1/"), hawser.serve(echo, "ws://192.0.2.1:1/"),
                     hawser.connect("ws://127.0.0.1/", no_such_option=1), hawser.serve(echo, URL, requests=1)):
            with self.assertRaises(HawserError):
                await call

    async def test_options_that_are_not_of_this_layer_or_of_no_use(self):
        for option in ({"requests": 1}, {"parts": 1}, {"max_message_size": 0}, {"slow_reader": "sometimes"}):
            with self.assertRaisesRegex(HawserError, next(iter(option))):
                await hawser.serve(echo, URL, **option)
        with self.assertRaisesRegex(TypeError, "tls_key"):
            await hawser.connect("wss://127.0.0.1/", tls_key=None)
        with self.assertRaisesRegex(HawserError, "no.such"):
            await hawser.connect("wss://127.0.0.1/", tls_ca_file=pathlib.Path("/no.such"))

    async def test_a_send_while_it_ends_tells_the_end(self):
        async def handler(websocket):
            await websocket.close(4001, "enough")

        async with hawser.serve(handler, URL) as server:
            for _ in range(20):
                websocket = await hawser.connect(server.url)
                with self.assertRaises(ConnectionClosed) as caught:
                    while True:
                        await websocket.send("more")
                        await asyncio.sleep(0)
                self.assertEqual((caught.exception.close_code, caught.exception.reason), (4001, "enough"))
                with self.assertRaises(ConnectionClosed):
                    await websocket.ping()
        self.assertEqual(len(server.connections), 0)

    async def test_an_end_can_be_copied_and_does_not_grow(self):
        async with hawser.serve(lambda websocket: websocket.close(4001, "enough"), URL) as server:
            websocket = await hawser.connect(server.url)
            await websocket.wait_closed()
        ends = []
        for _ in range(3):
            with self.assertRaises(ConnectionClosed) as caught:
                await websocket.recv()
            ends.append(caught.exception)
        self.assertEqual(len(set(map(id, ends))), 3)
        for end in (copy.copy(ends[0]), pickle.loads(pickle.dumps(ends[0]))):
            self.assertEqual((end.close_code, end.reason, end.clean, end.code), (4001, "enough", True, ends[0].code))

    async def test_a_handler_that_fails_elsewhere_fails(self):
        """The end of another connection is no quiet end of this one."""
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))

        async def handler(websocket):
            await hawser.connect(websocket.header("x-upstream"), origin="http://elsewhere.example")

        async with hawser.serve(echo, URL) as upstream, hawser.serve(handler, URL) as server:
            async with hawser.connect(server.url, headers={"X-Upstream": upstream.url}) as websocket:
                with self.assertRaises(ConnectionClosed) as caught:
                    await websocket.recv()
        self.assertEqual((caught.exception.close_code, len(told)), (1011, 1))

    async def test_abort(self):
        async with hawser.serve(echo, URL) as server:
            async with hawser.connect(server.url) as websocket:
                websocket.abort()
                websocket.abort()
            self.assertEqual(websocket.close_code, 1006)

    async def test_a_server_is_closed_by_many_and_by_its_handlers(self):
        async def handler(websocket):
            async for _ in websocket:
                await server.close()

        server = await hawser.serve(handler, URL)
        clients = [await hawser.connect(server.url) for _ in range(3)]
        for client in clients:
            await client.send("close")
        await asyncio.wait_for(asyncio.gather(server.close(), server.close(), *(client.wait_closed() for client in clients)), 20)
        await server.close()
        self.assertEqual({client.close_code for client in clients}, {1001})

    async def test_a_handshake_that_outlives_its_server(self):
        """It is refused, and its messages disturb nobody."""
        async with hawser.serve(echo, URL) as other, hawser.connect(other.url) as websocket:
            server = await hawser.serve(echo, URL)
            host, port = server.address.split(":")
            with socket.create_connection((host, int(port))) as peer:
                peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
                await asyncio.sleep(0.05)
                await server.close()
                peer.sendall(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                             b"\x81\x85\x00\x00\x00\x00hello")
                for number in range(20):
                    await websocket.send(str(number))
                    self.assertEqual(await websocket.recv(), str(number))

    async def test_the_server_goes_away(self):
        server = await hawser.serve(echo, URL)
        websocket = await hawser.connect(server.url)
        await asyncio.gather(server.close(), websocket.wait_closed())
        self.assertEqual(websocket.close_code, 1001)
        with self.assertRaises(ConnectionClosed):
            await hawser.connect(server.url)


class Waiting(unittest.IsolatedAsyncioTestCase):
    async def test_a_cancelled_recv_loses_nothing(self):
        async with hawser.serve(echo, URL) as server, hawser.connect(server.url) as websocket:
            for number in range(50):
                waiting = asyncio.ensure_future(websocket.recv())
                await websocket.send(str(number))
                await asyncio.sleep(0)
                waiting.cancel()
                got = await asyncio.gather(waiting, return_exceptions=True)
                if isinstance(got[0], asyncio.CancelledError):
                    got = [await websocket.recv()]
                self.assertEqual(got, [str(number)])

    async def test_two_may_not_wait_for_messages_of_one(self):
        async with hawser.serve(nothing, URL) as server, hawser.connect(server.url) as websocket:
            waiting = asyncio.ensure_future(websocket.recv())
            await asyncio.sleep(0)
            with self.assertRaises(RuntimeError):
                await websocket.recv()
            waiting.cancel()

    async def test_who_does_not_read_is_not_read_from(self):
        """The sender waits, and what was not read yet is bounded; then all of it arrives."""
        count, size = 400, 1 << 18
        begin = asyncio.Event()
        received = []

        async def handler(websocket):
            await begin.wait()
            self.assertLess(websocket._unread, 40 << 20)
            async for message in websocket:
                received.append(len(message))

        async with hawser.serve(handler, URL) as server:
            websocket = await hawser.connect(server.url, max_send_queue=1 << 20)

            async def send():
                for _ in range(count):
                    await websocket.send(bytes(size))

            sending = asyncio.ensure_future(send())
            while websocket._drained is None:
                await asyncio.sleep(0.001)
            self.assertFalse(sending.done())
            begin.set()
            await sending
            await websocket.close()
        self.assertEqual(received, [size] * count)

    async def test_a_cancelled_connect_leaves_nothing(self):
        async with hawser.serve(echo, URL) as server:
            connecting = asyncio.ensure_future(hawser.connect(server.url)._open())
            await asyncio.sleep(0)
            connecting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await connecting
            manager = server._manager
            while manager.stat("connections"):
                await asyncio.sleep(0.001)


class Loops(unittest.TestCase):
    def test_a_loop_that_is_closed_leaves_nothing(self):
        async def main():
            server = await hawser.serve(echo, URL)
            websocket = await hawser.connect(server.url)
            await websocket.send("and away")

        counts = []
        for _ in range(10):
            asyncio.run(main())
            counts.append(len(os.listdir("/proc/self/fd")))
        self.assertEqual(len(set(counts)), 1, counts)


@unittest.skipUnless(uvloop, "uvloop is not here")
class Uvloop(unittest.TestCase):
    def test_it_runs_in_uvloop(self):
        async def main():
            async with hawser.serve(echo, URL) as server, hawser.connect(server.url) as websocket:
                for number in range(100):
                    await websocket.send(str(number))
                    self.assertEqual(await websocket.recv(), str(number))

        uvloop.run(main())


@unittest.skipUnless(websockets, "the package websockets is not here")
class Peer(unittest.IsolatedAsyncioTestCase):
    MESSAGES = ("text ⚓", "", b"\x00\xff", bytes(range(256)) * 4096)

    async def test_as_a_client_of_websockets(self):
        async def peer(connection):
            async for message in connection:
                await connection.send(message)

        async with websockets.asyncio.server.serve(peer, "127.0.0.1", 0, max_size=None) as server:
            port = server.sockets[0].getsockname()[1]
            async with hawser.connect(f"ws://127.0.0.1:{port}/", deflate="shared") as websocket:
                self.assertIn("permessage-deflate", websocket.extensions)
                for message in self.MESSAGES:
                    await websocket.send(message)
                    self.assertEqual(await websocket.recv(), message)
        self.assertEqual(websocket.close_code, 1000)

    async def test_as_a_server_of_websockets(self):
        async with hawser.serve(echo, URL, deflate="dedicated") as server:
            async with websockets.asyncio.client.connect(server.url, max_size=None, proxy=None) as connection:
                for message in self.MESSAGES:
                    await connection.send(message)
                    self.assertEqual(await connection.recv(), message)
            self.assertEqual(connection.close_code, 1000)


if __name__ == "__main__":
    unittest.main()
