"""Sends every message back: echo_server.py [ws://127.0.0.1:9001/]"""

import asyncio
import sys

import hawser


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def main(url):
    async with hawser.serve(echo, url) as server:
        print("listening on", server.url, flush=True)
        await server.serve_forever()


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9001/"))
