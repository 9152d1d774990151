"""hawser behind nginx or HAProxy (PROXY), with the configurations of examples/proxies. SERVER is the example proxied_server. The proxy runs
as a child, in a folder of its own, on free ports of the loopback device."""

import asyncio
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from layers import certificate_file
from program import PATIENCE, Program, check, check_equal, payloads, run_tests
from websockets_echo import echo_in_fragments, echo_many_at_once, echo_whole, expect_closed, ping_pong

PROXY = os.environ["PROXY"]
NGINX = PROXY == "nginx"
CONFIGURATION = "nginx.conf" if NGINX else "haproxy.cfg"
COMMAND = ["nginx", "-p", ".", "-e", "stderr", "-g", "daemon off;", "-c"] if NGINX else ["haproxy", "-W", "-f"]
RELOAD = signal.SIGHUP if NGINX else signal.SIGUSR2
UNREACHABLE = 502 if NGINX else 503
CONTEXT = ssl.create_default_context(cafile=certificate_file("root.pem"))


def free_port():
    """Not one of those that the system gives to clients: those might be taken before the proxy listens."""
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


async def until(condition, words):
    """Waits for what is true at some time."""
    for _ in range(PATIENCE * 20):
        if condition():
            return
        await asyncio.sleep(0.05)
    check(False, f"waited in vain: {words}")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server(Program):
    """The example, on a port; its lines are in `lines`."""

    def __init__(self, port=0, ping_interval=None):
        arguments = [f"ws://127.0.0.1:{port}/"] + ([] if ping_interval is None else [str(ping_interval)])
        self.process = subprocess.Popen([os.environ["SERVER"], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        check(match, f"the first line of the server: {line!r}")
        self.port = int(match.group(1))
        self.lines = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.append(line)


class Proxy:
    """The proxy before servers at these ports. changes: (what is in the configuration, what takes its place)."""

    def __init__(self, one, two=None, *changes, encrypted=None, command=COMMAND):
        self.command = command
        self.port, self.encrypted_port = free_port(), free_port()
        self.changes = [("127.0.0.1:8443", f"127.0.0.1:{self.port}"), ("127.0.0.1:8444", f"127.0.0.1:{self.encrypted_port}"),
                        ("127.0.0.1:9001", f"127.0.0.1:{one}"), ("127.0.0.1:9002", f"127.0.0.1:{two or one}"),
                        ("127.0.0.1:9443", f"127.0.0.1:{encrypted or one}"), *changes]
        self.url, self.encrypted_url = f"wss://localhost:{self.port}/", f"wss://localhost:{self.encrypted_port}/"

    def __enter__(self):
        self.folder = tempfile.mkdtemp()
        os.chmod(self.folder, 0o755)  # nginx's workers are another user, if root starts it
        for name, source in ("fullchain.pem", "server.pem"), ("privkey.pem", "server.key"), ("fullchain.pem.key", "server.key"), \
                ("root.pem", "root.pem"):
            shutil.copy(certificate_file(source), os.path.join(self.folder, name))
        with open(os.path.join(os.environ["CONFIGURATIONS"], CONFIGURATION), encoding="utf-8") as file:
            text = file.read()
        for old, new in self.changes:
            check(old in text, f"{old!r} is not in {CONFIGURATION}")
            text = text.replace(old, new)
        with open(os.path.join(self.folder, CONFIGURATION), "w", encoding="utf-8") as file:
            file.write(text)
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen([*self.command, CONFIGURATION], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        asyncio.run(until(lambda: self.process.poll() or listens(self.encrypted_port), "the proxy listens"))
        if self.process.poll():
            self.show_log()
        return self

    def __exit__(self, failure, *_):
        if failure:
            self.show_log()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()
        shutil.rmtree(self.folder)

    def show_log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            print(file.read())

    def connect(self, path="", **named):
        named = {"max_size": None, "ping_interval": None, "proxy": None, "open_timeout": PATIENCE, "ssl": CONTEXT, **named}
        return connect(self.url + path, **named)

    def reload(self):
        self.process.send_signal(RELOAD)

    async def refusal(self, **named):
        """The status with which a handshake is refused."""
        try:
            async with self.connect(**named):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code


def hawser_connect(url, *arguments, said=b"one\ntwo\n"):
    """Exit status and output of `hawser connect`."""
    done = subprocess.run([os.environ["HAWSER"], "connect", url, *arguments], input=said, capture_output=True, timeout=PATIENCE)
    return done.returncode, done.stdout


AUTHORITY = ("--tls-ca", certificate_file("root.pem"))


async def echoes(connection, words="still there?"):
    await connection.send(words)
    check_equal(await asyncio.wait_for(connection.recv(), PATIENCE), words, "echo")


def messages():
    async def talk(compression):
        async with proxy.connect(compression=compression) as connection:
            check_equal(bool(connection.protocol.extensions), compression is not None, "is compressed")
            await ping_pong(connection)
            await echo_many_at_once(connection)
            for data, binary in payloads():
                await echo_whole(connection, data, binary)
            for size in (1, 1000):
                await echo_in_fragments(connection, b"x" * size, True)

    with Server() as server, Proxy(server.port) as proxy:
        asyncio.run(talk(None))
        asyncio.run(talk("deflate"))


def close_codes():
    async def close(code):
        connection = await proxy.connect()
        await connection.close(code, "moor ⚓")
        await expect_closed(connection, code)

    with Server() as server, Proxy(server.port) as proxy:
        for code in (1000, 1001, 1011, 3000, 4999):
            asyncio.run(close(code))


def hawser_as_the_client():
    with Server() as server, Proxy(server.port) as proxy:
        check_equal(hawser_connect(proxy.url, *AUTHORITY), (0, b"one\ntwo\n"), "status, output")
        check_equal(hawser_connect(proxy.url, *AUTHORITY, "--deflate=dedicated"), (0, b"one\ntwo\n"), "with compression")
        check_equal(hawser_connect(proxy.url), (3, b""), "an authority that is not trusted")


def encrypted_inside():
    def talk(identity):
        with Program("serve", "wss://127.0.0.1:0/", "--quiet", "--tls-cert", certificate_file(f"{identity}.pem"), "--tls-key",
                     certificate_file(f"{identity}.key")) as serve:
            port = int(serve.process.stdout.readline().decode().rstrip("/\n").rsplit(":")[-1])
            with Proxy(port, None, *checked_at_root(), encrypted=port) as proxy:
                return hawser_connect(proxy.encrypted_url, *AUTHORITY)

    check_equal(talk("server"), (0, b"one\ntwo\n"), "status, output")
    check_equal(talk("wrong_host"), (2, b""), "the server's certificate is of another host")
    check_equal(talk("wrong_authority"), (2, b""), "the server's certificate is of another authority")


def checked_at_root():
    """`hawser serve` has a page at /."""
    return [] if NGINX else [("uri /health", "uri /")]


def who_the_client_is():
    """The header is the proxy's, whatever the client wrote, and counts from nobody else."""
    forged = {"X-Forwarded-For": "192.0.2.66"}

    async def talk():
        async with proxy.connect("room?x=1", additional_headers=forged):
            pass
        async with connect(f"ws://127.0.0.1:{server.port}/direct", local_addr=("127.0.0.2", 0), additional_headers=forged, proxy=None):
            pass
        await until(lambda: len(server.lines) == 2, "two lines of the server")

    with Server() as server, Proxy(server.port) as proxy:
        asyncio.run(talk())
        check_equal(server.lines[0], "127.0.0.1 opens /room?x=1\n", "through the proxy")
        check(re.fullmatch(r"127\.0\.0\.2:\d+ opens /direct\n", server.lines[1]), f"past the proxy: {server.lines[1]!r}")


def origins():
    """The policy "same" compares Origin with the Host that the proxy passes on."""
    def status(origin, *changes):
        with Proxy(server.port, None, *changes) as proxy:
            return asyncio.run(proxy.refusal(origin=origin.format(proxy.port)))

    with Server() as server:
        check_equal(status("https://localhost:{}"), 101, "a page of this host")
        check_equal(status("https://evil.example"), 403, "a page of another host")
        if NGINX:
            check_equal(status("https://localhost:{}", ("proxy_set_header Host $http_host;", "")), 403, "nginx's own Host")
            check_equal(status("https://localhost:{}", ("$http_host", "$host")), 403, "a Host without the port")


SHORT = ("proxy_read_timeout 60s", "proxy_read_timeout 4s") if NGINX else ("timeout tunnel 60s", "timeout tunnel 4s")
LONGER = 8  # seconds


def pings_keep_it_alive():
    async def idle(proxy):
        async with proxy.connect() as connection:
            await asyncio.sleep(LONGER)
            await echoes(connection)

    async def be_cut(proxy):
        connection = await proxy.connect()
        await asyncio.wait_for(connection.wait_closed(), PATIENCE)
        check_equal(connection.close_code, 1006, "close code")

    with Server(ping_interval=200) as server, Proxy(server.port, None, SHORT) as proxy:
        asyncio.run(idle(proxy))
    with Server(ping_interval=-1) as server, Proxy(server.port, None, SHORT) as proxy:
        asyncio.run(be_cut(proxy))
        with hawser_idles(proxy, "--ping-interval", "0.2") as client:
            time.sleep(LONGER)
            check_equal(client.communicate(b"late\n", PATIENCE)[0], b"late\n", "with the client's pings")
            check_equal(client.returncode, 0, "its status")
        with hawser_idles(proxy) as client:
            check_equal(client.wait(PATIENCE), 3, "without anybody's pings")


def hawser_idles(proxy, *arguments):
    """`hawser connect`, whose user is silent."""
    command = [os.environ["HAWSER"], "connect", proxy.url, *AUTHORITY, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def one_way_traffic():
    """What comes from one side is enough: the other may be silent."""
    async def pong_only(proxy):
        async with proxy.connect() as connection:
            for _ in range(LONGER * 5):
                await connection.pong()  # unasked: nothing comes back (RFC 6455 5.5.3)
                await asyncio.sleep(0.2)
            await echoes(connection)

    with Server(ping_interval=-1) as server, Proxy(server.port, None, SHORT) as proxy:
        asyncio.run(pong_only(proxy))


def get(url):
    try:
        with urllib.request.urlopen(url.replace("wss:", "https:"), timeout=PATIENCE, context=CONTEXT) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def plain_requests():
    with Server() as server, Proxy(server.port) as proxy:
        check_equal(get(proxy.url + "health"), (200, b"well\n"), "/health")
        check_equal(get(proxy.url + "other")[0], 404, "/other")


def checks():
    """A server that is not well gets nothing to do."""
    with Server() as server, Proxy(server.port, None, ("uri /health", "uri /other"), ("inter 2s", "inter 100ms")) as proxy:
        asyncio.run(until(lambda: get(proxy.url + "health")[0] == 503, "both servers are taken out"))
        check_equal(asyncio.run(proxy.refusal()), 503, "status of a handshake")


def noticed_soon(port):
    """That a server is there again."""
    return (f"server 127.0.0.1:{port};", f"server 127.0.0.1:{port} fail_timeout=1s;") if NGINX else ("inter 2s", "inter 100ms\n  timeout check 5s")


def a_server_restarts():
    async def follow(one, two):
        first = [await proxy.connect() for _ in range(4)]
        one.process.terminate()
        await until(lambda: sum(connection.close_code is not None for connection in first) == 2, "half of them are closed")
        for connection in first:
            if connection.close_code is not None:
                await expect_closed(connection, 1001)
                one.expect_status(0, "SIGTERM")
                async with proxy.connect() as again:  # at once, and at the other server
                    await echoes(again)
            else:
                await echoes(connection)
                await connection.close()
        two.process.terminate()
        two.expect_status(0, "SIGTERM")
        check_equal(await proxy.refusal(), UNREACHABLE, "status without any server")
        check_equal(hawser_connect(proxy.url, *AUTHORITY), (2, b""), "status, output without any server")

    with Server(free_port()) as one, Server() as two, Proxy(one.port, two.port, noticed_soon(one.port)) as proxy:
        asyncio.run(follow(one, two))
        with Server(one.port):
            asyncio.run(until(lambda: hawser_connect(proxy.url, *AUTHORITY)[0] == 0, "the server is found again"))


def a_server_is_overloaded():
    """What one answers with 503 the other gets."""
    def refuse():
        with contextlib.suppress(OSError):
            while True:
                peer, _ = busy.accept()
                with peer:
                    asked = peer.recv(65_536)
                    words = b"200 OK" if asked.startswith(b"GET /health") else b"503 Service Unavailable"
                    refused.append(words)
                    peer.sendall(b"HTTP/1.1 " + words + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async def talk():
        for _ in range(4):
            async with proxy.connect() as connection:
                await echoes(connection)

    refused = []
    with socket.create_server(("127.0.0.1", 0)) as busy, Server() as server:
        threading.Thread(target=refuse, daemon=True).start()
        with Proxy(busy.getsockname()[1], server.port) as proxy:
            asyncio.run(talk())
        check(b"503 Service Unavailable" in refused, "the other one was never asked")
        busy.shutdown(socket.SHUT_RDWR)


def the_proxy_reloads():
    """Its old process serves what it has until its time is up."""
    async def talk():
        old = await proxy.connect()
        await echoes(old)
        proxy.reload()
        for _ in range(10):
            async with proxy.connect() as new:
                await echoes(new)
            await echoes(old)
            await asyncio.sleep(0.1)
        await asyncio.wait_for(old.wait_closed(), PATIENCE)
        check_equal(old.close_code, 1006, "close code")
        async with proxy.connect() as new:
            await echoes(new)

    patience = ("worker_shutdown_timeout 60s", "worker_shutdown_timeout 10s") if NGINX else ("hard-stop-after 60s", "hard-stop-after 10s")
    with Server() as server, Proxy(server.port, None, patience) as proxy:
        asyncio.run(talk())


def nginx_is_replaced():
    """SIGUSR2 starts a new nginx, SIGQUIT lets the old one go when its connections have ended. It has to be a daemon for that."""
    def pid_of(name="nginx.pid"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            with open(os.path.join(proxy.folder, name), encoding="utf-8") as file:
                return int(file.read())
        return 0

    async def talk():
        old, first = await proxy.connect(), pid_of()
        os.kill(first, signal.SIGUSR2)
        await until(lambda: pid_of() not in (0, first), "the new nginx")
        os.kill(first, signal.SIGQUIT)
        for _ in range(10):
            async with proxy.connect() as new:
                await echoes(new)
            await echoes(old)
        await old.close()
        await expect_closed(old, 1000)
        await until(lambda: not pid_of("nginx.pid.oldbin"), "the old nginx has gone")
        async with proxy.connect() as new:
            await echoes(new)

    with Server() as server, Proxy(server.port, None, command=[shutil.which("nginx"), "-p", ".", "-e", "stderr", "-c"]) as proxy:
        try:
            asyncio.run(talk())
        finally:
            for name in ("nginx.pid", "nginx.pid.oldbin"):
                if pid := pid_of(name):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
            asyncio.run(until(lambda: not pid_of(), "nginx has ended"))


def one_address_one_server():
    async def talk():
        for _ in range(6):
            async with proxy.connect() as connection:
                await echoes(connection)
        await until(lambda: len(one.lines) + len(two.lines) == 6, "six lines of the servers")

    by_address = ("least_conn", "ip_hash") if NGINX else ("balance leastconn", "balance source")
    with Server() as one, Server() as two, Proxy(one.port, two.port, by_address) as proxy:
        asyncio.run(talk())
        check_equal(sorted((len(one.lines), len(two.lines))), [0, 6], "connections of each server")


def the_proxy_protocol():
    """hawser does not speak it."""
    with Server() as server, Proxy(server.port, None, ("default-server check", "default-server send-proxy")) as proxy:
        check_equal(asyncio.run(proxy.refusal()), 400, "status")


os.environ["PATH"] += ":/usr/sbin"
if shutil.which(PROXY) is None:
    print(f"skipped: examples/proxies: {PROXY} is not here (scripts/test --all installs it)")
    sys.exit(1 if PROXY in os.environ.get("HAWSER_REQUIRED_PEERS", "").split() else 77)
tests = {
    "messages": messages,
    "close codes": close_codes,
    "hawser as the client": hawser_as_the_client,
    "encrypted inside": encrypted_inside,
    "who the client is": who_the_client_is,
    "origins": origins,
    "pings keep it alive": pings_keep_it_alive,
    "one-way traffic": one_way_traffic,
    "plain requests": plain_requests,
    "a server restarts": a_server_restarts,
    "a server is overloaded": a_server_is_overloaded,
    "the proxy reloads": the_proxy_reloads,
    "one address, one server": one_address_one_server,
}
if NGINX:
    tests["nginx is replaced"] = nginx_is_replaced
else:
    tests["health checks"] = checks
    tests["the PROXY protocol"] = the_proxy_protocol
run_tests(tests)
