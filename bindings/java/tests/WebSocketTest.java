import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.hawser.Hawser;
import org.hawser.HawserException;
import org.hawser.Options;
import org.hawser.WebSocket;
import org.hawser.WebSocketClient;
import org.hawser.WebSocketServer;

/** The idiomatic layer, both ends of it. */
final class WebSocketTest {
  private static final String ANYWHERE = "ws://127.0.0.1:0/";

  public static void main(String[] arguments) throws Exception {
    Check.runAll(WebSocketTest.class);
  }

  /** Writes down what it hears. */
  static class Recorder implements WebSocket.Listener {
    final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    final CompletableFuture<WebSocket> socket = new CompletableFuture<>();

    @Override
    public void onOpen(WebSocket socket) {
      this.socket.complete(socket);
    }

    @Override
    public void onText(WebSocket socket, String text) {
      heard.add("text " + text);
    }

    @Override
    public void onBinary(WebSocket socket, byte[] data) {
      heard.add("binary " + Arrays.toString(data));
    }

    @Override
    public void onPong(WebSocket socket, byte[] data) {
      heard.add("pong " + Arrays.toString(data));
    }

    @Override
    public void onClose(WebSocket socket, int code, String reason) {
      heard.add("close " + code + " " + reason);
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
      heard.add("error " + (error instanceof HawserException ? ((HawserException) error).name() : error));
    }

    void hears(String... words) throws InterruptedException {
      for (String expected : words) Check.equal(expected, heard.take());
    }
  }

  static class Echo implements WebSocket.Listener {
    @Override
    public void onText(WebSocket socket, String text) {
      socket.sendText(text);
    }

    @Override
    public void onBinary(WebSocket socket, byte[] data) {
      socket.sendBinary(data);
    }
  }

  private static Function<WebSocket, WebSocket.Listener> always(WebSocket.Listener listener) {
    return socket -> listener;
  }

  private static WebSocket connect(WebSocketServer server, WebSocket.Listener listener) {
    return WebSocketClient.connect(server.url(), listener).join();
  }

  private static int codeOf(CompletableFuture<?> future) {
    CompletionException failed = Check.throwsA(CompletionException.class, future::join);
    Check.that(failed.getCause() instanceof HawserException, failed.toString());
    return ((HawserException) failed.getCause()).code();
  }

