"""openssl s_server and s_client, and Python's ssl for what they cannot do, as the TLS peers of hawser: who is refused,
in which words, and who is not."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

from layers import certificate_file, identity_of
from openssl_peers import (NETWORK, REQUEST, SClient, SServer, TlsServe, accept_by_hand, client_context, close_cleanly,
                           common_name, dial, echo, expect_good_client, expect_refused, run_connect, upgrade_by_hand)
from program import PATIENCE, Program, Serve, check, check_equal, run_tests
from raw_wire import Wire, close_frame

ROOT = ["--tls-ca", certificate_file("root.pem")]
CHAIN = ["-cert_chain", certificate_file("authority.pem")]
OLD = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"]
VERSIONS = ("1.2", "1.3")


def flag(version):
    return "-tls" + version.replace(".", "_")


# ---------------------------------------------------------------------------------------------------------------------
# hawser connect


def expect_accepted(server, url, *arguments):
    """`hawser connect` takes the server; it has no input, and closes at once."""
    with Program("connect", url, *arguments) as program:
        program.process.stdin.close()
        wire = server.accept()
        wire.expect_close(1000, "hawser's Close")
        wire.write(close_frame(1000, masked=False))
        server.end()
        program.expect_status(0, f"{url} {arguments}")


def right_servers():
    for address, hosts in (("127.0.0.1", ("localhost", "LOCALHOST", "localhost.", "127.0.0.1")),
                           ("[::1]", ("localhost", "[::1]", "[0:0:0:0:0:0:0:1]"))):
        for host in hosts:
            with SServer("server", *CHAIN, host=address) as server:
                expect_accepted(server, server.url(host), *ROOT)
    for version in VERSIONS:
        with SServer("renewed", flag(version)) as server:
            expect_accepted(server, server.url(), *ROOT)


REFUSALS = (
    ("expired", "localhost", r"certificate has expired \(depth 0, subject CN=expired\)"),
    ("not_yet", "localhost", r"certificate is not yet valid \(depth 0, subject CN=not yet\)"),
    ("self_signed", "localhost", r"self.signed certificate \(depth 0, subject CN=self\)"),
    ("wrong_host", "localhost", r"hostname mismatch \(depth 0, subject CN=127\.0\.0\.1\)"),
    ("wrong_host", "127.0.0.1", r"IP address mismatch \(depth 0, subject CN=127\.0\.0\.1\)"),
    ("wrong_address", "127.0.0.1", r"IP address mismatch \(depth 0, subject CN=localhost\)"),
    ("without_chain", "localhost", r"unable to get local issuer certificate \(depth 0, subject CN=localhost\)"),
    ("wrong_authority", "localhost", r"unable to get local issuer certificate \(depth 0, subject CN=localhost\)"),
)


def verification():
    for name, host, words in REFUSALS:
        with SServer(name) as server:
            expect_refused(server.url(host), "certificate verify failed: " + words, *ROOT)


def common_name_is_no_name():
    """RFC 9110 4.3.4: a client does not look at the CN, even where the certificate has no other name."""
    with SServer("wrong_address") as server:
        expect_refused(server.url(), r"hostname mismatch \(depth 0, subject CN=localhost\)", *ROOT)


def system_authorities():
    """Without --tls-ca nobody vouches for our root."""
    with SServer("server", *CHAIN) as server:
        expect_refused(server.url(), r"certificate verify failed: .*certificate.*\(depth [01], subject CN=")


def insecure():
    for name, host in dict((name, host) for name, host, _ in REFUSALS).items():
        with SServer(name) as server:
            expect_accepted(server, server.url(host), *ROOT, "--insecure")
    with SServer("self_signed") as server:
        expect_accepted(server, server.url(), "--insecure")


def old_server():
    with SServer("server", *CHAIN, *OLD) as server:
        for arguments in (ROOT, ["--insecure"]):
            expect_refused(server.url(), "the TLS handshake failed: .*protocol", *arguments)


def answer_once(listener, answer):
    with listener.accept()[0] as sock:
        sock.recv(65_536)
        sock.sendall(answer)


def plain_server():
    """A ws:// port behind wss://, and others that do not speak TLS."""
    words = r"the TLS handshake failed: the peer does not speak TLS: is it a ws:// port\?"
    with Serve("--echo") as serve:
        expect_refused(f"wss://127.0.0.1:{serve.port}/", words, *ROOT)
        serve.stop()
    for answer in (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 100):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"wss://127.0.0.1:{listener.getsockname()[1]}/"
            with Program("connect", url, *ROOT, stderr=subprocess.PIPE) as program:
                answer_once(listener, answer)
                program.expect_status(NETWORK, f"{answer!r}")
                check(words[:60] in program.process.stderr.read().decode(), f"{answer!r}")
                program.process.stderr.close()


