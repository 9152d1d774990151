import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.File;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.hawser.Event;
import org.hawser.Hawser;
import org.hawser.HawserException;
import org.hawser.Manager;
import org.hawser.Options;

/** The raw layer, where the scenarios don't look: bytes, text, misuse, the collector, descriptors, the native part. */
final class RawTest {
  private static final Random RANDOM = new Random(6455);

  public static void main(String[] arguments) throws Exception {
    Check.runAll(RawTest.class);
  }

  private static byte[] bytes(int size) {
    byte[] bytes = new byte[size];
    RANDOM.nextBytes(bytes);
    return bytes;
  }

  static void testBytesOfAllSizesArriveAsTheyAre() {
    try (Pair pair = new Pair()) {
      for (int size : new int[] {0, 1, 125, 126, 4095, 4096, 4097, 65535, 65536, 1 << 20, 16 << 20}) {
        byte[] sent = bytes(size);
        pair.manager.send(pair.client, Hawser.BINARY, sent);
        Event message = pair.take(Hawser.EVENT_MESSAGE);
        Check.equalBytes(sent, message.data);
        Check.equal(pair.server, message.connection);
      }
    }
  }

  static void testAllByteValues() {
    byte[] all = new byte[256];
    for (int i = 0; i < 256; i++) all[i] = (byte) i;
    try (Pair pair = new Pair()) {
      pair.manager.send(pair.server, Hawser.BINARY, all);
      Check.equalBytes(all, pair.take(Hawser.EVENT_MESSAGE).data);
    }
  }

  static void testTextOfAllPlanes() {
    String[] texts = {"", "\0", "a\0b", "Grüße", "あ⚓", "😀\uDBFF\uDFFF", "?\uFFFD?", "\u007F\u0080\u07FF\u0800\uFFFF\uD800\uDC00"};
    try (Pair pair = new Pair()) {
      for (String text : texts) {
        pair.manager.send(pair.client, text);
        Event message = pair.take(Hawser.EVENT_MESSAGE);
        Check.equal(text, message.text());
        Check.equalBytes(text.getBytes(UTF_8), message.data);
      }
    }
  }

  static void testSurrogatesWithoutTheirPairAreRefused() {
    try (Pair pair = new Pair()) {
      for (String text : new String[] {"\uD800", "a\uDFFFb", "\uDC00\uD800", "あ\uD83D"}) {
        Check.fails(Hawser.ERR_UTF8, () -> pair.manager.send(pair.client, text));
        Check.fails(Hawser.ERR_UTF8, () -> pair.manager.close(pair.client, 1000, text));
        Check.fails(Hawser.ERR_UTF8, () -> pair.manager.broadcast(pair.listener, 0, text));
      }
      pair.manager.send(pair.client, "still open");
      Check.equal("still open", pair.take(Hawser.EVENT_MESSAGE).text());
    }
  }

