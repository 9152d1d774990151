"""An independent peer on the package websockets: peer.py server, which echoes on one connection, or peer.py client URL."""

import asyncio
import sys

import websockets


async def server():
    gone = asyncio.Event()

    async def echo(socket):
        try:
            while True:
                await socket.send(await socket.recv())
        except websockets.ConnectionClosed:
            print(socket.close_code, socket.close_reason, flush=True)
        gone.set()

    async with websockets.serve(echo, "127.0.0.1", 0) as listener:
        print(listener.sockets[0].getsockname()[1], flush=True)
        await asyncio.wait_for(gone.wait(), 60)


async def client(url):
    async with websockets.connect(url) as socket:
        for message in ("text ⚓", bytes(range(256)), "x" * 100000):
            await socket.send(message)
            print(await socket.recv() == message)
        await socket.close(3000, "Ende")
        print(socket.close_code)


asyncio.run(server() if sys.argv[1] == "server" else client(sys.argv[2]))
