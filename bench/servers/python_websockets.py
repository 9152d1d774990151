"""An echo server and client on the Python package websockets, on uvloop: see the contract in bench/README.md."""

import asyncio
import resource
import ssl
import sys

import uvloop
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

BACKLOG = 4096


def settings(layer, factory):
    deflate = factory(server_no_context_takeover=True, client_no_context_takeover=True)
    return {"compression": None, "extensions": [deflate] if layer == "deflate" else None, "max_size": 16 << 20,
            "open_timeout": None, "ping_interval": None}


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def run_server(task, port, certificate=None, key=None):
    tls = None
    if task == "wss":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    async with serve(echo, "127.0.0.1", int(port), ssl=tls, backlog=BACKLOG,
                     **settings(task, ServerPerMessageDeflateFactory)) as server:
        print("listening", flush=True)
        await server.serve_forever()


async def run_client(port, count, layer="ws"):
    tls = ssl._create_unverified_context() if layer == "wss" else None

    async def run():
        async with connect(f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/", ssl=tls, proxy=None,
                           **settings(layer, ClientPerMessageDeflateFactory)) as connection:
            await echo(connection)

    await asyncio.gather(*(run() for _ in range(int(count))))


def main(task, *arguments):
    if task == "version":
        print("websockets", websockets.__version__)
        return
    layer = task if task != "client" else (*arguments, "ws")[2 if len(arguments) > 2 else -1]
    if layer not in ("ws", "wss", "deflate"):
        sys.exit(3)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(run_client(*arguments) if task == "client" else run_server(task, *arguments))


main(*sys.argv[1:])
