"""Python's websockets as the client of `hawser serve`."""

import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from layers import DEFLATE, DEFLATE_MODE, client_context
from program import Serve, check, check_equal, run_tests
from websockets_echo import check_layers, echo_everything, echo_many_at_once, echo_samples, expect_closed, ping_pong

LAYERS = {"compression": "deflate" if DEFLATE else None, "ssl": client_context(),
          "max_size": None, "ping_interval": None, "proxy": None, "open_timeout": 60}


def with_serve(*arguments, **layers):
    """Runs a coroutine function against a server of its own."""
    def decorate(test):
        def run():
            with Serve(*arguments, **layers) as serve:
                asyncio.run(test(serve))
                if serve.process.poll() is None:
                    serve.stop()
        return run
    return decorate


@with_serve("--echo")
async def echo(serve):
    async with connect(serve.url, **LAYERS) as connection:
        await check_layers(connection)
        await ping_pong(connection)
        await echo_many_at_once(connection)
        await echo_everything(connection)


@with_serve("--echo", deflate=None)  # the program's default
async def compression_is_declined(serve):
    async with connect(serve.url, **{**LAYERS, "compression": "deflate"}) as connection:
        check_equal(connection.protocol.extensions, [], "extensions")
        await echo_many_at_once(connection)
        await echo_samples(connection)


@with_serve("--echo")
async def nothing_is_compressed_that_was_not_offered(serve):
    async with connect(serve.url, **{**LAYERS, "compression": None}) as connection:
        check_equal(connection.response.headers.get("Sec-WebSocket-Extensions"), None, "answer")
        await echo_many_at_once(connection)


@with_serve("--echo")
async def offers(serve):
    """Every parameter of RFC 7692 7.1. zlib has no compressor for 8 bits, so websockets cannot be told to use one."""
    alone = DEFLATE_MODE == "shared"
    for server_alone, client_alone, server_bits, client_bits in (
        (False, False, None, True), (False, False, None, None), (True, False, None, True), (False, True, None, True),
        (True, True, 15, 15), (False, False, 8, True), (True, False, 8, 9), (False, True, 9, 12), (False, False, 12, 10),
    ):
        offer = ClientPerMessageDeflateFactory(server_alone, client_alone, server_bits, client_bits)
        async with connect(serve.url, **{**LAYERS, "compression": None}, extensions=[offer]) as connection:
            agreed, = connection.protocol.extensions
            words = connection.request.headers["Sec-WebSocket-Extensions"]
            check_equal(agreed.remote_no_context_takeover, server_alone or alone, f"server_no_context_takeover: {words}")
            check_equal(agreed.local_no_context_takeover, client_alone or alone, f"client_no_context_takeover: {words}")
            check_equal(agreed.remote_max_window_bits, server_bits or 15, f"server_max_window_bits: {words}")
            check_equal(agreed.local_max_window_bits, 15 if client_bits in (None, True) else client_bits,
                        f"client_max_window_bits: {words}")
            await echo_samples(connection)


@with_serve("--echo")
async def close_code_comes_back(serve):
    for code in (1000, 1001, 1011, 3000, 4999):
        connection = await connect(serve.url, **LAYERS)
        await connection.close(code, "moor ⚓")
        await expect_closed(connection, code)


@with_serve("--echo")
async def hawser_closes(serve):
    connections = [await connect(serve.url, **LAYERS) for _ in range(3)]
    serve.process.terminate()
    for connection in connections:
        await expect_closed(connection, 1001)
    serve.expect_status(0, "SIGTERM")


@with_serve("--echo", "--max-message-size", "1000")
async def too_large(serve):
    connection = await connect(serve.url, **LAYERS)
    await connection.send(b"x" * 1000)
    check_equal(len(await connection.recv()), 1000, "size of the echo")
    await connection.send([b"x" * 500, b"x" * 501])
    await expect_closed(connection, 1009)


@with_serve("--echo", "--subprotocol", "chat,superchat")
async def subprotocols(serve):
    for offer, agreed in ((["superchat"], "superchat"), (["other", "chat"], "chat"), (None, None)):
        async with connect(serve.url, subprotocols=offer, **LAYERS) as connection:
            check_equal(connection.subprotocol, agreed, f"subprotocol for {offer}")
    async with connect(serve.url, subprotocols=["other"], **LAYERS) as connection:
        check_equal(connection.subprotocol, None, "subprotocol that the server does not speak")


@with_serve("--echo", "--origins", "https://good.example, https://better.example")
async def origins(serve):
    for origin in ("https://good.example", "https://better.example"):
        async with connect(serve.url, origin=origin, **LAYERS):
            pass
    for origin in ("https://evil.example", "https://good.example.evil.example", "null"):
        try:
            async with connect(serve.url, origin=origin, **LAYERS):
                check(False, f"the origin {origin} was accepted")
        except InvalidStatus as refusal:
            check_equal(refusal.response.status_code, 403, f"status for {origin}")


tests = {
    "echo": echo,
    "permessage-deflate is offered and declined": compression_is_declined,
    "our close code comes back": close_code_comes_back,
    "hawser closes with 1001 when it ends": hawser_closes,
    "a message over the limit": too_large,
    "subprotocols": subprotocols,
    "origins": origins,
}
if DEFLATE:
    tests["nothing is compressed that was not offered"] = nothing_is_compressed_that_was_not_offered
    tests["offers with every parameter"] = offers
run_tests(tests)
