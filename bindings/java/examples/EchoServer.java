import org.hawser.WebSocket;
import org.hawser.WebSocketServer;

/** Echoes all messages at the URL in its first argument. */
class EchoServer implements WebSocket.Listener {
  public static void main(String[] arguments) {
    String url = arguments.length > 0 ? arguments[0] : "ws://127.0.0.1:9001/";
    WebSocketServer server = WebSocketServer.listen(url, socket -> new EchoServer());
    System.out.println("listening on " + server.url());
    server.join();
  }

  @Override
  public void onText(WebSocket socket, String text) {
    socket.sendText(text);
  }

  @Override
  public void onBinary(WebSocket socket, byte[] data) {
    socket.sendBinary(data);
  }
}
