"""curl against `hawser serve`: the page as plain HTTP, an upgrade by hand, and its own WebSocket where it has one."""

import re
import subprocess
import threading

from layers import DEFLATE, DEFLATE_MODE, TLS, certificate_file
from program import PATIENCE, Connect, Serve, check, check_equal, run_tests

UPGRADE = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
           "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
COMMON = ["--noproxy", "*", "--max-time", str(PATIENCE), *(["--cacert", certificate_file("root.pem")] if TLS else [])]


def curl(*arguments):
    """(status, headers by lower-case name, body) of one request."""
    done = subprocess.run(["curl", "-sS", "-i", "--http1.1", *COMMON, *arguments], stdout=subprocess.PIPE, check=True)
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    first, *fields = head.decode().split("\r\n")
    return int(first.split(" ")[1]), {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}, body


def http(serve, path=""):
    return serve.url.replace("ws", "http", 1) + path


def page():
    with Serve("--echo") as serve:
        status, fields, body = curl(http(serve))
        check_equal(status, 200, "status")
        check(fields["content-type"].startswith("text/html"), fields["content-type"])
        check_equal(int(fields["content-length"]), len(body), "Content-Length")
        for element in ("url", "connect", "message", "send", "log", "state", "rtt"):
            check(f'id="{element}"' in body.decode(), f"no element {element} in the page")
        serve.stop()


def head_has_no_body():
    with Serve("--echo") as serve:
        status, fields, body = curl("--head", http(serve))
        check_equal((status, body), (200, b""), "HEAD")
        check_equal(fields["content-length"], str(len(curl(http(serve))[2])), "Content-Length of HEAD and of GET")
        serve.stop()


def other_requests():
    with Serve("--echo") as serve:
        check_equal(curl(http(serve, "no/such/thing"))[0], 404, "another path")
        check_equal(curl("-X", "POST", "-d", "x=1", http(serve))[0], 405, "POST")
        check_equal(curl(*UPGRADE, "-H", "Origin: https://evil.example", http(serve))[0], 403, "another origin")
        status, fields, _ = curl(*UPGRADE, "-H", "Sec-WebSocket-Version: 8", http(serve))
        check(status in (400, 426), f"two versions: {status}")
        serve.stop()


def upgrade_by_hand():
    """The example of RFC 6455 1.3; then the server ends, and curl has its Close frame as the body."""
    with Serve("--echo") as serve:
        # The head is taken from what -v says: what -i writes stays in curl's buffer until a body comes.
        with streaming(http(serve), "-v", "--http1.1", *UPGRADE, stderr=subprocess.PIPE) as client:
            head = read_until(client.stderr, b"\n< \r\n")
            check(b"< HTTP/1.1 101 " in head, head)
            check(b"< Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head, head)
            serve.stop()
            frame = client.stdout.read()
            client.stderr.read()
        check_equal(frame[:1], b"\x88", "first byte of the Close frame")
        check_equal(frame[2:4], (1001).to_bytes(2, "big"), "its code")


def upgrade_with_offers():
    """RFC 7692 7.1: the first offer that can be agreed to is answered, the others are not."""
    alone = "; server_no_context_takeover; client_no_context_takeover" if DEFLATE_MODE == "shared" else ""
    with Serve("--echo") as serve:
        for offers, answer in (
            ("permessage-deflate", "permessage-deflate" + alone),
            ("permessage-deflate; client_max_window_bits", "permessage-deflate" + alone),
            ("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
             f"permessage-deflate{alone}; server_max_window_bits=10; client_max_window_bits=9"),
            ('permessage-deflate; server_max_window_bits="11"', f"permessage-deflate{alone}; server_max_window_bits=11"),
            ("permessage-deflate; rope=3, x-other, permessage-deflate", "permessage-deflate" + alone),
            ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
            ("permessage-deflate; server_no_context_takeover=1", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=08", None),
            ("permessage-deflate; client_max_window_bits=16", None),
            ("x-webkit-deflate-frame", None),
        ):
            upgrade = [*UPGRADE, "-H", f"Sec-WebSocket-Extensions: {offers}"]
            with streaming(http(serve), "-v", "--http1.1", *upgrade, stderr=subprocess.PIPE) as client:
                head = read_until(client.stderr, b"\n< \r\n").decode()
                client.terminate()
            check("< HTTP/1.1 101 " in head, head)
            fields = re.findall(r"^< Sec-WebSocket-Extensions: (.*)\r$", head, re.M)
            check_equal(fields, [answer] if DEFLATE and answer else [], f"the answer to {offers}")
        serve.stop()


def verified_by_curl():
    """curl takes the certificate for our names, and for no other."""
    with Serve("--echo") as serve:
        for host, status in (("localhost", 0), ("other.example", 60)):  # CURLE_PEER_FAILED_VERIFICATION
            url = f"https://{host}:{serve.port}/"
            done = subprocess.run(["curl", "-sS", *COMMON, "--resolve", f"{host}:{serve.port}:127.0.0.1", url],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            check_equal(done.returncode, status, f"curl's exit status for {host}")
        serve.stop()


def curl_speaks_http_2():
    """ALPN leads a curl that would rather speak HTTP/2 to HTTP/1.1."""
    with Serve("--echo") as serve:
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_version}", "--http2", *COMMON, http(serve)],
                              stdout=subprocess.PIPE, check=True)
        check_equal(done.stdout, b"1.1", "HTTP version")
        serve.stop()


def streaming(url, *arguments, **pipes):
    """A curl that writes to our pipe whatever comes, as it comes."""
    command = ["curl", "-sS", "-N", *COMMON, *arguments, url]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **pipes)


def read_until(stream, text):
    data = b""
    while not data.endswith(text):
        byte = stream.read(1)
        check(byte, f"curl ended behind {data!r}")
        data += byte
    return data


def speaks_ws():
    version = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.search(r"^Protocols:.*\bws\b", version, re.M) is not None


def own_websocket():
    """curl ws:// writes what it receives."""
    with Serve("--broadcast") as serve, streaming(serve.url) as client, Connect(serve.url) as sender:
        received = threading.Event()

        def send():
            while not received.wait(0.05):  # again and again: curl may not have been there yet
                sender.process.stdin.write("moor ⚓\n".encode())
                sender.process.stdin.flush()

        sending = threading.Thread(target=send)
        sending.start()
        try:
            read_until(client.stdout, "moor ⚓".encode())
        finally:
            received.set()
            sending.join()
        serve.stop()
        client.stdout.read()


tests = {
    "the page": page,
    "HEAD": head_has_no_body,
    "other requests": other_requests,
    "an upgrade by hand": upgrade_by_hand,
    "an upgrade with offers": upgrade_with_offers,
}
if TLS:
    tests["curl verifies us"] = verified_by_curl
    tests["curl would speak HTTP/2"] = curl_speaks_http_2
if speaks_ws():
    tests["its own WebSocket"] = own_websocket
run_tests(tests)
