package org.hawser;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import java.util.function.Supplier;

/** A manager and the thread that polls it, which calls the listeners of its connections. */
final class Loop {
  final Manager manager;
  private final Function<WebSocket, WebSocket.Listener> acceptor;
  private final Map<Long, WebSocket> sockets = new HashMap<>();  // of the thread alone, as what follows
  private boolean isDraining;
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();  // for the thread
  private volatile boolean isEnded;
  private final Thread thread = new Runner();

  private final class Runner extends Thread {
    Runner() {
      super("hawser");
      setDaemon(true);
    }

    @Override
    public void run() {
      Loop.this.run();
    }
  }

  /** acceptor: makes the listener of a connection that a listener has accepted; null if none listens. */
  Loop(Manager manager, Function<WebSocket, WebSocket.Listener> acceptor) {
    this.manager = manager;
    this.acceptor = acceptor;
  }

  void start() {
    thread.start();
  }

  boolean isCurrent() {
    return Thread.currentThread() == thread;
  }

  /** Is this a listener's method, of any loop? Two loops that wait for each other would not end either. */
  static boolean isInListener() {
    return Thread.currentThread() instanceof Runner;
  }

  boolean isEnded() {
    return isEnded;
  }

  void join() throws InterruptedException {
    thread.join();
  }

  /** Any thread. The call is made by the loop's thread, at once if this is it. */
  <T> CompletableFuture<T> call(Supplier<T> call) {
    CompletableFuture<T> future = new CompletableFuture<>();
    Runnable task = () -> {
      try {
        if (isEnded) throw new HawserException(Hawser.ERR_CLOSED);
        future.complete(call.get());
      } catch (Throwable e) {
        future.completeExceptionally(e);
      }
    };
    if (isCurrent()) {
      task.run();
      return future;
    }
    tasks.add(task);
    if (isEnded)
      runTasks();
    else
      wake();
    return future;
  }

  private void wake() {
    try {
      manager.wake();
    } catch (HawserException e) {
      runTasks();  // the loop has ended meanwhile, and perhaps without this task
    }
  }

  /** By the loop's thread. */
  CompletableFuture<WebSocket> connect(String url, Options options, WebSocket.Listener listener) {
    Options.refuseRaw(options);
    long id = manager.connect(url, options);
    WebSocket socket = new WebSocket(this, id);
    sockets.put(id, socket);
    socket.setListener(listener);
    return socket.opening();
  }

  /** By the loop's thread. */
  long broadcast(long listener, int opcode, byte[] data) {
    if (isDraining) throw new HawserException(Hawser.ERR_CLOSED);
    return manager.broadcast(listener, 0, opcode, data);
  }

  /** By the loop's thread: it ends when all connections have. */
  void drain(int deadline) {
    manager.drain(deadline);
    isDraining = true;
  }

  private void run() {
    Throwable why = null;
    try {
      List<Event> events;
      do {
        events = manager.poll(-1);
        for (Event event : events) handle(event);
        runTasks();
      } while (!isDraining || !events.isEmpty() || manager.stat("connections") > 0);
    } catch (RuntimeException | Error e) {
      why = e;  // of poll: memory or descriptors have run out
      throw e;
    } finally {
      end(why);
    }
  }

  private void runTasks() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) task.run();
  }

  private void end(Throwable why) {
    isEnded = true;
    for (WebSocket socket : new ArrayList<>(sockets.values())) socket.fail(why);
    manager.close();  // now that none of them calls it any more
    runTasks();
  }

  private void handle(Event event) {
    if (event.kind == Hawser.EVENT_OPEN && event.listener != 0) sockets.put(event.connection, new WebSocket(this, event.connection));
    WebSocket socket = sockets.get(event.connection);
    if (socket == null) return;  // of a listener
    switch (event.kind) {
      case Hawser.EVENT_OPEN:
        socket.onOpen(event.listener != 0 ? acceptor : null);
        break;
      case Hawser.EVENT_CLOSE:
        sockets.remove(event.connection);
        socket.onClose(event);
        break;
      default:
        socket.onEvent(event);
    }
  }
}
