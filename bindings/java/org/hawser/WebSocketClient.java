package org.hawser;

import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Makes connections. One daemon thread serves those of the whole process; it starts with the first. */
public final class WebSocketClient {
  private static Loop shared;

  private WebSocketClient() {}

  /** Connects to a ws:// or wss:// URL with the library's defaults. */
  public static CompletableFuture<WebSocket> connect(String url, WebSocket.Listener listener) {
    return connect(url, null, listener);
  }

  /**
   * Connects to a ws:// or wss:// URL. The future is complete after the listener's onOpen. It fails with a {@link
   * HawserException} if the connection does: the listener hears nothing then.
   *
   * @param options may be null; it is read by another thread: change it no more until the future is complete
   */
  public static CompletableFuture<WebSocket> connect(String url, Options options, WebSocket.Listener listener) {
    java.util.Objects.requireNonNull(listener, "listener");
    try {
      Loop loop = loop();
      return loop.call(() -> loop.connect(url, options, listener)).thenCompose(Function.identity());
    } catch (HawserException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Another one if there is none, or if it failed: memory or descriptors may be there again. */
  private static synchronized Loop loop() {
    if (shared == null || shared.isEnded()) {
      Loop loop = new Loop(new Manager(new Options().set("pongs", 1)), null);
      loop.start();
      shared = loop;
    }
    return shared;
  }
}
