import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.hawser.WebSocket;
import org.hawser.WebSocketClient;
import org.hawser.WebSocketServer;

/** Against WebSockets that others wrote: the JDK's, ws of Node.js, websockets of Python. */
final class PeersTest {
  private static final String[] TEXTS = {"", "Grüße ⚓😀", "x".repeat(100000)};
  private static final Path PEERS = Path.of(System.getenv().getOrDefault("HAWSER_PEERS", "build/peers"));
  private static final Path NODE = PEERS.resolve("node"), PYTHON = PEERS.resolve("python/bin/python");

  // Each echoes, and prints the port; or sends what it is given, prints what comes back, and closes.
  private static final String NODE_SERVER = "const { WebSocketServer } = require('ws');"
      + "const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));"
      + "server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));";
  private static final String NODE_CLIENT = "const { WebSocket } = require('ws');"
      + "const [url, ...texts] = process.argv.slice(1); const socket = new WebSocket(url); let left = texts.length;"
      + "socket.on('open', () => texts.forEach((text) => socket.send(text)));"
      + "socket.on('message', (data) => { console.log('<' + data + '>'); if (--left === 0) socket.close(3000, 'Ende'); });"
      + "socket.on('close', (code) => console.log(code));";
  private static final String PYTHON_SERVER = "import asyncio, websockets\n"
      + "async def echo(socket):\n  async for message in socket: await socket.send(message)\n"
      + "async def main():\n  async with websockets.serve(echo, '127.0.0.1', 0) as server:\n"
      + "    print(server.sockets[0].getsockname()[1], flush=True)\n    await asyncio.Future()\nasyncio.run(main())";
  private static final String PYTHON_CLIENT = "import asyncio, sys, websockets\nasync def main():\n"
      + "  socket = await websockets.connect(sys.argv[1])\n"
      + "  for text in sys.argv[2:]: await socket.send(text); print('<' + await socket.recv() + '>')\n"
      + "  await socket.close(3000, 'Ende'); print(socket.close_code)\nasyncio.run(main())";

  public static void main(String[] arguments) throws Exception {
    Check.runAll(PeersTest.class);
  }

  static void testTheJdksClient() throws Exception {
    CompletableFuture<String> heard = new CompletableFuture<>(), closed = new CompletableFuture<>();
    StringBuilder text = new StringBuilder();
    try (WebSocketServer server = WebSocketServer.listen("ws://127.0.0.1:0/", socket -> new WebSocketTest.Echo())) {
      java.net.http.WebSocket socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(URI.create(server.url()),
          new java.net.http.WebSocket.Listener() {
            @Override
            public CompletionStage<?> onText(java.net.http.WebSocket socket, CharSequence part, boolean last) {
              text.append(part);
              if (last) heard.complete(text.toString());
              socket.request(1);
              return null;
            }

            @Override
            public CompletionStage<?> onClose(java.net.http.WebSocket socket, int code, String reason) {
              closed.complete(code + " " + reason);
              return null;
            }
          }).join();
      socket.sendText(TEXTS[2], true).join();
      Check.equal(TEXTS[2], heard.join());
      socket.sendClose(3000, "Ende").join();
      Check.equal("3000 ", closed.join());
    }
  }

  static void testNodesServer() throws Exception {
    if (has(NODE.resolve("node_modules/ws"))) ourClientAgainst(node(NODE_SERVER));
  }

  static void testNodesClient() throws Exception {
    if (has(NODE.resolve("node_modules/ws"))) ourServerAgainst(node(NODE_CLIENT));
  }

  static void testPythonsServer() throws Exception {
    if (has(PYTHON)) ourClientAgainst(new ProcessBuilder(PYTHON.toString(), "-c", PYTHON_SERVER));
  }

  static void testPythonsClient() throws Exception {
    if (has(PYTHON)) ourServerAgainst(new ProcessBuilder(PYTHON.toString(), "-c", PYTHON_CLIENT));
  }

  private static ProcessBuilder node(String script) {
    return new ProcessBuilder("node", "-e", script, "--").directory(NODE.toFile());
  }

  private static boolean has(Path peer) {
    if (!Files.exists(peer)) System.out.println("skipped, for it is not there: " + peer);
    return Files.exists(peer);
  }

  /** Peers are not what is tested: they run as they are, without the sanitizers' runtime. */
  private static Process start(ProcessBuilder peer) throws Exception {
    peer.environment().remove("LD_PRELOAD");
    peer.environment().put("PYTHONIOENCODING", "utf-8");
    return peer.redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private static BufferedReader outputOf(Process process) {
    return new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  private static void ourClientAgainst(ProcessBuilder peer) throws Exception {
    Process process = start(peer);
    try {
      String url = "ws://127.0.0.1:" + outputOf(process).readLine() + "/";
      WebSocketTest.Recorder heard = new WebSocketTest.Recorder();
      WebSocket socket = WebSocketClient.connect(url, heard).join();
      for (String text : TEXTS) socket.sendText(text);
      socket.sendBinary(new byte[] {0, 1, -1});
      for (String text : TEXTS) heard.hears("text " + text);
      heard.hears("binary [0, 1, -1]");
      socket.close(3000, "Ende").join();
      heard.hears("close 3000 Ende");
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  private static void ourServerAgainst(ProcessBuilder peer) throws Exception {
    WebSocketTest.Recorder ends = new WebSocketTest.Recorder();
    WebSocket.Listener echo = new WebSocketTest.Echo() {
      @Override
      public void onClose(WebSocket socket, int code, String reason) {
        ends.onClose(socket, code, reason);
      }
    };
    try (WebSocketServer server = WebSocketServer.listen("ws://127.0.0.1:0/", socket -> echo)) {
      peer.command().add(server.url());
      peer.command().addAll(java.util.List.of(TEXTS));
      Process process = start(peer);
      BufferedReader output = outputOf(process);
      for (String text : TEXTS) Check.equal("<" + text + ">", output.readLine());
      Check.equal("3000", output.readLine());
      Check.equal(0, process.waitFor());
      ends.hears("close 3000 Ende");
    }
  }
}
