# SPDX-License-Identifier: ISC
"""Thousands of requests that no browser sends: each is answered or closed, the worker
lives on, and what it says stays its own."""
import random
import socket
import unittest

import harness
from harness import connect
from test_http import HttpCase, is_built, request_text

SEED = 20261122
ROUNDS = 10000

SEEDS = [
    request_text("/text.txt"),
    request_text("/text.txt", Range="bytes=2-5", If_Range='"x"'),
    request_text("/dir/a%20b.css", Accept_Encoding="gzip;q=0.5, *;q=0"),
    request_text("/", "HEAD", If_None_Match='"a", W/"b"', If_Modified_Since="x"),
    request_text("/dir/../text.txt?a=b&c=%41#d", Connection="keep-alive"),
    request_text("http://localhost/.well-known/x", Connection="close"),
    request_text("/", "POST", Content_Length="5") + b"abcde",
    request_text("/", "PUT", Transfer_Encoding="chunked") + b"5\r\nabcde\r\n0\r\n\r\n",
    request_text("*", "OPTIONS"), request_text("localhost:80", "CONNECT"),
    request_text("/", Cookie="a=b; c=d; e", Expect="100-continue", Upgrade="h2c"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
]
WORDS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%", b"%00", b"%2e", b"%2f", b"..",
         b"/", b"//", b"?", b"#", b";", b",", b"=", b'"', b"*", b"-", b"-1", b"0", b"\xff",
         b"99999999999999999999", b"GET ", b"HTTP/1.0", b"HTTP/1.1", b"HTTP/9.9",
         b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: 6\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n", b"Host: a\r\n",
         b"Range: bytes=", b"Range: bytes=0-,-1\r\n", b"\r\n\r\n", b" folded\r\n",
         b"a" * 5000, b"X: y\r\n" * 300, b"/.." * 100]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def change(self, data):
        choose = self.random
        at = choose.randrange(len(data) + 1)
        to = min(len(data), at + choose.choice((1, 1, 2, 5, 20, 100)))
        kind = choose.randrange(6)
        if kind == 0:
            return data[:at] + data[to:]
        if kind == 1:
            return data[:at] + choose.choice(WORDS) + data[at:]
        if kind == 2:
            return data[:at] + choose.choice(WORDS) + data[to:]
        if kind == 3:
            return data[:at] + bytes([choose.randrange(256)]) + data[at + 1:]
        if kind == 4:
            return data[:to] + data[at:]
        return data + choose.choice(SEEDS)

    def request(self):
        data = self.random.choice(SEEDS)
        for _ in range(self.random.choice((1, 1, 2, 3, 5, 10))):
            data = self.change(data)
        return data


@unittest.skipUnless(is_built(), "usherd-http is not built")
class Requests(HttpCase):
    def exchange(self, data):
        """What comes back until the server closes, which it has to."""
        with connect(self.port) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return harness.read_all_quietly(client)

    def check(self, data, answer):
        if answer:
            self.assertRegex(answer, rb"\AHTTP/1\.[01] [1-5]\d\d ", data)
        for word in b"secret\n", b"hidden\n", str(self.root).encode():
            self.assertNotIn(word, answer.replace(data, b""), data)

    def test_each_is_answered_or_closed(self):
        self.serve("listing = yes idle_timeout = 5s")
        worker = self.worker()
        generator = Generator(SEED)
        answered = 0
        for _ in range(ROUNDS):
            data = generator.request()
            answer = self.exchange(data)
            self.check(data, answer)
            answered += bool(answer)
        self.assertGreater(answered, ROUNDS // 2)
        self.assertEqual(self.ask("/text.txt").body, b"0123456789")
        self.assertEqual(self.worker(), worker)
        self.log.wait_for(r"EXIT: http", count=ROUNDS)

    def test_in_pieces_and_without_an_end(self):
        self.serve("idle_timeout = 1s")
        worker = self.worker()
        generator = Generator(SEED + 1)
        clients = []
        for _ in range(300):
            client = connect(self.port)
            self.addCleanup(client.close)
            clients.append(client)
        for client in clients:
            data = generator.request()
            for at in range(0, len(data), 97):
                try:
                    client.sendall(data[at:at + 97])
                except OSError:
                    break
        # Nobody closes or sends any more: the server has to end each of them.
        for client in clients:
            harness.read_all_quietly(client)
        self.assertEqual(self.ask("/text.txt").body, b"0123456789")
        self.assertEqual(self.worker(), worker)


if __name__ == "__main__":
    harness.main()
