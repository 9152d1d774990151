"""The chat: who is let in, what is said, and its page in a browser. BROWSER is a Chromium or Chrome, CHAT_PAGE the page."""

import asyncio
import http.server
import os
import ssl
import threading
import unittest
import urllib.request
from unittest import mock

import page_test
from example import ExampleTest
from page_test import Browser
from support import BINARY, CLOSE, PATIENCE, TEXT, close_payload, http as ask, upgrade_request

CHAT_PAGE = os.environ.get("CHAT_PAGE", os.path.join(os.path.dirname(__file__), "../../examples/chat.html"))
SPOKEN = "Sec-WebSocket-Protocol: chat.v1"


class ChatTest(ExampleTest):
    def start_chat(self, port=0, certificate=()):
        scheme = "wss" if certificate else "ws"
        return self.start_server("chat_server", f"{scheme}://127.0.0.1:{port}/", CHAT_PAGE, *certificate)


class WhoIsLetIn(ChatTest):
    def setUp(self):
        self.server, self.port = self.start_chat()

    def get(self, path):
        return ask(self.port, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n")

    def cookie(self):
        return self.get("/")[1]["set-cookie"][0].split(";")[0]

    def upgrade(self, *fields, path="/chat"):
        """The status of the answer, which is not 101."""
        return ask(self.port, upgrade_request(self.port, path, fields))[0]

    def enter(self, *fields):
        client, answer = self.open_client(self.port, "/chat", ("Cookie: " + self.cookie(), SPOKEN, *fields))
        self.assertEqual(answer["sec-websocket-protocol"], ["chat.v1"])
        return client

    def expect(self, client, *lines):
        for line in lines:
            self.assertEqual(client.receive(), (TEXT, line.encode()))

    def test_the_page(self):
        status, fields, body = self.get("/")
        with open(CHAT_PAGE, "rb") as page:
            self.assertEqual((status, body), (200, page.read()))
        self.assertRegex(fields["set-cookie"][0], r"\Achat=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict\Z")
        self.assertEqual(self.get("/x")[0], 404)

    def test_refused(self):
        cookie = "Cookie: " + self.cookie()
        origin = f"Origin: http://127.0.0.1:{self.port}"
        self.assertEqual(self.upgrade(SPOKEN), 401)
        self.assertEqual(self.upgrade(SPOKEN, cookie[:-1]), 401)
        self.assertEqual(self.upgrade(SPOKEN, cookie + "0"), 401)
        self.assertEqual(self.upgrade(SPOKEN, cookie.replace("chat=", "char=")), 401)
        self.assertEqual(self.upgrade(SPOKEN, cookie, "Origin: http://127.0.0.1:1"), 403)
        self.assertEqual(self.upgrade(SPOKEN, cookie, "Origin: null"), 403)
        self.assertEqual(self.upgrade(cookie, origin), 400)
        self.assertEqual(self.upgrade("Sec-WebSocket-Protocol: chat.v2", cookie), 400)
        self.assertEqual(self.upgrade(SPOKEN, cookie, path="/"), 404)

    def test_a_cookie_among_others(self):
        cookie = self.cookie()
        for header in (f"a=b; {cookie}", f"{cookie}; a=b", f"a={cookie}; {cookie}; b=c"):
            client, _ = self.open_client(self.port, "/chat", ("Cookie: " + header, SPOKEN))
            self.assertEqual(client.receive()[0], TEXT)
        self.assertEqual(self.upgrade(SPOKEN, "Cookie: a=" + cookie), 401)

    def test_what_is_said(self):
        first = self.enter()
        self.expect(first, "guest 1 has come")
        second = self.enter(f"Origin: http://127.0.0.1:{self.port}")
        self.expect(second, "guest 2 has come")
        first.send_frame(TEXT, "grüße".encode())
        self.expect(first, "guest 2 has come", "guest 1: grüße")
        self.expect(second, "guest 1: grüße")
        second.send_frame(TEXT, b"x" * 2000)
        self.expect(first, "guest 2: " + "x" * 2000)
        second.send_frame(CLOSE, close_payload(1000))
        self.expect(first, "guest 2 has gone")
        first.send_frame(TEXT, b"x" * 2001)
        opcode, payload = first.receive()
        self.assertEqual((opcode, payload[:2]), (CLOSE, close_payload(1009)))

    def test_text_only(self):
        client = self.enter()
        self.expect(client, "guest 1 has come")
        client.send_frame(BINARY, b"\0")
        self.assertEqual(client.receive(), (CLOSE, close_payload(1003, "text only")))

    def test_the_end(self):
        client = self.enter()
        self.expect(client, "guest 1 has come")
        self.server.terminate()
        self.assertEqual(client.receive(), (CLOSE, close_payload(1001)))
        client.send_frame(CLOSE, close_payload(1001))
        client.close()
        self.assertEqual(self.finish(self.server)[0], 0)

    def test_the_client_of_websockets(self):
        try:
            from websockets.asyncio.client import connect
        except ImportError:
            self.skipTest("Python's websockets is not here")

        async def talk():
            async with connect(f"ws://127.0.0.1:{self.port}/chat", subprotocols=["chat.v1"], origin=f"http://127.0.0.1:{self.port}",
                               additional_headers={"Cookie": self.cookie()}, proxy=None) as connection:
                self.assertEqual(await connection.recv(), "guest 1 has come")
                await connection.send("ahoy " * 100)
                self.assertEqual(await connection.recv(), "guest 1: " + "ahoy " * 100)

        asyncio.run(talk())
        self.stop_well(self.server)


@unittest.skipUnless("BROWSER" in os.environ, "no Chromium or Chrome is here")
class InTheBrowser(ChatTest):
    def start_browser(self, *flags):
        with mock.patch.object(page_test, "FLAGS", [*flags, *page_test.FLAGS]):
            browser = Browser()
        self.addCleanup(browser.close)
        return browser

    def open_chat(self, browser, url):
        browser.call("Page.navigate", url=url)
        self.wait_for_line(browser, "guest 1 has come")

    def wait_for_line(self, browser, line):
        browser.wait(f"document.querySelector('#log')?.lastChild?.textContent === {line!r}")

    def say(self, browser, words):
        browser.evaluate(f"document.querySelector('#text').value = {words!r}")
        browser.evaluate("document.querySelector('button').click()")

    def test_chat(self):
        server, port = self.start_chat()
        browser = self.start_browser()
        self.open_chat(browser, f"http://127.0.0.1:{port}/")
        self.say(browser, "grüße")
        self.wait_for_line(browser, "guest 1: grüße")
        self.say(browser, "<b>no markup</b>")
        self.wait_for_line(browser, "guest 1: <b>no markup</b>")
        self.assertEqual(browser.evaluate("socket.protocol"), "chat.v1")
        self.assertEqual(browser.evaluate("socket.extensions"), "permessage-deflate; "
                         "server_no_context_takeover; client_no_context_takeover")
        self.assertEqual(browser.evaluate("document.cookie"), "")
        browser.evaluate("for (let i = 0; i < 1100; i++) show('line ' + i)")
        self.assertEqual(browser.evaluate("[log.childElementCount, log.lastChild.textContent].join()"), "1000,line 1099")
        self.assertEqual(browser.complaints, [])

        # The server ends, and another one comes, which does not know the cookie of the page. Until then the page tries to
        # come back, and its state is another one soon: so all of them are kept.
        browser.evaluate("states = []; new MutationObserver(() => states.push(state.textContent)).observe("
                         "document.querySelector('#state'), {childList: true, characterData: true, subtree: true})")
        server.terminate()
        browser.wait("states.find(text => text.startsWith('closed: ')) === 'closed: 1001 '")
        self.assertEqual(self.finish(server)[0], 0)
        server, _ = self.start_chat(port)
        self.wait_for_line(browser, "guest 1 has come")
        self.say(browser, "back again")
        self.wait_for_line(browser, "guest 1: back again")
        self.stop_well(server)

    def test_chat_over_tls(self):
        server, port = self.start_chat(certificate=self.make_certificate("localhost"))
        browser = self.start_browser("--ignore-certificate-errors")
        self.open_chat(browser, f"https://127.0.0.1:{port}/")
        self.assertEqual(browser.evaluate("socket.url"), f"wss://127.0.0.1:{port}/chat")
        self.say(browser, "safe")
        self.wait_for_line(browser, "guest 1: safe")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/", timeout=PATIENCE, context=context) as answer:
            self.assertTrue(answer.headers["Set-Cookie"].endswith("; Secure"))
        self.stop_well(server)

    def test_pages_of_others(self):
        """The page of another port has the cookie as well: SameSite does not look at ports. Its Origin tells it."""
        server, port = self.start_chat()
        browser = self.start_browser()
        self.open_chat(browser, f"http://127.0.0.1:{port}/")

        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other)
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        browser.call("Page.navigate", url=f"http://127.0.0.1:{other.server_port}/")
        browser.wait(f"location.port === '{other.server_port}' && document.readyState === 'complete'")
        browser.evaluate(f"const s = new WebSocket('ws://127.0.0.1:{port}/chat', 'chat.v1');"
                         "s.onopen = () => { document.title = 'open'; };"
                         "s.onclose = ({ code }) => { document.title = code; };")
        browser.wait("document.title !== ''")
        self.assertEqual(browser.evaluate("document.title"), "1006")
        refusals = [complaint["entry"]["text"] for complaint in browser.complaints if "entry" in complaint]
        self.assertTrue(any("403" in text for text in refusals), refusals)
        self.stop_well(server)


if __name__ == "__main__":
    unittest.main(verbosity=2)