  static void testEcho() throws Exception {
    Recorder client = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Echo()))) {
      WebSocket socket = connect(server, client);
      socket.sendText("Grüße ⚓😀\0").join();
      socket.sendBinary(new byte[] {0, -1}).join();
      client.hears("text Grüße ⚓😀\0", "binary [0, -1]");
      socket.ping(new byte[] {7}).join();
      client.hears("pong [7]");
      socket.close();
      client.hears("close 1000 ");
    }
  }

  static void testWhatIsKnownOfAConnection() throws Exception {
    Recorder served = new Recorder();
    CompletableFuture<String> header = new CompletableFuture<>();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, new Options().set("subprotocols", "chat"), socket -> {
      header.complete(socket.header("x-ship"));
      return served;
    })) {
      Options options = new Options().set("subprotocols", "superchat, chat");
      options.addHeader("X-Ship", "Ever Given");
      WebSocket client = WebSocketClient.connect(server.url() + "harbour?berth=7", options, new Recorder()).join();
      Check.equal("Ever Given", header.join());
      Check.equal("/harbour?berth=7", served.socket.join().path());
      Check.equal("chat", client.subprotocol());
      Check.equal(server.url(), "ws://" + client.peerAddress() + "/");
      Check.fails(Hawser.ERR_BUSY, () -> client.header("x-ship"));
    }
  }

  static void testBothSidesHearTheCloseOfTheOther() throws Exception {
    Recorder client = new Recorder(), served = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = connect(server, client);
      socket.sendText("last words");
      CompletableFuture<Void> end = socket.close(4000, "Grüße");
      end.join();
      socket.close(4001, "again").join();
      socket.close();
      served.hears("text last words", "close 4000 Grüße");
      client.hears("close 4000 ");
      Check.equal(Hawser.ERR_CLOSED, codeOf(socket.sendText("late")));
      Check.equal(Hawser.ERR_CLOSED, codeOf(served.socket.join().sendBinary(new byte[1])));
    }
  }

  static void testWhatMayNotBeSentFailsAlone() throws Exception {
    Recorder served = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = connect(server, new Recorder());
      Check.equal(Hawser.ERR_UTF8, codeOf(socket.sendText("\uD800")));
      Check.equal(Hawser.ERR_ARGUMENT, codeOf(socket.sendBinary(null)));
      Check.equal(Hawser.ERR_TOO_LARGE, codeOf(socket.ping(new byte[126])));
      Check.equal(Hawser.ERR_CLOSE_CODE, codeOf(socket.close(1005, null)));
      Check.equal(Hawser.ERR_TOO_LARGE, codeOf(socket.close(1000, "x".repeat(124))));
      socket.sendText("still open");
      served.hears("text still open");
    }
  }

  static void testAFailedConnectIsTheFuturesAlone() {
    WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()));
    server.close();
    Recorder client = new Recorder();
    Check.equal(Hawser.ERR_CONNECT, codeOf(WebSocketClient.connect(server.url(), client)));
    Check.equal(Hawser.ERR_URL, codeOf(WebSocketClient.connect("http://127.0.0.1/", client)));
    Check.that(client.heard.isEmpty(), "the listener heard of it");
    Check.fails(Hawser.ERR_URL, () -> WebSocketServer.listen("nowhere", always(client)));
    Check.fails(Hawser.ERR_LISTEN, () -> WebSocketServer.listen("ws://192.0.2.1:1/", always(client)));
  }

  static void testTheEndOfATransportIsAnError() throws Exception {
    Recorder served = new Recorder(), client = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      connect(server, client).abort().join();
      served.hears("error HWS_ERR_EOF", "close 1006 ");
      client.hears("error HWS_ERR_ABORTED", "close 1006 ");
    }
  }

  /** What the peer does not read waits here, in order, and is sent when it reads again. */
  static void testSendsWaitForAPeerThatDoesNotRead() throws Exception {
    Recorder served = new Recorder();
    int size = 1 << 20, count = 64;  // more than kernels hold for one connection
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      Options options = new Options().set("max_send_queue", size);
      WebSocket socket = WebSocketClient.connect(server.url(), options, new Recorder()).join();
      served.socket.join().pause().join();
      List<CompletableFuture<Void>> sends = new ArrayList<>();
      for (int i = 0; i < count; i++) sends.add(socket.sendText(i + "x".repeat(size)));
      CompletableFuture<Void> end = socket.close(1000, null);
      Check.that(!sends.get(count - 1).isDone() && !end.isDone(), "the last ones wait");
      served.socket.join().resume().join();
      end.join();
      for (CompletableFuture<Void> send : sends) send.join();
      for (int i = 0; i < count; i++) Check.equal("text " + i + "x".repeat(size), served.heard.take());
      served.hears("close 1000 ");
    }
  }

  static void testSendsThatWaitFailWithTheirConnection() throws Exception {
    Recorder served = new Recorder(), client = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = WebSocketClient.connect(server.url(), new Options().set("max_send_queue", 1 << 20), client).join();
      served.socket.join().pause().join();
      CompletableFuture<Void> last = null;
      for (int i = 0; i < 64; i++) last = socket.sendBinary(new byte[1 << 20]);  // more than queue and kernel take
      socket.abort().join();
      Check.equal(Hawser.ERR_CLOSED, codeOf(last));
    }
  }

  static void testAListenerThatThrows() throws Exception {
    Recorder client = new Recorder();
    Recorder served = new Recorder() {
      @Override
      public void onText(WebSocket socket, String text) {
        throw new IllegalStateException(text);
      }
    };
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      connect(server, client).sendText("why");
      served.hears("error java.lang.IllegalStateException: why", "close 1011 ");
      client.hears("close 1011 ");
    }
  }

  static void testAServerWithoutAListenerForAConnection() throws Exception {
    Recorder client = new Recorder();
    CompletableFuture<Throwable> uncaught = new CompletableFuture<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.complete(error));
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(null))) {
      connect(server, client).sendText("is anybody there?");
      client.hears("close 1011 ");
      Check.that(uncaught.join() instanceof NullPointerException, "nobody else could be told");
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(null);
    }
  }

  static void testBroadcast() throws Exception {
    List<Recorder> clients = new ArrayList<>();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()))) {
      Check.equal(0L, server.broadcastText("nobody").join());
      for (int i = 0; i < 10; i++) {
        clients.add(new Recorder());
        connect(server, clients.get(i));
      }
      Recorder last = new Recorder();
      connect(server, last).close();  // since then the server knows of all those before
      Check.equal(10L, server.broadcastText("to all ⚓").join());
      Check.equal(10L, server.broadcastBinary(new byte[] {1}).join());
      Check.equal(Hawser.ERR_UTF8, codeOf(server.broadcastText("\uD800")));
      for (Recorder client : clients) client.hears("text to all ⚓", "binary [1]");
    }
    for (Recorder client : clients) client.hears("close 1001 ");
  }

  static void testAServerSaysAllBeforeItEnds() throws Exception {
    Recorder client = new Recorder(), served = new Recorder();
    WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served));
    connect(server, client);
    WebSocket socket = served.socket.join();
    for (int i = 0; i < 100; i++) socket.sendText("" + i);
    server.close();
    server.close();
    server.join();
    for (int i = 0; i < 100; i++) client.hears("text " + i);
    client.hears("close 1001 ");
    served.hears("close 1001 ");
    Check.equal(Hawser.ERR_CLOSED, codeOf(socket.sendText("late")));
    Check.equal(Hawser.ERR_CLOSED, codeOf(server.broadcastText("late")));
    Check.equal(Hawser.ERR_CLOSED, codeOf(socket.ping(new byte[0])));
  }

  /** Neither waits for itself. */
  static void testCloseInsideAListener() throws Exception {
    WebSocketServer[] server = new WebSocketServer[1];
    Recorder served = new Recorder() {
      @Override
      public void onText(WebSocket socket, String text) {
        if (text.equals("me"))
          socket.close();
        else
          server[0].close();
      }
    };
    server[0] = WebSocketServer.listen(ANYWHERE, always(served));
    Recorder first = new Recorder(), second = new Recorder();
    connect(server[0], first).sendText("me");
    first.hears("close 1000 ");
    connect(server[0], second).sendText("all");
    second.hears("close 1001 ");
    server[0].join();
  }

  static void testManyConnectionsAndThreads() throws Exception {
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Echo()))) {
      List<Recorder> clients = new ArrayList<>();
      List<CompletableFuture<WebSocket>> sockets = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        clients.add(new Recorder());
        sockets.add(WebSocketClient.connect(server.url(), clients.get(i)));
      }
      List<Thread> threads = sockets.stream().map(socket -> new Thread(() -> {
        for (int i = 0; i < 20; i++) socket.join().sendText("" + i);
      })).collect(Collectors.toList());
      threads.forEach(Thread::start);
      for (Recorder client : clients) for (int i = 0; i < 20; i++) client.hears("text " + i);
      for (Thread thread : threads) thread.join();
    }
  }

  /** What is no good as a deadline must not leave close waiting for a thread that was never told. */
  static void testDeadlinesOfAllKinds() {
    for (Duration deadline : new Duration[] {Duration.ofMillis(-5), Duration.ZERO, Duration.ofSeconds(Long.MAX_VALUE)}) {
      WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()));
      connect(server, new Recorder());
      server.close(deadline);
    }
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()))) {
      Check.throwsA(NullPointerException.class, () -> server.close(null));
    }
  }

  static void testAfterTheEndAllCallsSaySo() throws Exception {
    Recorder served = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = connect(server, new Recorder());
      socket.close();
      served.hears("close 1000 ");
      for (WebSocket ended : List.of(socket, served.socket.join())) {
        ended.abort().join();
        Check.equal(Hawser.ERR_CLOSED, codeOf(ended.pause()));
        Check.equal(Hawser.ERR_CLOSED, codeOf(ended.resume()));
        Check.equal(Hawser.ERR_CLOSED, codeOf(ended.ping(new byte[1])));
      }
    }
  }

  /** Of a thread that has no other listener to tell. */
  static void testAHandlerThatThrowsDoesNotEndTheLoop() throws Exception {
    Recorder first = new Recorder(), second = new Recorder();
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
      throw new IllegalStateException("the handler throws, too");
    });
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(null))) {
      connect(server, first);
      first.hears("close 1011 ");
      connect(server, second);
      second.hears("close 1011 ");
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(null);
    }
  }

  static void testWithoutAListenerOnlyThatIsTold() throws Exception {
    Recorder client = new Recorder() {
      @Override
      public void onOpen(WebSocket socket) {
        for (int i = 0; i < 100; i++) socket.sendText("is anybody there?");
      }
    };
    BlockingQueue<Throwable> uncaught = new LinkedBlockingQueue<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, error) -> uncaught.add(error));
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(null))) {
      connect(server, client);
      client.hears("close 1011 ");
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(null);
    }
    Check.equal(1, uncaught.size());
  }

  /** They would make a listener hear half a character, and leave handshakes without an answer. */
  static void testOptionsOfTheRawLayerAreRefused() {
    for (String name : new String[] {"parts", "requests"}) {
      Options options = new Options().set(name, 1);
      Check.fails(Hawser.ERR_OPTION, () -> WebSocketServer.listen(ANYWHERE, options, always(new Recorder())));
      Check.equal(Hawser.ERR_OPTION, codeOf(WebSocketClient.connect("ws://127.0.0.1:1/", options, new Recorder())));
      WebSocketServer.listen(ANYWHERE, options.set(name, 0), always(new Recorder())).close();
    }
  }

  /** The two loops would wait for each other. */
  static void testCloseInAListenerOfAnotherLoop() throws Exception {
    CompletableFuture<WebSocket> other = new CompletableFuture<>();
    Recorder client = new Recorder(), served = new Recorder() {
      @Override
      public void onText(WebSocket socket, String text) {
        other.join().close();
      }
    };
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = connect(server, client);
      other.complete(socket);
      socket.sendText("close me");
      client.hears("close 1000 ");  // and not "error HWS_ERR_TIMEOUT"
    }
    WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Echo()));
    Recorder closing = new Recorder() {
      @Override
      public void onText(WebSocket socket, String text) {
        server.close();
      }
    };
    connect(server, closing).sendText("close yourself");
    closing.hears("close 1001 ");
    server.join();
  }

  /** While the last connection is still to end. */
  static void testABroadcastOfAServerThatEnds() throws Exception {
    WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()));
    WebSocket socket = connect(server, new Recorder());
    socket.pause().join();
    Thread closing = new Thread(server::close);
    closing.start();
    while (server.broadcastText("").handle((count, error) -> error == null).join()) Thread.onSpinWait();
    for (int i = 0; i < 3; i++) Check.equal(Hawser.ERR_CLOSED, codeOf(server.broadcastText("")));
    socket.resume();
    closing.join();
  }

  /** A Java of its own, with few of them: what failed for want of them goes when there are some again. */
  static void testTheClientsLoopIsMadeWhenThereAreDescriptorsAgain() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -n 100; exec \"$0\" \"$@\"", java));
    String natives = System.getProperty("org.hawser.library.path");
    if (natives != null) command.add("-Dorg.hawser.library.path=" + natives);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "WebSocketTest$FewDescriptors"));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String words = new String(process.getInputStream().readAllBytes(), UTF_8);
    Check.equal(0, process.waitFor());
    Check.equal("HWS_ERR_NO_MEMORY HWS_ERR_CONNECT", words.trim());
  }

  static final class FewDescriptors {
    public static void main(String[] arguments) throws Exception {
      Class.forName("org.hawser.WebSocketClient");  // and all else that takes a descriptor to load
      try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Recorder()))) {
        codeOf(server.broadcastText("\uD800"));
        Class.forName("org.hawser.WebSocket");
      }
      List<FileInputStream> taken = new ArrayList<>();
      try {
        while (true) taken.add(new FileInputStream("/dev/null"));
      } catch (FileNotFoundException e) {
        // That was the last one.
      }
      int without = codeOf(WebSocketClient.connect("ws://127.0.0.1:1/", new Recorder()));
      for (FileInputStream descriptor : taken) descriptor.close();
      int with = codeOf(WebSocketClient.connect("ws://127.0.0.1:1/", new Recorder()));
      System.out.println(Hawser.errorName(without) + " " + Hawser.errorName(with));
      System.exit(0);
    }
  }

  static void testAPingKeepsItsTurn() throws Exception {
    Recorder served = new Recorder(), client = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(served))) {
      WebSocket socket = WebSocketClient.connect(server.url(), new Options().set("max_send_queue", 1 << 20), client).join();
      served.socket.join().pause().join();
      for (int i = 0; i < 64; i++) socket.sendBinary(new byte[1 << 20]);  // more than queue and kernel take
      CompletableFuture<Void> ping = socket.ping(new byte[] {7});
      served.socket.join().resume().join();
      ping.join();
      client.hears("pong [7]");
    }
  }

  static void testTheArrayOfACompleteSendIsFreeAgain() throws Exception {
    Recorder client = new Recorder();
    try (WebSocketServer server = WebSocketServer.listen(ANYWHERE, always(new Echo()))) {
      byte[] data = "before".getBytes(UTF_8);
      WebSocket socket = connect(server, client);
      socket.sendBinary(data).join();
      Arrays.fill(data, (byte) 0);
      client.hears("binary " + Arrays.toString("before".getBytes(UTF_8)));
    }
  }
}
