import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.Manager;

/** Echoes all messages at the URL in its first argument, on the raw layer. */
class RawServer {
  public static void main(String[] arguments) {
    Manager manager = new Manager();
    long listener = manager.listen(arguments.length > 0 ? arguments[0] : "ws://127.0.0.1:9001/");
    System.out.println("listening on ws://" + manager.localAddress(listener) + "/");
    while (true) {
      for (Event event : manager.poll(-1)) {  // a list, which is yours
        if (event.kind == Hawser.EVENT_MESSAGE) manager.send(event.connection, event.opcode, event.data);
      }
    }
  }
}
