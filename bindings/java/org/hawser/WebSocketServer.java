package org.hawser;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Accepts connections. One daemon thread serves all those of a server. Its methods may be called from any thread. */
public final class WebSocketServer implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(5), LONGEST = Duration.ofMillis(Integer.MAX_VALUE);

  private final Loop loop;
  private final long listener;
  private final String url;

  private WebSocketServer(Loop loop, long listener, String url) {
    this.loop = loop;
    this.listener = listener;
    this.url = url;
  }

  /** Listens with the library's defaults. */
  public static WebSocketServer listen(String url, Function<WebSocket, WebSocket.Listener> listeners) {
    return listen(url, null, listeners);
  }

  /**
   * Listens at a ws:// or wss:// URL whose host is an address or "localhost"; port 0 takes a free one, which {@link #url}
   * tells. Its path is not matched: see {@link WebSocket#path}.
   *
   * @param options for the server and all its connections; may be null
   * @param listeners called for each connection that opened, by the server's thread; makes its listener
   * @throws HawserException ERR_URL, ERR_LISTEN, ERR_TLS ...: it can't listen there
   */
  public static WebSocketServer listen(String url, Options options, Function<WebSocket, WebSocket.Listener> listeners) {
    java.util.Objects.requireNonNull(listeners, "listeners");
    Options.refuseRaw(options);
    Manager manager = new Manager(options);
    try {
      long listener = manager.listen(url, new Options().set("pongs", 1));
      String scheme = url.substring(0, url.indexOf(':') + 1);
      Loop loop = new Loop(manager, listeners);
      WebSocketServer server = new WebSocketServer(loop, listener, scheme + "//" + manager.localAddress(listener) + "/");
      loop.start();
      return server;
    } catch (RuntimeException | Error e) {  // Error: there can be no thread
      manager.close();
      throw e;
    }
  }

  /** "ws://127.0.0.1:9001/": with the port that it has. */
  public String url() {
    return url;
  }

  /**
   * Sends a message to every open connection. The future has how many accepted it; those whose queue is full are closed
   * with 1013 (the option slow_reader). It fails if the server is closed.
   */
  public CompletableFuture<Long> broadcastText(String text) {
    return loop.call(() -> loop.broadcast(listener, Hawser.TEXT, Text.utf8(text)));
  }

  public CompletableFuture<Long> broadcastBinary(byte[] data) {
    return loop.call(() -> loop.broadcast(listener, Hawser.BINARY, data));
  }

  /** {@link #close(Duration)} within five seconds. */
  @Override
  public void close() {
    close(PATIENCE);
  }

  /**
   * Ends in good order: listens no more, closes all connections with 1001 behind what was sent before, and waits until they
   * have ended. What is left at the deadline is cut off. In a listener's method it does not wait. To close again sets
   * another deadline for what is left.
   */
  public void close(Duration deadline) {
    int millis = deadline.isNegative() ? 0 : (int) (deadline.compareTo(LONGEST) > 0 ? LONGEST : deadline).toMillis();
    loop.call(() -> {
      loop.drain(millis);
      return null;
    });
    if (!Loop.isInListener()) join();
  }

  /** Waits until the server has been closed, or its thread has failed. An interrupt ends the wait, and stays set. */
  public void join() {
    try {
      loop.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
