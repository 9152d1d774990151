import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import java.util.zip.CRC32;
import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.HawserException;
import org.hawser.Manager;
import org.hawser.Options;

/** The driver in Java: see bindings/conformance/README.md. */
final class Conformance {
  private static final int SHOWN = 64;
  private static final String[] EVENTS = {"", "OPEN", "MESSAGE", "DRAIN", "CLOSE", "REQUEST", "PONG"};

  private final PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, UTF_8);
  private final String url;
  private final List<Long> connections = new ArrayList<>();
  private final Deque<Event> events = new ArrayDeque<>();  // of the batch, not yet taken
  private Options options;
  private Manager manager;
  private long listener;

  private Conformance(String url) {
    this.url = url;
  }

  public static void main(String[] arguments) throws Exception {
    Conformance driver = new Conformance(arguments[2]);
    for (String option : Arrays.asList(arguments).subList(3, arguments.length)) {
      String[] pair = option.split("=", 2);
      driver.setOption(pair[0], pair[1]);
    }
    try {
      driver.runScript(Path.of(arguments[0]), arguments[1]);
    } catch (IllegalArgumentException e) {
      System.err.println("driver: " + e.getMessage());
      System.exit(2);
    }
  }

  // ---- words ----

  private long idOf(String word) {
    if (word.equals("l")) return listener;
    return word.startsWith("c") ? connections.get(Integer.parseInt(word.substring(1)) - 1) : Long.parseLong(word);
  }

  private String nameOf(long id) {
    if (id == listener) return "l";
    if (!connections.contains(id)) connections.add(id);
    return "c" + (connections.indexOf(id) + 1);
  }

  private static int kindOf(String word) {
    return word.equals("text") ? Hawser.TEXT : word.equals("binary") ? Hawser.BINARY : Integer.parseInt(word);
  }

  private static byte[] payloadOf(String word) {
    if (word.equals("-")) return new byte[0];
    if (word.matches("[0-9]+\\*.*")) {
      String[] parts = word.split("\\*", 2);
      return times(Integer.parseInt(parts[0]), payloadOf(parts[1]));
    }
    return word.startsWith("hex:") ? bytesOf(word.substring(4)) : word.getBytes(UTF_8);
  }

  private static byte[] times(int count, byte[] one) {
    ByteArrayOutputStream all = new ByteArrayOutputStream(count * one.length);
    for (int i = 0; i < count; i++) all.write(one, 0, one.length);
    return all.toByteArray();
  }

  private static byte[] bytesOf(String hex) {
    byte[] bytes = new byte[hex.length() / 2];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    return bytes;
  }

  // ---- what is printed ----

  private static String ending(HawserException error) {
    return error.name() + " " + error.code();
  }

  /** COMMAND: VALUE, or the error. */
  private void print(String command, Supplier<Object> call) {
    out.println(command + ": " + valueOf(call));
  }

  private static String valueOf(Supplier<Object> call) {
    try {
      Object value = call.get();
      return value == null ? "none" : value.toString();
    } catch (HawserException e) {
      return ending(e);
    }
  }

  private void printOk(String command, Runnable call) {
    print(command, () -> {
      call.run();
      return "ok";
    });
  }

  private static boolean isShown(Event event) {
    boolean whole = event.opcode == Hawser.TEXT && event.has(Hawser.FIRST) && event.has(Hawser.FINAL);
    if (!whole && event.kind != Hawser.EVENT_CLOSE) return false;
    return event.text().chars().allMatch(c -> c >= 32);
  }

  private static String shown(Event event) {
    if (event.data.length == 0) return "-";
    if (event.data.length > SHOWN) {
      CRC32 crc = new CRC32();
      crc.update(event.data);
      return String.format("crc32:%08x", crc.getValue());
    }
    if (isShown(event)) return event.text();
    StringBuilder hex = new StringBuilder("hex:");
    for (byte b : event.data) hex.append(String.format("%02x", b));
    return hex.toString();
  }

  private static String flag(Event event, int bit, String word) {
    return event.has(bit) ? word : "";
  }

  private static String details(Event event) {
    switch (event.kind) {
      case Hawser.EVENT_OPEN:
        return event.listener != 0 ? " l" : "";
      case Hawser.EVENT_REQUEST:
        return " l " + (event.has(Hawser.UPGRADE) ? "upgrade" : "http");
      case Hawser.EVENT_MESSAGE:
        return (event.opcode == Hawser.TEXT ? " text" : " binary") + flag(event, Hawser.FIRST, " first")
            + flag(event, Hawser.FINAL, " final") + " " + event.data.length + " " + shown(event);
      case Hawser.EVENT_PONG:
        return " " + event.data.length + " " + shown(event);
      case Hawser.EVENT_CLOSE:
        return " " + event.code + " " + Hawser.errorName(event.error) + " " + event.system
            + flag(event, Hawser.BY_PEER, " by-peer") + flag(event, Hawser.CLEAN, " clean") + " " + shown(event);
      default:
        return "";
    }
  }

  private void printEvent(Event event) {
    String tag = event.tag != 0 ? " tag " + event.tag : "";
    out.println(nameOf(event.connection) + " " + EVENTS[event.kind] + details(event) + tag);
  }

  // ---- events ----

  private Event take() {
    while (events.isEmpty()) events.addAll(manager.poll(-1));
    return events.remove();
  }

  private Event takeAndPrint() {
    Event event = take();
    printEvent(event);
    return event;
  }

  private void takeMany(String name, int count) {
    for (int seen = 0; seen < count;) {
      Event event = take();
      nameOf(event.connection);
      if (EVENTS[event.kind].equals(name)) seen++;
    }
    out.println(name + " " + count);
  }

  private void echo(int count) {
    while (count > 0) {
      Event event = takeAndPrint();
      if (event.kind != Hawser.EVENT_MESSAGE) continue;
      printOk("send", () -> manager.send(event.connection, event.opcode, event.data));
      count--;
    }
  }

  private void skip(byte[] payload) {
    Event event = take();
    while (event.kind != Hawser.EVENT_MESSAGE || !Arrays.equals(event.data, payload)) event = take();
    printEvent(event);
  }

  private void poll(int timeout) {
    print("poll", () -> {
      events.addAll(manager.poll(timeout));
      return events.size();
    });
  }

  // ---- calls ----

  private Options givenOptions() {
    if (options == null) options = new Options();
    return options;
  }

  private Options takeOptions() {
    Options taken = options;
    options = null;
    return taken;
  }

  private void setOption(String name, String value) {
    if (value.matches("-?[0-9]+"))
      givenOptions().set(name, Long.parseLong(value));
    else
      givenOptions().set(name, value);
  }

  private void listen() {
    try {
      listener = manager.listen(url + "/", takeOptions());
      out.println("listening " + manager.localAddress(listener));
    } catch (HawserException e) {
      out.println("listen: " + ending(e));
    }
  }

  private String connect(String path, int count) {
    Options given = takeOptions();
    String name = "";
    for (int i = 0; i < count; i++) name = nameOf(manager.connect(path.contains("://") ? path : url + path, given));
    return name;
  }

  private void fill(long id, int kind, byte[] payload) {
    while (true) manager.send(id, kind, payload);  // until it throws
  }

  /** What any thread may say. */
  private String call(String[] words) {
    return valueOf(() -> {
      switch (words[0]) {
        case "wake":
          manager.wake();
          break;
        case "close":
          manager.close(idOf(words[1]), Integer.parseInt(words[2]), words.length > 3 ? new String(payloadOf(words[3]), UTF_8) : null);
          break;
        default:
          manager.send(idOf(words[1]), kindOf(words[2]), payloadOf(words[3]));
      }
      return "ok";
    });
  }

  // ---- commands ----

  private void run(String[] words) {
    String word = words[0];
    switch (word) {
      case "wake": case "close": case "send": out.println(word + ": " + call(words)); break;
      case "event": takeAndPrint(); break;
      case "events": takeMany(words[1], Integer.parseInt(words[2])); break;
      case "echo": echo(Integer.parseInt(words[1])); break;
      case "skip": skip(payloadOf(words[1])); break;
      case "poll": poll(Integer.parseInt(words[1])); break;
      case "listen": listen(); break;
      case "connect": print(word, () -> connect(words[1], words.length > 2 ? Integer.parseInt(words[2]) : 1)); break;
      case "flush": printOk(word, manager::flush); break;
      case "stat": print(word, () -> manager.stat(words[1])); break;
      case "drain": printOk(word, () -> manager.drain(Integer.parseInt(words[1]))); break;
      case "broadcast":
        print(word, () -> manager.broadcast(listener, idOf(words[1]), kindOf(words[2]), payloadOf(words[3])));
        break;
      default: runOnConnection(word, idOf(words[1]), words);
    }
  }

  private void runOnConnection(String word, long id, String[] words) {
    switch (word) {
      case "part":
        printOk(word, () -> manager.sendPart(id, kindOf(words[2]), payloadOf(words[3]), words[4].equals("final")));
        break;
      case "fill": printOk(word, () -> fill(id, kindOf(words[2]), payloadOf(words[3]))); break;
      case "ping": printOk(word, () -> manager.ping(id, payloadOf(words[2]))); break;
      case "abort": printOk(word, () -> manager.abort(id)); break;
      case "pause": printOk(word, () -> manager.pause(id)); break;
      case "resume": printOk(word, () -> manager.resume(id)); break;
      case "tag": printOk(word, () -> manager.setTag(id, Long.parseLong(words[2]))); break;
      case "queued": print(word, () -> manager.queued(id)); break;
      case "accept": printOk(word, () -> manager.accept(id, words.length > 2 ? words[2] : null, takeOptions())); break;
      case "respond":
        printOk(word, () -> manager.respond(id, Integer.parseInt(words[2]), takeOptions(), payloadOf(words[3])));
        break;
      case "path": print(word, () -> manager.path(id)); break;
      case "status": print(word, () -> manager.status(id)); break;
      case "subprotocol": print(word, () -> manager.subprotocol(id)); break;
      case "extensions": print(word, () -> manager.extensions(id)); break;
      case "header": print(word, () -> manager.header(id, words[2])); break;
      default: throw new IllegalArgumentException("unknown command: " + word);
    }
  }

  /** False: it is a command that needs the manager. */
  private boolean runSetting(String line) {
    String[] words = line.split(" ", 3);
    if (words[0].equals("option"))
      printOk(words[0], () -> setOption(words[1], words[2]));
    else if (words[0].equals("add_header"))
      printOk(words[0], () -> givenOptions().addHeader(words[1], words[2]));
    else
      return false;
    return true;
  }

  // ---- the script ----

  private Thread later;
  private String laterLine;

  private void beginLater(String line) {
    String[] words = line.split(" ");
    later = new Thread(() -> {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      laterLine = words[0] + ": " + call(words);
    });
    later.start();
  }

  private void endLater() throws InterruptedException {
    if (later == null) return;
    later.join();
    out.println(laterLine);
    later = null;
  }

  private void runLine(String line) throws InterruptedException {
    if (line.startsWith("later ")) {
      beginLater(line.substring(6));
      return;
    }
    if (!runSetting(line)) {
      if (manager == null) manager = new Manager(takeOptions());
      run(line.split(" "));
    }
    endLater();
  }

  private void runScript(Path scenario, String role) throws IOException, InterruptedException {
    String section = "";
    for (String line : Files.readAllLines(scenario)) {
      if (line.isEmpty() || line.startsWith("#") || line.startsWith(">")) continue;
      if (line.equals("client") || line.equals("server"))
        section = line;
      else if (section.equals(role))
        runLine(line);
    }
    if (manager != null) manager.close();
  }
}
