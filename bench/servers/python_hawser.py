"""An echo server and client on hawser's Python package: see the contract in bench/README.md.

HAWSER_API: "asyncio" on uvloop (the default), or "raw", a loop of its own around Manager.poll.
"""

import asyncio
import os
import resource
import sys

import hawser
from hawser import raw

LAYERS = {"ws": {}, "wss": {}, "deflate": {"deflate": "shared", "deflate_min_size": 0}}
SETTINGS = {"handshake_timeout": -1, "ping_interval": -1}


def options_of(layer, certificate=None, key=None):
    tls = {"tls_certificate": certificate, "tls_key": key} if certificate else {"tls_verify": 0} if layer == "wss" else {}
    return {**LAYERS[layer], **SETTINGS, **tls}


def url_of(layer, port):
    return f"{'wss' if layer == 'wss' else 'ws'}://127.0.0.1:{port}/"


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def run_server(url, options):
    async with hawser.serve(echo, url, **options) as server:
        print("listening", flush=True)
        await server.serve_forever()


async def run_client(url, count, options):
    async def run():
        async with hawser.connect(url, **options) as websocket:
            await echo(websocket)

    await asyncio.gather(*(run() for _ in range(count)))


def run_raw(url, count, options):
    """count: connections of a client; None: a server."""
    handle = hawser.Options()
    for name, value in options.items():
        (handle.set_text if isinstance(value, str) else handle.set_int)(name, value)
    manager = hawser.Manager(handle)
    if count is None:
        manager.listen(url)
        print("listening", flush=True)
    for _ in range(count or 0):
        manager.connect(url)
    poll, send, message = manager.poll, manager.send, raw.EVENT_MESSAGE
    left = count
    while left != 0:
        for event in poll(-1):
            if event.kind == message:
                send(event.connection, event.opcode, event.data)
            elif event.kind == raw.EVENT_CLOSE and count is not None:
                left -= 1


def main(task, *arguments):
    if task == "version":
        print("hawser", hawser.version(), os.environ.get("HAWSER_API", "asyncio"))
        return
    if task == "client":
        port, count, layer = int(arguments[0]), int(arguments[1]), (*arguments, "ws")[2]
        options = options_of(layer) if layer in LAYERS else None
    else:
        port, count, layer = int(arguments[0]) if arguments else 0, None, task
        options = options_of(layer, *arguments[1:]) if layer in LAYERS else None
    if options is None:
        sys.exit(3)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    url = url_of(layer, port)
    if os.environ.get("HAWSER_API") == "raw":
        run_raw(url, count, options)
    else:
        import uvloop
        uvloop.run(run_server(url, options) if count is None else run_client(url, count, options))


main(*sys.argv[1:])
