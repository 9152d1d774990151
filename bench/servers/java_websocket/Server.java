import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Properties;
import org.java_websocket.WebSocket;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.drafts.Draft;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.extensions.IExtension;
import org.java_websocket.extensions.permessage_deflate.PerMessageDeflateExtension;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.handshake.ServerHandshake;
import org.java_websocket.protocols.Protocol;
import org.java_websocket.server.DefaultSSLWebSocketServerFactory;
import org.java_websocket.server.WebSocketServer;

/** An echo server and client on Java-WebSocket: see the contract in bench/README.md. */
final class Server {
  private static final int MAX_MESSAGE = 16 << 20, BACKLOG = 4096;

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("version")) {
      Properties about = new Properties();
      about.load(WebSocket.class.getResourceAsStream("/META-INF/maven/org.java-websocket/Java-WebSocket/pom.properties"));
      System.out.println("Java-WebSocket " + about.getProperty("version"));
      return;
    }
    boolean isClient = arguments[0].equals("client");
    String layer = !isClient ? arguments[0] : arguments.length > 3 ? arguments[3] : "ws";
    if (!layer.matches("ws|wss|deflate")) System.exit(3);
    int port = Integer.parseInt(arguments[1]);
    if (isClient) {
      for (int i = 0; i < Integer.parseInt(arguments[2]); i++) client(layer, port).connect();
      return;
    }
    EchoServer server = new EchoServer(port, draft(layer));
    if (layer.equals("wss"))
      server.setWebSocketFactory(new DefaultSSLWebSocketServerFactory(Tls.server(arguments[2], arguments[3])));
    server.setConnectionLostTimeout(0);  // no pings
    server.setTcpNoDelay(true);
    server.setReuseAddr(true);
    server.setMaxPendingConnections(BACKLOG);
    server.run();
  }

  private static Draft draft(String layer) {
    List<IExtension> extensions = List.of();
    if (layer.equals("deflate")) {
      PerMessageDeflateExtension deflate = new PerMessageDeflateExtension();
      deflate.setServerNoContextTakeover(true);
      deflate.setClientNoContextTakeover(true);
      deflate.setThreshold(0);
      extensions = List.of(deflate);
    }
    return new Draft_6455(extensions, List.of(new Protocol("")), MAX_MESSAGE);
  }

  private static WebSocketClient client(String layer, int port) throws Exception {
    String scheme = layer.equals("wss") ? "wss" : "ws";
    WebSocketClient client = new EchoClient(URI.create(scheme + "://127.0.0.1:" + port + "/"), draft(layer));
    if (layer.equals("wss")) client.setSocketFactory(Tls.client().getSocketFactory());
    client.setConnectionLostTimeout(0);
    client.setTcpNoDelay(true);
    return client;
  }

  private static final class EchoServer extends WebSocketServer {
    EchoServer(int port, Draft draft) {
      super(new InetSocketAddress("127.0.0.1", port), 1, List.of(draft));  // one thread to decode
    }

    @Override
    public void onStart() {
      System.out.println("listening");
    }

    @Override
    public void onOpen(WebSocket socket, ClientHandshake handshake) {}

    @Override
    public void onMessage(WebSocket socket, String text) {
      socket.send(text);
    }

    @Override
    public void onMessage(WebSocket socket, ByteBuffer data) {
      socket.send(data);
    }

    @Override
    public void onClose(WebSocket socket, int code, String reason, boolean isRemote) {}

    @Override
    public void onError(WebSocket socket, Exception error) {
      if (socket == null) System.err.println(error);  // else of one connection: the others go on
    }
  }

  private static final class EchoClient extends WebSocketClient {
    EchoClient(URI url, Draft draft) {
      super(url, draft);
    }

    @Override
    protected void onSetSSLParameters(javax.net.ssl.SSLParameters parameters) {}  // no name to verify

    @Override
    public void onOpen(ServerHandshake handshake) {}

    @Override
    public void onMessage(String text) {
      send(text);
    }

    @Override
    public void onMessage(ByteBuffer data) {
      send(data);
    }

    @Override
    public void onClose(int code, String reason, boolean isRemote) {}

    @Override
    public void onError(Exception error) {
      System.err.println(error);
    }
  }
}
