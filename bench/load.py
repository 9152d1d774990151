#!/usr/bin/env python3
"""A load for echo servers: opens connections, keeps a number of messages under way on each, and checks every reply.

    load.py HOST:PORT --connections 16 --depth 16 --size 64 --messages 20000 [--text] [--end]

It is slow and simple on purpose: it drives servers whose instructions and system calls are counted, not timed.
"""
import argparse
import os
import socket
import struct
import sys


def mask(payload, key):
    repeated = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def header(opcode, size, masked):
    first, bit = 0x80 | opcode, 0x80 if masked else 0
    if size < 126:
        return struct.pack(">BB", first, bit | size)
    if size < 65536:
        return struct.pack(">BBH", first, bit | 126, size)
    return struct.pack(">BBQ", first, bit | 127, size)


class Connection:
    def __init__(self, address, args):
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096)
        if not head.startswith(b"HTTP/1.1 101"):
            sys.exit(f"load: refused: {head!r}")
        payload = bytes(0x20 + i % 0x5F for i in range(args.size)) if args.text else os.urandom(args.size)
        opcode, key = (1 if args.text else 2), os.urandom(4)
        self.request = header(opcode, args.size, True) + key + mask(payload, key)
        self.reply = header(opcode, args.size, False) + payload
        self.expected = 0  # bytes of replies under way
        self.position = 0  # in the stream of replies

    def ask(self, count):
        self.socket.sendall(self.request * count)
        self.expected += len(self.reply) * count

    def take(self):
        """Checks what has come; the number of replies that became complete."""
        data = self.socket.recv(1 << 20)
        if not data or len(data) > self.expected:
            sys.exit("load: the server closed, or sent more than was asked for")
        offset = self.position % len(self.reply)
        wanted = (self.reply * ((offset + len(data)) // len(self.reply) + 1))[offset:offset + len(data)]
        if data != wanted:
            sys.exit("load: a reply differs")
        before = self.position // len(self.reply)
        self.position += len(data)
        self.expected -= len(data)
        return self.position // len(self.reply) - before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--messages", type=int, default=1000, help="for each connection, a multiple of the depth")
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--end", action="store_true", help="tell the server to end afterwards")
    args = parser.parse_args()
    host, port = args.address.rsplit(":", 1)
    connections = [Connection((host.strip("[]"), int(port)), args) for _ in range(args.connections)]
    # In lock-step: every connection asks, then every reply is awaited, so that the server sees the same in every run.
    for _ in range(args.messages // args.depth):
        for connection in connections:
            connection.ask(args.depth)
        for connection in connections:
            done = 0
            while done < args.depth:
                done += connection.take()
    if args.end:
        connections[0].socket.sendall(header(1, 3, True) + bytes(4) + b"end")


main()
