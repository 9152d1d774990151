import org.hawser.WebSocket;
import org.hawser.WebSocketClient;

/** Sends three texts to the server at the URL in its first argument, and prints what comes back. */
class EchoClient implements WebSocket.Listener {
  public static void main(String[] arguments) {
    try (WebSocket socket = WebSocketClient.connect(arguments[0], new EchoClient()).join()) {
      for (String text : new String[] {"one", "two", "three"}) socket.sendText(text);
    }
  }

  @Override
  public void onText(WebSocket socket, String text) {
    System.out.println(text);
  }
}