def plain_client():
    """hawser connect with ws:// at a wss:// port."""
    with TlsServe() as serve:
        status, words = run_connect(f"ws://127.0.0.1:{serve.port}/")
        check_equal(status, 2, f"exit status of hawser connect ({words})")
        check("TLS" in words or "wss://" in words, f"the words do not say that the port speaks TLS: {words!r}")
        serve.stop()


def client_certificates():
    """RFC 5246 7.2.2, RFC 8446 6.2: which alert a server answers with."""
    wanted = [*CHAIN, "-CAfile", certificate_file("root.pem"), "-Verify", "3", "-verify_return_error"]
    for version, without in (("1.2", "alert handshake failure"), ("1.3", "alert certificate required")):
        with SServer("server", *wanted, flag(version)) as server:
            expect_refused(server.url(), without, *ROOT)
            expect_refused(server.url(), "alert unknown ca", *ROOT, *identity_of("stranger"))
            expect_refused(server.url(), "alert certificate expired", *ROOT, *identity_of("expired"))
            expect_accepted(server, server.url(), *ROOT, *identity_of("client"))


def server_renegotiates():
    """A server that asks for another handshake on a connection of TLS 1.2 does not get it."""
    with SServer("server", *CHAIN, "-tls1_2") as server:
        with Program("connect", server.url(), *ROOT, "--echo", stderr=subprocess.DEVNULL) as program:
            wire = server.accept()
            echo(wire)
            server.sendall(b"r\n")
            server.expect(rb"no renegotiation")
            program.expect_status(NETWORK, "renegotiation")


def wire_with_s_server():
    for version in VERSIONS:
        with SServer("server", *CHAIN, flag(version)) as server:
            with Program("connect", server.url(), *ROOT, "--echo") as program:
                wire = server.accept()
                echo(wire)
                close_cleanly(wire)
                server.end()
                program.expect_status(0, f"TLS {version}")


