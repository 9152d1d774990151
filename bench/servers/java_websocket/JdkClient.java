import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** An echo client on the JDK's own WebSocket, which has no server: see the contract in bench/README.md. */
final class JdkClient {
  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("version")) {
      System.out.println("java.net.http " + Runtime.version());
      return;
    }
    String layer = arguments.length > 3 ? arguments[3] : "ws";
    if (!arguments[0].equals("client") || !layer.matches("ws|wss")) System.exit(3);
    HttpClient.Builder builder = HttpClient.newBuilder();
    if (layer.equals("wss")) builder.sslContext(Tls.client());
    HttpClient client = builder.build();
    URI url = URI.create(layer + "://127.0.0.1:" + arguments[1] + "/");
    CompletableFuture<?>[] ends = new CompletableFuture<?>[Integer.parseInt(arguments[2])];
    for (int i = 0; i < ends.length; i++) {
      Echo echo = new Echo();
      ends[i] = client.newWebSocketBuilder().buildAsync(url, echo).thenCompose(socket -> echo.end);
    }
    CompletableFuture.allOf(ends).join();
  }

  /** A message comes in parts. The next one is asked for when the last one was sent, as its documentation has it. */
  private static final class Echo implements WebSocket.Listener {
    final CompletableFuture<Void> end = new CompletableFuture<>();
    private final StringBuilder text = new StringBuilder();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    @Override
    public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean isLast) {
      text.append(part);
      if (!isLast) {
        socket.request(1);
        return null;
      }
      socket.sendText(text.toString(), true).thenAccept(sender -> sender.request(1));
      text.setLength(0);
      return null;
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean isLast) {
      byte[] bytes = new byte[part.remaining()];
      part.get(bytes);
      if (isLast && data.size() == 0) {
        socket.sendBinary(ByteBuffer.wrap(bytes), true).thenAccept(sender -> sender.request(1));
        return null;
      }
      data.write(bytes, 0, bytes.length);
      if (!isLast) {
        socket.request(1);
        return null;
      }
      socket.sendBinary(ByteBuffer.wrap(data.toByteArray()), true).thenAccept(sender -> sender.request(1));
      data.reset();
      return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
      return socket.sendClose(WebSocket.NORMAL_CLOSURE, "").thenRun(() -> end.complete(null));
    }

    @Override
    public void onError(WebSocket socket, Throwable error) {
      end.completeExceptionally(error);
    }
  }
}
