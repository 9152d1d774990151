package org.hawser;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * A connection. Its methods may be called from any thread; what any threads send leaves in the order in which they called.
 * {@link WebSocketClient} and {@link WebSocketServer} make it.
 */
public final class WebSocket implements AutoCloseable {
  /**
   * Hears of a connection. All its methods are called by one thread, which serves all connections of the server, or of all
   * clients: while one of them runs, the others wait. What throws is told to onError, and its connection closed with 1011.
   */
  public interface Listener {
    /** The handshake is done. The first call. */
    default void onOpen(WebSocket socket) {}

    /** A whole message of text. */
    default void onText(WebSocket socket, String text) {}

    /** A whole binary message. The array is yours. */
    default void onBinary(WebSocket socket, byte[] data) {}

    /** The answer to {@link WebSocket#ping}. */
    default void onPong(WebSocket socket, byte[] data) {}

    /**
     * The last call, but for onError if it throws. code: the peer's close code; 1005 it gave none, 1006 no Close frame came
     * (RFC 6455 7.1.5).
     */
    default void onClose(WebSocket socket, int code, String reason) {}

    /** A method of this listener threw error; or the connection failed, for this {@link HawserException}: onClose follows. */
    default void onError(WebSocket socket, Throwable error) {}
  }

  /** A call that waits for room in the queue. */
  private static final class Waiting {
    final Runnable call;
    final CompletableFuture<Void> accepted = new CompletableFuture<>();

    Waiting(Runnable call) {
      this.call = call;
    }
  }

  private static final int GOING_ON_FAILED = 1011;  // RFC 6455 7.4.1: "an unexpected condition"
  private static final int NO_CLOSE_FRAME = 1006;

  private final Loop loop;
  private final long id;
  private final CompletableFuture<WebSocket> opening = new CompletableFuture<>();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private final Queue<Waiting> waiting = new ArrayDeque<>();  // its monitor keeps all calls in order
  private boolean isOver;  // guarded by it, too; the loop's thread, which alone sets it, may just look
  private Listener listener;
  private volatile String path, subprotocol, peerAddress;

  WebSocket(Loop loop, long id) {
    this.loop = loop;
    this.id = id;
  }

  // ---- for everybody ----

