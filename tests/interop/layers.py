"""What lies under the messages in this run, by HAWSER_LAYERS: "ws", "wss", "ws+deflate" or "wss+deflate"."""

import os
import ssl

SCHEME, _, extension = os.environ.get("HAWSER_LAYERS", "ws").partition("+")
TLS = SCHEME == "wss"
DEFLATE = extension == "deflate"
# Each mode has its turn, in either role.
DEFLATE_MODE = ("dedicated" if TLS else "shared") if DEFLATE else "off"


def certificate_file(name):
    return os.path.join(os.environ["HAWSER_CERTIFICATES"], name)


def identity_of(name):
    """What both subcommands are given to show a certificate."""
    return ["--tls-cert", certificate_file(f"{name}.pem"), "--tls-key", certificate_file(f"{name}.key")]


def deflate_arguments(mode):
    """None leaves the mode to the program."""
    return [] if mode is None else [f"--deflate={mode}"]


def serve_layers(mode):
    return [*(identity_of("server") if TLS else []), *deflate_arguments(mode)]


def connect_layers(mode):
    return [*(["--tls-ca", certificate_file("root.pem")] if TLS else []), *deflate_arguments(mode)]


def client_context():
    """What Python's TLS is given as a client; None: no TLS."""
    return ssl.create_default_context(cafile=certificate_file("root.pem")) if TLS else None


def server_context():
    if not TLS:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file("server.pem"), certificate_file("server.key"))
    return context
