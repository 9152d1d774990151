import java.util.concurrent.CompletableFuture;
import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.Manager;
import org.hawser.Options;
import org.hawser.WebSocket;
import org.hawser.WebSocketClient;
import org.hawser.WebSocketServer;

/**
 * An echo server and client on hawser's Java package: see the contract in bench/README.md. HAWSER_API: "listener" (the
 * default), the classes with listeners; "raw", a loop of its own around Manager.poll.
 */
final class Server {
  private static final class Echo implements WebSocket.Listener {
    final CompletableFuture<Void> closed = new CompletableFuture<>();

    @Override
    public void onText(WebSocket socket, String text) {
      socket.sendText(text);
    }

    @Override
    public void onBinary(WebSocket socket, byte[] data) {
      socket.sendBinary(data);
    }

    @Override
    public void onClose(WebSocket socket, int code, String reason) {
      closed.complete(null);
    }
  }

  public static void main(String[] arguments) {
    if (arguments[0].equals("version")) {
      System.out.println("hawser " + Hawser.version() + " (Java)");
      return;
    }
    boolean isClient = arguments[0].equals("client");
    String layer = !isClient ? arguments[0] : arguments.length > 3 ? arguments[3] : "ws";
    if (!layer.matches("ws|wss|deflate")) System.exit(3);
    String url = (layer.equals("wss") ? "wss" : "ws") + "://127.0.0.1:" + arguments[1] + "/";
    Options options = new Options().set("ping_interval", -1);
    if (layer.equals("deflate")) options.set("deflate", "shared");
    if (layer.equals("wss") && isClient) options.set("tls_verify", 0);
    if (layer.equals("wss") && !isClient) options.set("tls_certificate", arguments[2]).set("tls_key", arguments[3]);
    int count = isClient ? Integer.parseInt(arguments[2]) : 0;
    if ("raw".equals(System.getenv("HAWSER_API")))
      runRaw(url, options, count);
    else if (isClient)
      runClient(url, options, count);
    else
      runServer(url, options);
  }

  private static void runServer(String url, Options options) {
    WebSocketServer server = WebSocketServer.listen(url, options, socket -> new Echo());
    System.out.println("listening");
    server.join();
  }

  private static void runClient(String url, Options options, int count) {
    CompletableFuture<?>[] all = new CompletableFuture<?>[count];
    for (int i = 0; i < count; i++) {
      Echo echo = new Echo();
      all[i] = WebSocketClient.connect(url, options, echo).thenCompose(socket -> echo.closed);
    }
    CompletableFuture.allOf(all).join();
  }

  /** count: connections of a client; 0: a server. */
  private static void runRaw(String url, Options options, int count) {
    Manager manager = new Manager(options);
    for (int i = 0; i < count; i++) manager.connect(url);
    if (count == 0) {
      manager.listen(url);
      System.out.println("listening");
    }
    for (int closed = 0; count == 0 || closed < count;) {
      for (Event event : manager.poll(-1)) {
        if (event.kind == Hawser.EVENT_MESSAGE)
          manager.send(event.connection, event.opcode, event.data);
        else if (event.kind == Hawser.EVENT_CLOSE)
          closed++;
      }
    }
  }
}