class PythonServer:
    """Python's TLS as the server of one hawser connect, up to OPEN."""

    def __init__(self, *arguments):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file("server.pem"), certificate_file("server.key"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"wss://127.0.0.1:{listener.getsockname()[1]}/"
            self.program = Program("connect", url, *ROOT, *arguments, stderr=subprocess.PIPE)
            self.sock = context.wrap_socket(listener.accept()[0], server_side=True, suppress_ragged_eofs=False)
        self.wire = accept_by_hand(Wire(self.sock, masked=False))

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.sock.close()
        self.program.__exit__(*arguments)
        self.program.process.stderr.close()

    def words(self):
        return self.program.process.stderr.read().decode()


def cut_off_server():
    """RFC 8446 6.1: without close_notify the end may be somebody else's."""
    with PythonServer("--echo") as server:
        echo(server.wire)
        server.sock.close()
        server.program.expect_status(NETWORK, "cut off")
        check("the TLS connection was cut off" in server.words(), "words")
    with PythonServer("--echo") as server:
        echo(server.wire)
        server.sock.unwrap()
        server.program.expect_status(NETWORK, "close_notify without a Close")
        check("without a Close" in server.words(), "words")
    with PythonServer("--echo") as server:  # nothing can be cut from behind a Close
        close_cleanly(server.wire)
        server.sock.close()
        server.program.expect_status(0, "cut off behind the Close")
        check_equal(server.words(), "", "words")


def client_says_where_it_ends():
    """RFC 8446 6.1: with close_notify of its own, without which unwrap raises."""
    with PythonServer("--echo") as server:
        close_cleanly(server.wire)
        server.sock.unwrap()
        server.program.expect_status(0, "the end")


# ---------------------------------------------------------------------------------------------------------------------
# hawser serve


def expect_s_client_refused(serve, pattern, *arguments):
    with SClient(serve, *arguments, "-ign_eof") as client:
        client.expect(pattern)
        client.rest()
        check(client.status() != 0, f"s_client {arguments} was not refused")


def old_client():
    with TlsServe() as serve:
        expect_s_client_refused(serve, rb"alert protocol version", *OLD)
        expect_good_client(serve)
        serve.stop()


def required_certificates():
    def showing(name):
        return ["-cert", certificate_file(f"{name}.pem"), "-key", certificate_file(f"{name}.key")]

    with TlsServe("--verbose", "--tls-client-ca", certificate_file("root.pem")) as serve:
        for version, without in (("1.2", rb"alert handshake failure"), ("1.3", rb"alert certificate required")):
            expect_s_client_refused(serve, without, flag(version))
            expect_s_client_refused(serve, rb"alert unknown ca", flag(version), *showing("stranger"))
            expect_s_client_refused(serve, rb"alert certificate expired", flag(version), *showing("expired"))
            with SClient(serve, "-quiet", flag(version), *showing("client"), stderr=subprocess.DEVNULL) as client:
                wire = upgrade_by_hand(client)
                serve.log.expect(rf"open /, TLSv{version} [^\n]*, peer CN=a client\n".encode())
                close_cleanly(wire)
                wire.expect_end("the end")
        with SClient(serve, *showing("client")) as client:
            client.expect(rb"Acceptable client certificate CA names\nCN = hawser test root\n")
        check(serve.log.buffer.count(b" open ") == 0, "somebody else was let in")
        serve.stop()


def client_renegotiates():
    with TlsServe() as serve:
        with SClient(serve, "-tls1_2") as client:
            client.sendall(REQUEST)
            client.expect(rb"HTTP/1\.1 101 ")
            client.sendall(b"R\n")
            client.expect(rb"RENEGOTIATING\n")
            client.expect(rb"no renegotiation")
            check(client.status() != 0, "s_client goes on")
        expect_good_client(serve)
        serve.stop()


def exchange(serve, data, end=False):
    """What comes back until the connection ends; end: we have no more to say."""
    with socket.create_connection(("127.0.0.1", serve.port), PATIENCE) as sock:
        wire = Wire(sock, masked=True)
        wire.drip(data)
        if end:
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was ended before
        while wire.fill():
            pass
        return wire.received


def plain_http():
    with TlsServe() as serve:
        for request in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", REQUEST,
                        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
                        b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
                        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            head, body = exchange(serve, request).split(b"\r\n\r\n", 1)
            check(head.startswith(b"HTTP/1.1 400 "), head)
            check(f"content-length: {len(body)}" in head.decode().lower(), f"{head} for {body}")
            check(b"TLS" in body and b"wss://" in body, f"the body does not say why: {body}")
        expect_good_client(serve)
        serve.stop()


def plain_head():
    """RFC 9110 9.3.2: there is never content behind the head."""
    with TlsServe() as serve:
        head, body = exchange(serve, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").split(b"\r\n\r\n", 1)
        check(head.startswith(b"HTTP/1.1 400 "), head)
        check_equal(body, b"", "content of the answer to HEAD")
        serve.stop()


def garbage():
    hello = b"\x16\x03\x01"
    with TlsServe() as serve:
        for data in (b"", b"\x16", hello, hello + b"\x02\x00\x01", b"\0" * 500, b"\xff" * 500, b"\x80" * 5, b"SSH-2.0-x\r\n",
                     b"get / http/1.1\r\n\r\n", hello + b"\xff\xff" + b"x" * 70_000, hello + b"\0\0" * 40,
                     b"\x15\x03\x01\x00\x02\x02\x28", b"\x17\x03\x03\x00\x05hello", hello + b"\x00\x05\x01\xff\xff\xffx"):
            answer = exchange(serve, data, end=True)
            # Nothing, a fatal alert (RFC 8446 6), or words for what might be HTTP.
            check(answer == b"" or (answer[0] == 21 and answer[5] == 2) or answer.startswith(b"HTTP/1.1 400 "),
                  f"the answer to {data[:80]}: {answer}")
        expect_good_client(serve)
        serve.stop()


def tls_at_a_plain_port():
    with Serve("--echo") as serve:
        for version in VERSIONS:
            expect_s_client_refused(serve, rb"wrong version number|alert", flag(version))
        serve.stop()


def protocols():
    """RFC 7301 3.2: the server chooses, and has the alert no_application_protocol where it knows none."""
    with TlsServe() as serve:
        for version in VERSIONS:
            for offer in ("http/1.1", "h2,http/1.1", "http/1.1,h2", "http/1.0,http/1.1"):
                with SClient(serve, flag(version), "-alpn", offer) as client:
                    client.expect(rb"ALPN protocol: http/1\.1\n")
            for offer in ("h2", "http/1.0,h2", "http/1.10", "HTTP/1.1"):
                expect_s_client_refused(serve, rb"alert no application protocol", flag(version), "-alpn", offer)
            with SClient(serve, flag(version)) as client:
                client.expect(rb"No ALPN negotiated\n")
        expect_good_client(serve)
        serve.stop()


def hawser_offers_http():
    with SServer("server", *CHAIN, "-alpn", "h2,http/1.1", "-tls1_3") as server:
        with Program("connect", server.url(), *ROOT) as program:
            server.expect(rb"ALPN protocols advertised by the client: http/1\.1\n")
            server.expect(rb"ALPN protocols selected: http/1\.1\n")
            wire = server.accept()
            close_cleanly(wire)
            server.end()
            program.expect_status(0, "ALPN")


def server_names():
    """RFC 6066 3: who asks for a name that nobody knows gets the certificate for all others."""
    with TlsServe() as serve:
        for arguments in (["-servername", "elsewhere.example"], ["-servername", "localhost"], ["-noservername"]):
            with SClient(serve, *arguments) as client:
                client.expect(rb"subject=CN = localhost\n")
                client.expect(rb"Verify return code: 0 \(ok\)\n")
        serve.stop()


def resumption():
    with tempfile.TemporaryDirectory() as folder, TlsServe() as serve:
        for version in VERSIONS:
            session = os.path.join(folder, version)
            for arguments, words in ((["-sess_out", session], rb"\nNew, TLSv"), (["-sess_in", session], rb"\nReused, TLSv")):
                with SClient(serve, flag(version), "-ign_eof", *arguments) as client:
                    client.expect(words + version.encode())
                    client.sendall(REQUEST)
                    client.expect(rb"HTTP/1\.1 101 [^\0]*\r\n\r\n")  # TLS 1.3 has sent its tickets before that
                    client.sendall(close_frame(1000))
                    client.rest()
                    check_equal(client.status(), 0, "s_client's exit status")
        serve.stop()


def wire_with_s_client():
    with TlsServe() as serve:
        for version in VERSIONS:
            with SClient(serve, "-quiet", flag(version), stderr=subprocess.DEVNULL) as client:
                wire = upgrade_by_hand(client)
                echo(wire)
                close_cleanly(wire)
                wire.expect_end("the end")
                check_equal(client.status(), 0, "s_client's exit status")
        serve.stop()


def cut_off_client():
    with TlsServe() as serve:
        with dial(serve.port) as sock:
            echo(upgrade_by_hand(sock))
        serve.log.expect(rb"close 1006: the TLS connection was cut off \(no close_notify\)\n")
        with dial(serve.port) as sock:
            echo(upgrade_by_hand(sock))
            sock.unwrap()
        serve.log.expect(rb"close 1006: [^\n]*without a Close")
        with dial(serve.port) as sock:
            close_cleanly(upgrade_by_hand(sock))
            check_equal(sock.recv(1), b"", "hawser's close_notify")
        serve.log.expect(rb"close 1000: ")
        serve.stop()


def reload():
    """SIGHUP: the files are read again for those that come; who is there stays, and a bad file changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        chain, key = os.path.join(folder, "chain.pem"), os.path.join(folder, "key.pem")

        def take(name):
            shutil.copy(certificate_file(f"{name}.pem"), chain)
            shutil.copy(certificate_file(f"{name}.key"), key)

        def reload_expecting(pattern):
            serve.process.send_signal(signal.SIGHUP)
            serve.log.expect(rb"hawser: [^\n]*" + pattern + rb"[^\n]*\n")

        def expect_name(expected):
            with dial(serve.port) as sock:
                check_equal(common_name(sock), expected, "certificate of those that come")
                wire = upgrade_by_hand(sock)
                close_cleanly(wire)

        take("server")
        with TlsServe(identity=["--tls-cert", chain, "--tls-key", key]) as serve, dial(serve.port) as sock:
            wire = upgrade_by_hand(sock)
            expect_name("localhost")
            take("renewed")
            expect_name("localhost")
            reload_expecting(rb"the certificates were read again")
            expect_name("renewed")
            echo(wire)

            shutil.copy(certificate_file("server.key"), key)
            reload_expecting(rb"is not the key of")
            with open(chain, "w") as file:
                file.write("-----BEGIN CERTIFICATE-----\nrope\n-----END CERTIFICATE-----\n")
            reload_expecting(rb"chain\.pem: no certificate")
            os.remove(chain)
            reload_expecting(rb"chain\.pem: No such file")
            expect_name("renewed")
            echo(wire)
            check_equal(common_name(sock), "localhost", "certificate of the one that was there")

            take("server")
            reload_expecting(rb"the certificates were read again")
            expect_name("localhost")
            echo(wire)
            close_cleanly(wire)
            serve.stop()


def reload_ends_sessions():
    """Tickets are encrypted with keys that a reload changes: whoever has an old one gets a whole handshake."""
    context = client_context()

    def session_of(session):
        with dial(serve.port, context, session=session) as sock:
            wire = upgrade_by_hand(sock)
            close_cleanly(wire)
            return sock.session_reused, sock.session

    with TlsServe() as serve:
        reused, session = session_of(None)
        check_equal(reused, False, "the first one resumes")
        check_equal(session_of(session)[0], True, "the second one resumes")
        serve.process.send_signal(signal.SIGHUP)
        serve.log.expect(rb"the certificates were read again")
        check_equal(session_of(session)[0], False, "one from before the reload resumes")
        serve.stop()


run_tests({
    "right servers": right_servers,
    "certificates that are refused": verification,
    "the system's authorities": system_authorities,
    "--insecure takes them all": insecure,
    "a server with TLS 1.1": old_server,
    "a server without TLS": plain_server,
    "a server that wants a certificate": client_certificates,
    "a server that renegotiates": server_renegotiates,
    "frames through s_server": wire_with_s_server,
    "a server that is cut off": cut_off_server,
    "the client's close_notify": client_says_where_it_ends,
    "what hawser offers by ALPN": hawser_offers_http,
    "a client with TLS 1.1": old_client,
    "clients that have to show a certificate": required_certificates,
    "a client that renegotiates": client_renegotiates,
    "HTTP at a TLS port": plain_http,
    "garbage at a TLS port": garbage,
    "TLS at a plain port": tls_at_a_plain_port,
    "ALPN": protocols,
    "SNI": server_names,
    "sessions are resumed": resumption,
    "frames through s_client": wire_with_s_client,
    "a client that is cut off": cut_off_client,
    "reload": reload,
    "a reload ends sessions": reload_ends_sessions,
    "a CN is no name": common_name_is_no_name,
    "a client without TLS": plain_client,
    "HEAD at a TLS port": plain_head,
})
