import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.HawserException;
import org.hawser.Manager;

/** Many threads at one manager: what may be, what is refused, and nothing that crashes. */
final class ThreadsTest {
  private static final int THREADS = 8, MESSAGES = 1000;

  public static void main(String[] arguments) throws Exception {
    Check.runAll(ThreadsTest.class);
  }

  private static Thread start(Runnable run) {
    Thread thread = new Thread(run);
    thread.start();
    return thread;
  }

  /** Until it is refused since the manager is closed; other errors are what a thread may meet on the way. */
  private static void repeat(Runnable call) {
    while (true) {
      try {
        call.run();
      } catch (HawserException e) {
        if (e.code() == Hawser.ERR_ARGUMENT) return;
      }
    }
  }

  static void testEachThreadsMessagesArriveInItsOrder() throws Exception {
    try (Pair pair = new Pair()) {
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        String name = t + " ";
        threads.add(start(() -> {
          for (int i = 0; i < MESSAGES; i++) pair.manager.send(pair.client, name + i);
        }));
      }
      int[] next = new int[THREADS];
      for (int i = 0; i < THREADS * MESSAGES; i++) {
        String[] words = pair.take(Hawser.EVENT_MESSAGE).text().split(" ");
        Check.equal(next[Integer.parseInt(words[0])]++, Integer.parseInt(words[1]));
      }
      for (Thread thread : threads) thread.join();
    }
  }

  static void testCallsDuringAPollAreRefused() throws Exception {
    Manager manager = new Manager();
    Thread poller = start(() -> repeat(() -> manager.poll(-1)));
    HawserException busy = null;
    while (busy == null) {
      try {
        manager.stat("connections");  // it may come before the poll
      } catch (HawserException e) {
        busy = e;
      }
    }
    Check.equal(Hawser.ERR_BUSY, busy.code());
    manager.wake();
    manager.close();
    poller.join();
  }

  static void testCloseEndsAPollThatWaits() throws Exception {
    Manager manager = new Manager();
    CountDownLatch begun = new CountDownLatch(1);
    AtomicReference<HawserException> end = new AtomicReference<>();
    Thread poller = start(() -> {
      begun.countDown();
      try {
        while (true) manager.poll(-1);
      } catch (HawserException e) {
        end.set(e);
      }
    });
    begun.await();
    manager.close();
    poller.join();
    Check.equal(Hawser.ERR_ARGUMENT, end.get().code());
  }

  static void testCloseAmidAllOtherCalls() throws Exception {
    byte[] data = "x".repeat(5000).getBytes(UTF_8);
    for (int round = 0; round < 50; round++) {
      Pair pair = new Pair();
      Manager manager = pair.manager;
      CountDownLatch begun = new CountDownLatch(1);
      List<Thread> threads = List.of(start(() -> repeat(() -> {
        for (Event event : manager.poll(-1)) if (event.kind == Hawser.EVENT_MESSAGE) begun.countDown();
      })), start(() -> repeat(() -> manager.send(pair.client, Hawser.BINARY, data))),
          start(() -> repeat(() -> manager.send(pair.server, "text"))), start(() -> repeat(manager::wake)),
          start(() -> repeat(() -> manager.close(pair.listener, 0))), start(() -> repeat(() -> manager.path(pair.server))));
      begun.await();
      manager.close();
      for (Thread thread : threads) thread.join();
    }
  }

  static void testManyClose() throws Exception {
    for (int round = 0; round < 50; round++) {
      Pair pair = new Pair();
      List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) threads.add(start(pair.manager::close));
      for (Thread thread : threads) thread.join();
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.poll(0));
    }
  }
}