  static void testNulInArgumentsIsRefused() {
    try (Pair pair = new Pair()) {
      Options options = new Options();
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.connect("ws://127.0.0.1/\0"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.listen("ws://127.0.0.1:0\0/"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.close(pair.client, 1000, "cut\0here"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.header(pair.client, "ho\0st"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.stat("connections\0"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> options.set("pongs\0", 1));
      Check.fails(Hawser.ERR_ARGUMENT, () -> options.set("subprotocols", "chat\0"));
      Check.fails(Hawser.ERR_ARGUMENT, () -> options.addHeader("X-Ship", "a\0b"));
      pair.manager.close(pair.client, 1000, "Grüße ⚓");
      Check.equal("Grüße ⚓", pair.take(Hawser.EVENT_CLOSE).text());
    }
  }

  static void testNullArguments() {
    try (Pair pair = new Pair()) {
      Check.fails(Hawser.ERR_ARGUMENT, () -> pair.manager.send(pair.client, Hawser.BINARY, null));
      Check.throwsA(NullPointerException.class, () -> pair.manager.send(pair.client, null));
      Check.throwsA(HawserException.class, () -> pair.manager.connect(null));
      Check.throwsA(HawserException.class, () -> pair.manager.stat(null));
      Check.throwsA(HawserException.class, () -> new Options().addHeader(null, null));
      Check.throwsA(HawserException.class, () -> new Options().set(null, null));
      Check.equal(null, pair.manager.header(pair.client, null));
    }
  }

  static void testErrorsHaveCodeNameAndWords() {
    try (Manager manager = new Manager()) {
      HawserException error = Check.fails(Hawser.ERR_URL, () -> manager.connect("http://127.0.0.1/"));
      Check.equal("HWS_ERR_URL", error.name());
      Check.that(!error.getMessage().equals(Hawser.errorText(Hawser.ERR_URL)), "the words are those about this call");
      HawserException stale = Check.fails(Hawser.ERR_STALE, () -> manager.send(1, "hello"));
      Check.equal(Hawser.errorText(Hawser.ERR_STALE), stale.getMessage());
      Check.equal("HWS_ERR_STALE: " + stale.getMessage(), stale.toString());
    }
  }

  static void testTheWordsOfAnEndComeAlong() {
    try (Pair pair = new Pair()) {
      pair.manager.abort(pair.client);
      Event first = pair.take(Hawser.EVENT_CLOSE), second = pair.take(Hawser.EVENT_CLOSE);
      Check.that(!first.words.isEmpty() && !second.words.isEmpty() && !first.words.equals(second.words), "words about each");
    }
  }

  static void testOptionsAndCountersAreDiscovered() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < Hawser.optionCount(); i++) names.add(Hawser.optionName(i));
    int limit = names.indexOf("max_message_size");
    Check.equal(Hawser.OPTION_INT, Hawser.optionKind(limit));
    Check.equal(16L << 20, Hawser.optionDefault(limit));
    Check.equal(null, Hawser.optionName(names.size()));
    Check.equal(null, Hawser.statName(-1));
    try (Manager manager = new Manager()) {
      for (int i = 0; i < Hawser.statCount(); i++) manager.stat(Hawser.statName(i));
    }
    Check.fails(Hawser.ERR_OPTION, () -> new Options().set("no_such_option", 1));
  }

  static void testAClosedManagerAnswersWithAnError() {
    Manager manager = new Manager();
    manager.close();
    manager.close();
    Check.Call[] calls = {() -> manager.poll(0), () -> manager.send(1, "x"), () -> manager.close(1, 1000), manager::wake,
        manager::flush, manager::fd, () -> manager.listen("ws://127.0.0.1:0/"), () -> manager.path(1), () -> manager.drain(0),
        () -> manager.stat("connections"), () -> manager.ping(1, bytes(1)), () -> manager.queued(1)};
    for (Check.Call call : calls) Check.equal(Hawser.ERR_ARGUMENT, Check.throwsA(HawserException.class, call).code());
  }

  static void testEventsAreCopies() {
    try (Pair pair = new Pair()) {
      Map<Integer, byte[]> sent = new HashMap<>();
      List<Event> received = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        sent.put(i, bytes(1 + RANDOM.nextInt(5000)));
        pair.manager.send(pair.client, Hawser.BINARY, sent.get(i));
        if (i % 50 == 0) System.gc();
      }
      while (received.size() < sent.size()) received.add(pair.take(Hawser.EVENT_MESSAGE));
      System.gc();
      for (int i = 0; i < sent.size(); i++) Check.equalBytes(sent.get(i), received.get(i).data);
    }
  }

  static void testAHeadThatIsNotUtf8CanBeRead() throws Exception {
    try (Manager manager = new Manager(new Options().set("requests", 1))) {
      String[] address = manager.localAddress(manager.listen("ws://127.0.0.1:0/")).split(":");
      try (Socket socket = new Socket(address[0], Integer.parseInt(address[1]))) {
        String head = "GET / HTTP/1.1\r\nHost: x\r\nX-Ship: a\u00FFb\u00E2\u009A\u0093\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(ISO_8859_1));
        List<Event> events = manager.poll(-1);
        while (events.isEmpty()) events = manager.poll(-1);
        Check.equal("a\uFFFDb⚓", manager.header(events.get(0).connection, "x-ship"));
      }
    }
  }

  private static int descriptors() {
    return new File("/proc/self/fd").list().length;
  }

  static void testClosedManagersLeaveNoDescriptors() {
    new Pair().close();
    int before = descriptors();
    for (int i = 0; i < 100; i++) new Pair().close();
    Check.that(descriptors() < before + 100, "not one each; the virtual machine opens some of its own now and then");
  }

  static void testTheCollectorClosesWhatIsForgotten() {
    int before = descriptors();
    for (int i = 0; i < 50; i++) new Pair();
    Check.that(descriptors() > before, "they have descriptors");
    while (descriptors() > before) System.gc();
  }

  /** A Java of its own, which finds no native part. */
  static void testAMissingNativePartIsNamed() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process process = new ProcessBuilder(java, "-Dos.arch=vax", "-cp", System.getProperty("java.class.path"), "RawTest$Version")
        .redirectErrorStream(true).start();
    String words = new String(process.getInputStream().readAllBytes(), UTF_8);
    Check.that(process.waitFor() != 0, "it fails");
    Check.that(words.contains("no native part for this platform in the jar (/native/linux-vax/"), words);
  }

  static final class Version {
    public static void main(String[] arguments) {
      System.out.println(Hawser.version());
    }
  }
}
