"""Python's websockets as the server of `hawser connect`."""

import asyncio
import http
import logging

from websockets.asyncio.server import serve
from websockets.exceptions import NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from layers import DEFLATE, DEFLATE_MODE, SCHEME, server_context
from program import Connect, check_equal, run_tests
from websockets_echo import check_layers, echo_everything, echo_many_at_once, echo_samples, expect_closed, ping_pong

LAYERS = {"compression": "deflate" if DEFLATE else None, "ssl": server_context(),
          "max_size": None, "ping_interval": None, "open_timeout": 60}


def url_of(server):
    return f"{SCHEME}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def status_of(program, expected, words):
    await asyncio.to_thread(program.expect_status, expected, words)


def with_connect(*arguments, status=0, deflate=DEFLATE_MODE, **options):
    """Runs handle(connection, program) for the one connection of a `hawser connect`, which then ends with `status`."""
    def decorate(handle):
        async def go():
            done = asyncio.get_running_loop().create_future()

            async def handler(connection):
                try:
                    await handle(connection, program)
                    done.set_result(None)
                except BaseException as failure:
                    done.set_exception(failure)

            async with serve(handler, "127.0.0.1", 0, **{**LAYERS, **options}) as server:
                with Connect(url_of(server), *arguments, deflate=deflate) as program:
                    await done
                    await status_of(program, status, handle.__name__)
        return lambda: asyncio.run(go())
    return decorate


@with_connect("--echo")
async def echo(connection, _):
    await check_layers(connection)
    await ping_pong(connection)
    await echo_many_at_once(connection)
    await echo_everything(connection)
    await connection.close(1000, "done")
    await expect_closed(connection, 1000)


@with_connect("--echo", deflate="off", compression="deflate")
async def compression_is_not_offered(connection, _):
    check_equal(connection.request.headers.get("Sec-WebSocket-Extensions"), None, "offer")
    check_equal(connection.protocol.extensions, [], "extensions")
    await echo_many_at_once(connection)
    await echo_samples(connection)


@with_connect("--echo", deflate=None, compression="deflate")  # the program's default
async def compression_is_offered_and_taken(connection, _):
    check_equal([extension.name for extension in connection.protocol.extensions], ["permessage-deflate"], "extensions")
    await echo_many_at_once(connection)


@with_connect("--echo", deflate=None, compression=None)
async def compression_is_offered_and_declined(connection, _):
    check_equal(connection.request.headers["Sec-WebSocket-Extensions"].split(";")[0], "permessage-deflate", "offer")
    check_equal(connection.protocol.extensions, [], "extensions")
    await echo_many_at_once(connection)


def answers():
    """Every parameter of RFC 7692 7.1. zlib has no compressor for 8 bits, so websockets cannot use one."""
    alone = DEFLATE_MODE == "shared"
    for server_alone, client_alone, server_bits, client_bits in (
        (False, False, None, None), (True, False, None, None), (False, True, None, None), (True, True, 15, 15),
        (False, False, 9, 8), (True, False, 12, 8), (False, True, 10, 9), (False, False, None, 12),
    ):
        answer = ServerPerMessageDeflateFactory(server_alone, client_alone, server_bits, client_bits)

        @with_connect("--echo", compression=None, extensions=[answer])
        async def answered(connection, _):
            agreed, = connection.protocol.extensions
            words = connection.response.headers["Sec-WebSocket-Extensions"]
            check_equal(agreed.local_no_context_takeover, server_alone or alone, f"server_no_context_takeover: {words}")
            check_equal(agreed.remote_no_context_takeover, client_alone or alone, f"client_no_context_takeover: {words}")
            check_equal(agreed.local_max_window_bits, server_bits or 15, f"server_max_window_bits: {words}")
            check_equal(agreed.remote_max_window_bits, client_bits or 15, f"client_max_window_bits: {words}")
            await echo_samples(connection)

        answered()


@with_connect("--echo")
async def close_code_comes_back(connection, _):
    await connection.close(4001, "moor ⚓")
    await expect_closed(connection, 4001)


@with_connect("--close-code", "3001")
async def hawser_closes(connection, program):
    program.process.stdin.write("one ⚓\ntwo\n".encode())
    program.process.stdin.close()
    check_equal([await connection.recv(), await connection.recv()], ["one ⚓", "two"], "lines")
    await expect_closed(connection, 3001)


@with_connect("--echo", "--max-message-size", "1000", status=4)
async def too_large(connection, _):
    await connection.send(b"x" * 1001)
    await expect_closed(connection, 1009)


@with_connect("--echo", "--subprotocol", "chat,superchat", subprotocols=["superchat"])
async def subprotocol(connection, _):
    check_equal(connection.subprotocol, "superchat", "subprotocol")


@with_connect("--echo", "--header", "X-Mast: tall", "--origin", "https://good.example")
async def headers(connection, _):
    check_equal(connection.request.headers["X-Mast"], "tall", "X-Mast")
    check_equal(connection.request.headers["Origin"], "https://good.example", "Origin")


def insist_on_another(_, offered):
    raise NegotiationError(f"none of {offered} will do")


def refusals():
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # it logs every refusal with a traceback

    async def status_for(refuse, arguments, expected, **options):
        async def handler(connection):
            await connection.wait_closed()

        async with serve(handler, "127.0.0.1", 0, process_request=refuse, **{**LAYERS, **options}) as server:
            with Connect(url_of(server), *arguments) as program:
                await status_of(program, expected, f"{arguments}")

    def teapot(connection, _):
        return connection.respond(http.HTTPStatus.IM_A_TEAPOT, "short and stout\n")

    asyncio.run(status_for(teapot, [], 2))
    asyncio.run(status_for(None, ["--origin", "https://evil.example"], 2, origins=["https://good.example"]))
    # websockets refuses a client that offers none of the subprotocols that it insists on.
    asyncio.run(status_for(None, ["--subprotocol", "chat"], 2, select_subprotocol=insist_on_another))


tests = {
    "echo": echo,
    "a server that would compress, and is not asked to": compression_is_not_offered,
    "permessage-deflate is offered and taken": compression_is_offered_and_taken,
    "permessage-deflate is offered and declined": compression_is_offered_and_declined,
    "our close code comes back": close_code_comes_back,
    "hawser closes with the code that it was told": hawser_closes,
    "a message over the limit": too_large,
    "subprotocol": subprotocol,
    "headers and origin": headers,
    "refused handshakes": refusals,
}
if DEFLATE:
    tests["answers with every parameter"] = answers
run_tests(tests)
