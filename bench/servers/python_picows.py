"""An echo server and client on the Python package picows, on uvloop: see the contract in bench/README.md."""

import asyncio
import resource
import ssl
import sys

import picows
import uvloop
from picows import WSListener, WSMsgType, ws_connect, ws_create_server

BACKLOG = 4096
MAX_FRAME = 16 << 20


class Echo(WSListener):
    def on_ws_connected(self, transport):
        self.transport = transport

    # It has frames, not messages, and no check of UTF-8: both are left to the application.
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type in (WSMsgType.CONTINUATION, WSMsgType.TEXT, WSMsgType.BINARY):
            transport.send(frame.msg_type, frame.get_payload_as_memoryview(), frame.fin)

    # Who does not read is not read from.
    def pause_writing(self):
        self.transport.underlying_transport.pause_reading()

    def resume_writing(self):
        self.transport.underlying_transport.resume_reading()


async def run_server(task, port, certificate=None, key=None):
    tls = None
    if task == "wss":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
    server = await ws_create_server(lambda request: Echo(), "127.0.0.1", int(port), ssl=tls, backlog=BACKLOG,
                                    websocket_handshake_timeout=None, max_frame_size=MAX_FRAME)
    print("listening", flush=True)
    await server.serve_forever()


async def run_client(port, count, layer="ws"):
    tls = ssl._create_unverified_context() if layer == "wss" else None
    opened = [await ws_connect(Echo, f"{layer}://127.0.0.1:{port}/", ssl_context=tls, websocket_handshake_timeout=None,
                               max_frame_size=MAX_FRAME) for _ in range(int(count))]
    for transport, _ in opened:
        await transport.wait_disconnected()


def main(task, *arguments):
    if task == "version":
        print("picows", picows.__version__)
        return
    layer = (arguments[2:] or ["ws"])[0] if task == "client" else task
    if layer not in ("ws", "wss"):
        sys.exit(3)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(run_client(*arguments) if task == "client" else run_server(task, *arguments))


main(*sys.argv[1:])
