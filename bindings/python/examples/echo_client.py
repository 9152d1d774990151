"""Sends three messages to an echo server and prints what comes back: echo_client.py [ws://127.0.0.1:9001/]"""

import asyncio
import sys

import hawser


async def main(url):
    async with hawser.connect(url) as ws:
        for text in ("one", "two", "three"):
            await ws.send(text)
            print(await ws.recv())


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/"))
