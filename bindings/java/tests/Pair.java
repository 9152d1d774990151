import java.util.ArrayDeque;
import java.util.Deque;
import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.Manager;
import org.hawser.Options;

/** A manager that is connected with itself. */
final class Pair implements AutoCloseable {
  final Manager manager;
  final long listener, client, server;
  private final Deque<Event> events = new ArrayDeque<>();

  Pair(Options options) {
    manager = new Manager(options);
    listener = manager.listen("ws://127.0.0.1:0/");
    client = manager.connect("ws://" + manager.localAddress(listener) + "/");
    long accepted = 0;
    for (int opened = 0; opened < 2; opened++) {
      Event open = take(Hawser.EVENT_OPEN);
      if (open.listener == listener) accepted = open.connection;
    }
    server = accepted;
  }

  Pair() {
    this(null);
  }

  /** The next event of this kind; others are passed over. */
  Event take(int kind) {
    while (true) {
      while (events.isEmpty()) events.addAll(manager.poll(-1));
      Event event = events.remove();
      if (event.kind == kind) return event;
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
