using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using Hawser;

/// <summary>The raw layer, where the scenarios don't look: bytes, text, misuse, the collector, descriptors.</summary>
static class RawTest {
  private static readonly Random Random = new Random(6455);

  private static int Main() => Check.RunAll(typeof(RawTest));

  private static byte[] Bytes(int size) {
    byte[] bytes = new byte[size];
    Random.NextBytes(bytes);
    return bytes;
  }

  static void TestBytesOfAllSizesArriveAsTheyAre() {
    using (Pair pair = new Pair()) {
      foreach (int size in new[] {0, 1, 125, 126, 4096, 65535, 65536, 1 << 20, 16 << 20}) {
        byte[] sent = Bytes(size);
        pair.Manager.Send(pair.Client, Api.BINARY, sent);
        Event message = pair.Take(Api.EVENT_MESSAGE);
        Check.EqualBytes(sent, message.Data);
        Check.Equal(pair.Server, message.Connection);
      }
    }
  }

  static void TestAllByteValues() {
    byte[] all = Enumerable.Range(0, 256).Select(value => (byte)value).ToArray();
    using (Pair pair = new Pair()) {
      pair.Manager.Send(pair.Server, Api.BINARY, all);
      Check.EqualBytes(all, pair.Take(Api.EVENT_MESSAGE).Data);
    }
  }

  static void TestPayloadsOfAllKinds() {
    byte[] bytes = {0, 1, 2, 3, 4};
    using (Pair pair = new Pair()) {
      pair.Manager.Send(pair.Client, Api.BINARY, new ArraySegment<byte>(bytes, 1, 3));
      pair.Manager.Send(pair.Client, Api.BINARY, new ReadOnlyMemory<byte>(bytes, 2, 2).Span);
      pair.Manager.Send(pair.Client, Api.BINARY, ReadOnlySpan<byte>.Empty);
      Check.EqualBytes(new byte[] {1, 2, 3}, pair.Take(Api.EVENT_MESSAGE).Data);
      Check.EqualBytes(new byte[] {2, 3}, pair.Take(Api.EVENT_MESSAGE).Data);
      Check.EqualBytes(new byte[0], pair.Take(Api.EVENT_MESSAGE).Data);
    }
  }

  static void TestTextOfAllPlanes() {
    string[] texts = {
        "", "\0", "a\0b", "Grüße", "あ⚓", "😀\uDBFF\uDFFF", "?\uFFFD?", "\u007F\u0080\u07FF\u0800\uFFFF\uD800\uDC00"};
    using (Pair pair = new Pair()) {
      foreach (string text in texts) {
        pair.Manager.Send(pair.Client, text);
        Event message = pair.Take(Api.EVENT_MESSAGE);
        Check.Equal(text, message.Text);
        Check.EqualBytes(Encoding.UTF8.GetBytes(text), message.Data);
      }
    }
  }

  static void TestSurrogatesWithoutTheirPairAreRefused() {
    using (Pair pair = new Pair()) {
      foreach (string text in new[] {"\uD800", "a\uDFFFb", "\uDC00\uD800", "あ\uD83D"}) {
        Check.Fails(Api.ERR_UTF8, () => pair.Manager.Send(pair.Client, text));
        Check.Fails(Api.ERR_UTF8, () => pair.Manager.Close(pair.Client, 1000, text));
        Check.Fails(Api.ERR_UTF8, () => pair.Manager.Broadcast(pair.Listener, 0, text));
      }
      pair.Manager.Send(pair.Client, "still open");
      Check.Equal("still open", pair.Take(Api.EVENT_MESSAGE).Text);
    }
  }