  /**
   * Sends a text message. The future is complete when the library has accepted it: at once, or, while more than the option
   * max_send_queue waits to be sent, when the peer has read. If the connection ends first, it fails. A surrogate without
   * its pair is ERR_UTF8.
   */
  public CompletableFuture<Void> sendText(String text) {
    try {
      return send(Hawser.TEXT, Text.utf8(text));
    } catch (HawserException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** Likewise a binary message. The array may be used again at once if the future is complete, else when it is. */
  public CompletableFuture<Void> sendBinary(byte[] data) {
    return send(Hawser.BINARY, data);
  }

  /** Sends a ping with up to 125 bytes; onPong follows. Pings that keep the connection alive are sent by themselves. It waits
   * for room as a message does. */
  public CompletableFuture<Void> ping(byte[] data) {
    return loop.call(() -> inOrder(() -> loop.manager.ping(id, data))).thenCompose(Function.identity());
  }

  /**
   * Starts the closing handshake, behind what was sent before. code: 1000-1003, 1007-1014 or 3000-4999; reason: up to 123
   * bytes of UTF-8, or null. The future is complete when the connection has ended; it fails if code or reason are no good.
   */
  public CompletableFuture<Void> close(int code, String reason) {
    return endAfter(inOrder(() -> loop.manager.close(id, code, reason)));
  }

  /**
   * Closes with 1000, and waits until the connection has ended. What was sent before goes first; a peer that takes none of it
   * is given up after the option write_stall_timeout, one that does not answer after close_timeout, five seconds. In a
   * listener's method it does not wait.
   */
  @Override
  public void close() {
    CompletableFuture<Void> end = close(1000, null);
    if (!Loop.isInListener()) end.join();
  }

  /** Ends the TCP connection at once, without a Close frame. The future is complete when the connection has ended. */
  public CompletableFuture<Void> abort() {
    return endAfter(onLoop(() -> loop.manager.abort(id)));
  }

  /** Reads no more from the peer until {@link #resume}; a Close of the peer is not read either. */
  public CompletableFuture<Void> pause() {
    return onLoop(() -> loop.manager.pause(id));
  }

  public CompletableFuture<Void> resume() {
    return onLoop(() -> loop.manager.resume(id));
  }

  /** The request target, path and query as they came: "/chat?room=1". */
  public String path() {
    return path;
  }

  /** The subprotocol agreed on; null if none. */
  public String subprotocol() {
    return subprotocol;
  }

  /** "192.0.2.1:50000" or "[2001:db8::1]:50000". */
  public String peerAddress() {
    return peerAddress;
  }

  /**
   * The value of the peer's header field, of any case; null if there is none. For onOpen and the function that makes the
   * listener; with the option keep_handshake for every method of the listener.
   *
   * @throws HawserException ERR_BUSY: in another thread
   */
  public String header(String name) {
    if (!loop.isCurrent()) throw new HawserException(Hawser.ERR_BUSY, "headers can be read in the methods of the listener");
    return loop.manager.header(id, name);
  }

  // ---- sending ----

  private CompletableFuture<Void> send(int opcode, byte[] data) {
    return inOrder(() -> loop.manager.send(id, opcode, data));
  }

  private CompletableFuture<Void> onLoop(Runnable call) {
    return loop.call(() -> {
      if (isOver) throw new HawserException(Hawser.ERR_CLOSED);
      call.run();
      return null;
    });
  }

  /** What `ending` asks for is done when the connection has ended, and so it is if it had before. */
  private CompletableFuture<Void> endAfter(CompletableFuture<Void> ending) {
    return ending.handle((nothing, error) -> error).thenCompose(
        error -> error == null || saysItIsOver(error) ? ended.copy() : CompletableFuture.failedFuture(error));
  }

  private static boolean saysItIsOver(Throwable error) {
    return error instanceof HawserException && ((HawserException) error).code() == Hawser.ERR_CLOSED;
  }

  /** Makes the call, or lets it wait behind those that wait for DRAIN. */
  private CompletableFuture<Void> inOrder(Runnable call) {
    synchronized (waiting) {
      if (isOver) return CompletableFuture.failedFuture(new HawserException(Hawser.ERR_CLOSED));
      try {
        if (waiting.isEmpty() && isAccepted(call)) return CompletableFuture.completedFuture(null);
      } catch (HawserException e) {
        return CompletableFuture.failedFuture(e);
      }
      Waiting last = new Waiting(call);
      waiting.add(last);
      return last.accepted;
    }
  }

  private static boolean isAccepted(Runnable call) {
    try {
      call.run();
      return true;
    } catch (HawserException e) {
      if (e.code() == Hawser.ERR_WOULD_BLOCK) return false;
      throw e;
    }
  }

  /** There is room again: the calls that wait are made until one is refused, for which another DRAIN follows. */
  private void onDrain() {
    List<Runnable> outcomes = new ArrayList<>();  // told without the monitor: they run code of the application
    synchronized (waiting) {
      for (Waiting next = waiting.peek(); next != null; next = waiting.peek()) {
        Waiting call = next;
        try {
          if (!isAccepted(call.call)) break;
          outcomes.add(() -> call.accepted.complete(null));
        } catch (HawserException e) {
          outcomes.add(() -> call.accepted.completeExceptionally(e));
        }
        waiting.remove();
      }
    }
    outcomes.forEach(Runnable::run);
  }

  // ---- for the loop ----

  CompletableFuture<WebSocket> opening() {
    return opening;
  }

  void setListener(Listener listener) {
    this.listener = listener;
  }

  /** acceptor: makes the listener; null: there is one already. */
  void onOpen(Function<WebSocket, Listener> acceptor) {
    path = loop.manager.path(id);
    subprotocol = loop.manager.subprotocol(id);
    peerAddress = loop.manager.peerAddress(id);
    tell(() -> {
      if (acceptor != null) listener = acceptor.apply(this);
      if (listener == null) throw new NullPointerException("the listener is null");
      listener.onOpen(this);
    });
    opening.complete(this);
  }

  void onEvent(Event event) {
    if (event.kind == Hawser.EVENT_DRAIN)
      onDrain();
    else if (listener == null)
      return;  // none could be made, which has been told
    else if (event.kind == Hawser.EVENT_PONG)
      tell(() -> listener.onPong(this, event.data));
    else if (event.kind == Hawser.EVENT_MESSAGE && event.opcode == Hawser.TEXT)
      tell(() -> listener.onText(this, event.text()));
    else if (event.kind == Hawser.EVENT_MESSAGE)
      tell(() -> listener.onBinary(this, event.data));
  }

  void onClose(Event event) {
    HawserException error = event.error == Hawser.OK ? null : new HawserException(event.error, event.words);
    end(error, event.code, event.text(), event.words);
  }

  /** The loop ends without a CLOSE for this one. */
  void fail(Throwable why) {
    end(why, NO_CLOSE_FRAME, "", "the loop has ended");
  }

  private void end(Throwable error, int code, String reason, String words) {
    HawserException closed = new HawserException(Hawser.ERR_CLOSED, words);
    boolean wasOpen = opening.isDone();
    List<Waiting> refused;
    synchronized (waiting) {
      isOver = true;
      refused = new ArrayList<>(waiting);
      waiting.clear();
    }
    for (Waiting call : refused) call.accepted.completeExceptionally(closed);
    opening.completeExceptionally(error != null ? error : closed);
    if (wasOpen) tellEnd(error, code, reason);  // else the future says all
    ended.complete(null);
  }

  private void tellEnd(Throwable error, int code, String reason) {
    if (listener == null) return;  // none could be made
    if (error != null) tellError(error);
    tell(() -> listener.onClose(this, code, reason));
  }

  private void tell(Runnable call) {
    try {
      call.run();
    } catch (Throwable e) {
      tellError(e);
      close(GOING_ON_FAILED, null);
    }
  }

  private void tellError(Throwable error) {
    try {
      if (listener == null) throw error;
      listener.onError(this, error);
    } catch (Throwable e) {  // nobody else is there to hear it
      tellHandler(e);
    }
  }

  private static void tellHandler(Throwable error) {
    Thread thread = Thread.currentThread();
    try {
      thread.getUncaughtExceptionHandler().uncaughtException(thread, error);
    } catch (Throwable e) {
      // Java itself ignores what a handler throws.
    }
  }
}