  static void TestNulInArgumentsIsRefused() {
    using (Pair pair = new Pair())
    using (Options options = new Options()) {
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Connect("ws://127.0.0.1/\0"));
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Listen("ws://127.0.0.1:0\0/"));
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Close(pair.Client, 1000, "cut\0here"));
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Header(pair.Client, "ho\0st"));
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Stat("connections\0"));
      Check.Fails(Api.ERR_ARGUMENT, () => options.Set("pongs\0", 1));
      Check.Fails(Api.ERR_ARGUMENT, () => options.Set("subprotocols", "chat\0"));
      Check.Fails(Api.ERR_ARGUMENT, () => options.AddHeader("X-Ship", "a\0b"));
      pair.Manager.Close(pair.Client, 1000, "Grüße ⚓");
      Check.Equal("Grüße ⚓", pair.Take(Api.EVENT_CLOSE).Text);
    }
  }

  static void TestNullArguments() {
    using (Pair pair = new Pair())
    using (Options options = new Options()) {
      Check.Throws<ArgumentNullException>(() => pair.Manager.Send(pair.Client, null));
      Check.Throws<HawserException>(() => pair.Manager.Connect(null));
      Check.Throws<HawserException>(() => pair.Manager.Listen(null, null));
      Check.Throws<HawserException>(() => pair.Manager.Stat(null));
      Check.Throws<HawserException>(() => options.AddHeader(null, null));
      Check.Throws<HawserException>(() => options.Set(null, null));
      Check.Equal(null, pair.Manager.Header(pair.Client, null));
    }
  }

  static void TestNumbersOutOfRange() {
    using (Pair pair = new Pair()) {
      Check.Fails(Api.ERR_STALE, () => pair.Manager.Send(long.MinValue, "x"));
      Check.Fails(Api.ERR_STALE, () => pair.Manager.Send(long.MaxValue, "x"));
      Check.Fails(Api.ERR_OPCODE, () => pair.Manager.Send(pair.Client, int.MaxValue, new byte[1]));
      Check.Fails(Api.ERR_CLOSE_CODE, () => pair.Manager.Close(pair.Client, -1));
      Check.Fails(Api.ERR_ARGUMENT, () => pair.Manager.Drain(int.MinValue));
      Check.Equal(null, Api.OptionName(int.MinValue));
      Check.Equal("HWS_ERR_UNKNOWN", Api.ErrorName(int.MinValue));
      pair.Manager.SetTag(pair.Client, long.MinValue);
      pair.Manager.Send(pair.Server, "x");
      Check.Equal(long.MinValue, pair.Take(Api.EVENT_MESSAGE).Tag);
    }
  }

  static void TestErrorsHaveCodeNameAndWords() {
    using (Manager manager = new Manager()) {
      HawserException error = Check.Fails(Api.ERR_URL, () => manager.Connect("http://127.0.0.1/"));
      Check.Equal("HWS_ERR_URL", error.Name);
      Check.That(error.Message != Api.ErrorText(Api.ERR_URL), "the words are those about this call");
      Check.Equal(null, manager.Path(1));  // an answer, not the failure before it
      HawserException stale = Check.Fails(Api.ERR_STALE, () => manager.Send(1, "hello"));
      Check.Equal(Api.ErrorText(Api.ERR_STALE), stale.Message);
      Check.That(stale.ToString().Contains("HWS_ERR_STALE"), "the name is shown");
    }
  }

  static void TestTheWordsOfAnEndComeAlong() {
    using (Pair pair = new Pair()) {
      pair.Manager.Close(pair.Client, 4000, "Ende");
      Event first = pair.Take(Api.EVENT_CLOSE), second = pair.Take(Api.EVENT_CLOSE);
      Check.That(first.Words.Length > 0 && second.Words.Length > 0 && first.Words != second.Words, "words about each");
    }
  }

  static void TestOptionsAndCountersAreDiscovered() {
    List<string> names = Enumerable.Range(0, Api.OptionCount()).Select(Api.OptionName).ToList();
    int limit = names.IndexOf("max_message_size");
    Check.Equal(Api.OPTION_INT, Api.OptionKind(limit));
    Check.Equal(16L << 20, Api.OptionDefault(limit));
    Check.Equal(null, Api.OptionName(names.Count));
    Check.Equal(null, Api.StatName(-1));
    using (Manager manager = new Manager())
      for (int i = 0; i < Api.StatCount(); i++) manager.Stat(Api.StatName(i));
    Check.Fails(Api.ERR_OPTION, () => new Options().Set("no_such_option", 1));
  }

  static void TestADisposedManagerThrows() {
    Manager manager = new Manager();
    manager.Dispose();
    manager.Dispose();
    Action[] calls = {
        () => manager.Poll(0), () => manager.Send(1, "x"), () => manager.Close(1, 1000), manager.Wake, manager.Flush, () => manager.Fd(),
        () => manager.Listen("ws://127.0.0.1:0/"), () => manager.Path(1), () => manager.Drain(0),
        () => manager.Stat("connections"), () => manager.Ping(1, Bytes(1)), () => manager.Queued(1)};
    foreach (Action call in calls) Check.Throws<ObjectDisposedException>(call);
  }

  static void TestDisposedOptionsThrow() {
    Options options = new Options().Set("max_message_size", 5);
    using (Manager manager = new Manager(options)) {
      options.Dispose();
      options.Dispose();
      Check.Throws<ObjectDisposedException>(() => options.Set("pongs", true));
      Check.Throws<ObjectDisposedException>(() => manager.Listen("ws://127.0.0.1:0/", options));
      Check.Throws<ObjectDisposedException>(() => new Manager(options).Poll(0));
      manager.Poll(0);
    }
  }

  static void TestEventsAreCopies() {
    using (Pair pair = new Pair()) {
      List<byte[]> sent = new List<byte[]>();
      List<Event> received = new List<Event>();
      for (int i = 0; i < 300; i++) {
        sent.Add(Bytes(1 + Random.Next(5000)));
        pair.Manager.Send(pair.Client, Api.BINARY, sent[i]);
        if (i % 50 == 0) GC.Collect();
      }
      while (received.Count < sent.Count) received.Add(pair.Take(Api.EVENT_MESSAGE));
      GC.Collect();
      for (int i = 0; i < sent.Count; i++) Check.EqualBytes(sent[i], received[i].Data);
    }
  }

  private static long ResidentPages() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1]);

  /// <summary>More passes through than may be kept; sanitizers delay what is freed, but not that much.</summary>
  static void TestBatchesAreFreed() {
    const int size = 4 << 20, count = 96;
    byte[] sent = new byte[size];
    using (Pair pair = new Pair()) {
      long before = ResidentPages();
      for (int i = 0; i < count; i++) {
        pair.Manager.Send(pair.Client, Api.BINARY, sent);
        pair.Take(Api.EVENT_MESSAGE);
      }
      long more = (ResidentPages() - before) * Environment.SystemPageSize;
      Check.That(more < (long)size * count * 3 / 4, more + " bytes are kept");
    }
  }

  static void TestAHeadThatIsNotUtf8CanBeRead() {
    using (Manager manager = new Manager(new Options().Set("requests", 1))) {
      string[] address = manager.LocalAddress(manager.Listen("ws://127.0.0.1:0/")).Split(':');
      using (TcpClient client = new TcpClient(address[0], int.Parse(address[1]))) {
        byte[] head = Encoding.GetEncoding("iso-8859-1").GetBytes(
            "GET / HTTP/1.1\r\nHost: x\r\nX-Ship: a\u00FFb\u00E2\u009A\u0093\r\n\r\n");
        client.GetStream().Write(head, 0, head.Length);
        Event[] events = manager.Poll(-1);
        while (events.Length == 0) events = manager.Poll(-1);
        Check.Equal("a\uFFFDb⚓", manager.Header(events[0].Connection, "x-ship"));
      }
    }
  }

  private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

  static void TestDisposedManagersLeaveNoDescriptors() {
    new Pair().Dispose();
    int before = Descriptors();
    for (int i = 0; i < 100; i++) new Pair().Dispose();
    Check.Equal(before, Descriptors());
  }

  private static void Forget(int count) {
    Thread thread = new Thread(() => {
      for (int i = 0; i < count; i++) new Pair();
    });
    thread.Start();
    thread.Join();  // Mono takes what lies about on a stack for references
  }

  static void TestTheCollectorClosesWhatIsForgotten() {
    int before = Descriptors();
    Forget(50);
    Check.That(Descriptors() > before, "they have descriptors");
    while (Descriptors() > before) {
      GC.Collect();
      GC.WaitForPendingFinalizers();
    }
  }

  static void TestFinalizersRunWhileAnotherManagerIsPolled() {
    using (Pair pair = new Pair()) {
      for (int i = 0; i < 20; i++) {
        Forget(5);
        byte[] sent = Bytes(100000);
        pair.Manager.Send(pair.Client, Api.BINARY, sent);
        GC.Collect();
        Check.EqualBytes(sent, pair.Take(Api.EVENT_MESSAGE).Data);
      }
    }
  }
}
