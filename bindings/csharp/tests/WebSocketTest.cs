using System;
using System.Buffers;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Hawser;

/// <summary>The idiomatic layer, both ends of it.</summary>
static class WebSocketTest {
  private const string Anywhere = "ws://127.0.0.1:0/";

  private static int Main() {
    ThreadPool.SetMinThreads(8, 8);  // some tests block threads of the pool, and it is slow to make new ones
    return Check.RunAll(typeof(WebSocketTest));
  }

  internal static async Task EchoAsync(WebSocket socket) {
    while (await socket.ReceiveAsync() is Message message)
      await (message.IsText ? socket.SendAsync(message.Text) : socket.SendAsync(message.Data));
  }

  /// <summary>A server that hands over its connections, whose handlers end with them.</summary>
  private sealed class Handed {
    private readonly TaskCompletionSource<WebSocket> first = new TaskCompletionSource<WebSocket>();

    internal Task<WebSocket> First => first.Task;

    internal Task HandleAsync(WebSocket socket) {
      first.TrySetResult(socket);
      return socket.WaitClosedAsync();
    }
  }

  /// <summary>After its handshake: for what no client of ours does.</summary>
  private static NetworkStream ConnectBytes(string url) {
    Uri address = new Uri(url);
    Socket socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
    socket.Connect(address.Host, address.Port);
    NetworkStream stream = new NetworkStream(socket, true);
    Write(stream, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
    string head = "";
    while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal)) head += (char)Read(stream, 1)[0];
    return stream;
  }

  private static void Write(Stream stream, params byte[] bytes) => stream.Write(bytes, 0, bytes.Length);

  private static byte[] Read(Stream stream, int count) {
    byte[] bytes = new byte[count];
    for (int have = 0, more; have < count; have += more) {
      more = stream.Read(bytes, have, count - have);
      Check.That(more > 0, "the stream ends too early");
    }
    return bytes;
  }

  private static async Task<string> TextAsync(WebSocket socket) => (await socket.ReceiveAsync()).Text;

  static async Task TestEcho() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync))
    using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) {
      await socket.SendAsync("Grüße ⚓😀\0");
      await socket.SendAsync(new byte[] {0, 255});
      Check.Equal("Grüße ⚓😀\0", await TextAsync(socket));
      Message binary = await socket.ReceiveAsync();
      Check.EqualBytes(new byte[] {0, 255}, binary.Data);
      Check.Equal(null, binary.Text);
      await socket.PingAsync();
      await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => socket.PingAsync()));
      Check.Equal(null, socket.CloseCode);
      await socket.CloseAsync();
      Check.Equal(1000, socket.CloseCode);
      Check.Equal(null, await socket.ReceiveAsync());
    }
  }

  static async Task TestAsyncEnumeration() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      for (int i = 0; i < 200; i++) await socket.SendAsync("" + i);
    })) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url);
      IAsyncEnumerator<Message> messages = socket.GetAsyncEnumerator();  // what `await foreach` does
      int count = 0;
      while (await messages.MoveNextAsync()) Check.Equal("" + count++, messages.Current.Text);
      Check.Equal(200, count);
      await messages.DisposeAsync();
      await socket.DisposeAsync();
      Check.Equal(1000, socket.CloseCode);
    }
  }

  static async Task TestWhatIsKnownOfAConnection() {
    Handed handed = new Handed();
    using (Options options = new Options().Set("subprotocols", "chat").Set("deflate", "shared"))
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync, options)) {
      Options asked = new Options().Set("subprotocols", "superchat, chat").Set("deflate", "shared");
      asked.AddHeader("X-Ship", "Ever Given");
      WebSocket client = await WebSocket.ConnectAsync(server.Url + "harbour?berth=7", asked);
      WebSocket served = await handed.First;
      Check.Equal("/harbour?berth=7", served.Path);
      Check.Equal("Ever Given", served.Header("x-ship"));
      Check.Equal(null, served.Header("x-shi"));
      Check.Equal("chat", client.Subprotocol);
      Check.That(client.Extensions.StartsWith("permessage-deflate", StringComparison.Ordinal), client.Extensions);
      Check.Equal(server.Url, "ws://" + client.PeerAddress + "/");
      Check.Equal("websocket", client.Header("Upgrade"));
    }
  }

  static async Task TestBothSidesKnowTheCloseOfTheOther() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket client = await WebSocket.ConnectAsync(server.Url), served = await handed.First;
      await client.SendAsync("last words");
      await client.CloseAsync(4000, "Grüße");
      await client.CloseAsync(4001, "again");
      Check.Equal("last words", await TextAsync(served));
      ConnectionClosedException end = await Check.ThrowsAsync<ConnectionClosedException>(served.ReceiveAsync());
      Check.Equal(4000, end.CloseCode);
      Check.Equal("Grüße", end.Reason);
      Check.That(end.IsClean && end.Code == Api.ERR_CLOSED && end.Message.Length > 0, end.ToString());
      Check.Equal("Grüße", served.CloseReason);
      foreach (WebSocket ended in new[] {client, served}) {
        Check.Equal(4000, (await Check.ThrowsAsync<ConnectionClosedException>(ended.SendAsync("late"))).CloseCode);
        Check.Equal(4000, (await Check.ThrowsAsync<ConnectionClosedException>(ended.PingAsync())).CloseCode);
        ended.Abort();
        await ended.WaitClosedAsync();
        await ended.CloseAsync();
      }
    }
  }

  static async Task TestACloseWithoutACodeIsQuiet() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket client = await WebSocket.ConnectAsync(server.Url), served = await handed.First;
      await client.SendAsync("last words");
      await client.CloseAsync(0);
      Check.Equal("last words", await TextAsync(served));
      Check.Equal(null, await served.ReceiveAsync());
      Check.Equal(1005, served.CloseCode);
    }
  }

  static async Task TestAPongAnswersForThePingsBeforeIt() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync))
    using (NetworkStream client = ConnectBytes(server.Url)) {
      WebSocket served = await handed.First;
      Task[] pings = Enumerable.Range(0, 4).Select(_ => served.PingAsync()).ToArray();
      byte[][] frames = pings.Select(_ => Read(client, 10)).ToArray();
      byte[] mask = {0x8A, 0x88, 0, 0, 0, 0};
      Write(client, mask.Concat(Enumerable.Repeat((byte)0xFF, 8)).ToArray());  // answers none that was sent
      Write(client, mask.Concat(Enumerable.Repeat((byte)0x7F, 8)).ToArray());
      Write(client, mask.Concat(frames[2].Skip(2)).ToArray());
      await Task.WhenAny(pings[3], Task.WhenAll(pings.Take(3)));
      Check.That(!pings[3].IsCompleted, "the last one was not answered");
      Write(client, mask.Concat(frames[3].Skip(2)).ToArray());
      await Task.WhenAll(pings);
    }
  }

  private static async Task CancelAPingAsync(int code) {
    Handed handed = new Handed();
    CancellationTokenSource source = new CancellationTokenSource();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync))
    using (NetworkStream client = ConnectBytes(server.Url)) {
      Task ping = (await handed.First).PingAsync(source.Token);
      Read(client, 10);
      source.Cancel();
      await Check.ThrowsAsync<OperationCanceledException>(ping);
      Write(client, 0x88, 0x82, 0, 0, 0, 0, (byte)(code >> 8), (byte)code);
      await (await handed.First).WaitClosedAsync();
    }
  }

  /// <summary>Whoever has given up a ping does not hear why it was not answered.</summary>
  static async Task TestNoExceptionIsLeftBehind() {
    const int code = 4321;
    int left = 0;
    EventHandler<UnobservedTaskExceptionEventArgs> count = (sender, e) => {
      if ((e.Exception.InnerException as ConnectionClosedException)?.CloseCode == code) Interlocked.Increment(ref left);
    };
    TaskScheduler.UnobservedTaskException += count;
    for (int i = 0; i < 20; i++) await CancelAPingAsync(code);
    for (int i = 0; i < 3; i++) {
      GC.Collect();
      GC.WaitForPendingFinalizers();
    }
    TaskScheduler.UnobservedTaskException -= count;
    Check.Equal(0, left);
  }

  static async Task TestWhatMayNotBeSentFailsAlone() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync))
    using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) {
      await Check.FailsAsync(Api.ERR_UTF8, socket.SendAsync("\uD800"));
      await Check.FailsAsync(Api.ERR_CLOSE_CODE, socket.CloseAsync(1005));
      await Check.FailsAsync(Api.ERR_TOO_LARGE, socket.CloseAsync(1000, new string('x', 124)));
      await Check.FailsAsync(Api.ERR_ARGUMENT, socket.CloseAsync(1000, "\0"));
      Check.Throws<ArgumentNullException>(() => socket.SendAsync((string)null));
      Check.Throws<ArgumentNullException>(() => socket.SendAsync((byte[])null));
      Check.Throws<ArgumentNullException>(() => server.BroadcastAsync((byte[])null));
      await socket.SendAsync("still open");
      Check.Equal("still open", await TextAsync(socket));
    }
  }

  static async Task TestAFailedConnect() {
    WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync);
    await server.CloseAsync();
    HawserException refused = await Check.ThrowsAsync<ConnectionClosedException>(WebSocket.ConnectAsync(server.Url));
    Check.Equal(Api.ERR_CONNECT, refused.Code);
    await Check.FailsAsync(Api.ERR_URL, WebSocket.ConnectAsync("http://127.0.0.1/"));
    Check.Fails(Api.ERR_URL, () => WebSocketServer.Serve("nowhere", EchoAsync));
    Check.Fails(Api.ERR_LISTEN, () => WebSocketServer.Serve("ws://192.0.2.1:1/", EchoAsync));
    Check.Throws<ArgumentNullException>(() => WebSocketServer.Serve(Anywhere, null));
    Check.Throws<ArgumentNullException>(() => WebSocketServer.Serve(null, EchoAsync));
    await Check.ThrowsAsync<ArgumentNullException>(WebSocket.ConnectAsync(null));
    using (WebSocketServer other = WebSocketServer.Serve(Anywhere, EchoAsync)) {
      Options options = new Options().Set("origin", "https://elsewhere.example");
      ConnectionClosedException forbidden =
          await Check.ThrowsAsync<ConnectionClosedException>(WebSocket.ConnectAsync(other.Url, options));
      Check.Equal(403, forbidden.Status);
      Check.Equal("HWS_ERR_HTTP", forbidden.Name);
    }
  }

  static async Task TestTheEndOfATransport() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket client = await WebSocket.ConnectAsync(server.Url), served = await handed.First;
      Task<Message> waits = client.ReceiveAsync();
      client.Dispose();
      Check.Equal(Api.ERR_ABORTED, (await Check.ThrowsAsync<ConnectionClosedException>(waits)).Code);
      Check.Equal(Api.ERR_EOF, (await Check.ThrowsAsync<ConnectionClosedException>(served.ReceiveAsync())).Code);
    }
  }

  /// <summary>What is not read holds up the sender, and loses nothing.</summary>
  static async Task TestSendsWaitForAPeerThatDoesNotRead() {
    Handed handed = new Handed();
    const int size = 1 << 20, count = 64;  // more than both queues and the kernel hold for one connection
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url, new Options().Set("max_send_queue", size));
      WebSocket served = await handed.First;
      Task[] sends = Enumerable.Range(0, count).Select(i => socket.SendAsync(i + new string('x', size))).ToArray();
      CancellationTokenSource source = new CancellationTokenSource();
      Task cancelled = socket.SendAsync("never", source.Token), ping = socket.PingAsync(), end = socket.CloseAsync();
      Check.That(!sends[count - 1].IsCompleted && !cancelled.IsCompleted && !end.IsCompleted, "the last ones wait");
      source.Cancel();
      await Check.ThrowsAsync<OperationCanceledException>(cancelled);
      for (int i = 0; i < count; i++) Check.Equal(i + new string('x', size), await TextAsync(served));
      Check.Equal(null, await served.ReceiveAsync());
      await Task.WhenAll(sends);
      await end;
      try {
        await ping;  // it came before the Close, or behind it
      } catch (ConnectionClosedException) {
      }
    }
  }

  /// <summary>Until the peer, which is not read, holds 1 MiB, the kernel what it takes, and the queue its most. The last
  /// one is returned.</summary>
  private static Task SendUntilItWaits(WebSocket socket, ReadOnlyMemory<byte> data) {
    Task last = null;
    for (int i = 0; i < 64; i++) last = socket.SendAsync(data);
    Check.That(!last.IsCompleted, "the last one waits");
    return last;
  }

  static async Task TestSendsThatWaitFailWithTheirConnection() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url, new Options().Set("max_send_queue", 1 << 20));
      Task last = SendUntilItWaits(socket, new byte[1 << 20]);
      socket.Abort();
      Check.Equal(Api.ERR_ABORTED, (await Check.ThrowsAsync<ConnectionClosedException>(last)).Code);
    }
  }

  private sealed class Lent : MemoryManager<byte> {
    private byte[] memory = new byte[1 << 20];

    public override Span<byte> GetSpan() => memory ?? throw new ObjectDisposedException("Lent");

    public override MemoryHandle Pin(int index) => throw new NotSupportedException();

    public override void Unpin() {}

    protected override void Dispose(bool disposing) => memory = null;
  }

  static async Task TestMemoryThatIsGoneTooEarlyFailsAlone() {
    Handed handed = new Handed();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync))
    using (IMemoryOwner<byte> lent = new Lent()) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url, new Options().Set("max_send_queue", 1 << 20));
      WebSocket served = await handed.First;
      Task last = SendUntilItWaits(socket, lent.Memory), next = socket.SendAsync("still open");
      lent.Dispose();
      while (!(await served.ReceiveAsync()).IsText) {
      }
      await Check.ThrowsAsync<ObjectDisposedException>(last);
      await next;
    }
  }

  static async Task TestACancelledSendLetsItsMemoryGo() {
    Handed handed = new Handed();
    const int size = 1 << 20, count = 64;
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync)) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url, new Options().Set("max_send_queue", size));
      Task last = SendUntilItWaits(socket, new byte[size]);
      long before = GC.GetTotalMemory(true);
      for (int i = 0; i < count; i++) {
        CancellationTokenSource source = new CancellationTokenSource();
        Task send = socket.SendAsync(new byte[size], source.Token);
        source.Cancel();
        await Check.ThrowsAsync<OperationCanceledException>(send);
      }
      long more = GC.GetTotalMemory(true) - before;
      Check.That(more < count * size / 4, more + " bytes are kept");
      socket.Abort();
      await Check.ThrowsAsync<ConnectionClosedException>(last);
    }
  }

  /// <summary>Whoever closes reads no more: the peer, which waits to be read, must not keep the Close from being
  /// heard.</summary>
  static async Task TestCloseWithAFullInbox() {
    TaskCompletionSource<bool> isFull = new TaskCompletionSource<bool>();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      Task last = SendUntilItWaits(socket, new byte[1 << 20]);
      isFull.SetResult(true);
      await last;
    })) {
      WebSocket client = await WebSocket.ConnectAsync(server.Url);
      await isFull.Task;
      await client.CloseAsync(3000);
      Check.Equal(3000, client.CloseCode);
    }
  }

  static async Task TestAServerClosesWithAFullInbox() {
    Handed handed = new Handed();
    WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync);
    WebSocket client = await WebSocket.ConnectAsync(server.Url, new Options().Set("max_send_queue", 1 << 20));
    WebSocket served = await handed.First;
    Task last = SendUntilItWaits(client, new byte[1 << 20]);
    await server.CloseAsync();
    Check.Equal(1001, served.CloseCode);
    await Check.ThrowsAsync<ConnectionClosedException>(last);
  }

  static async Task TestAReceiveThatIsCancelledLosesNothing() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync))
    using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) {
      CancellationTokenSource source = new CancellationTokenSource();
      Task<Message> waits = socket.ReceiveAsync(source.Token);
      source.Cancel();
      await Check.ThrowsAsync<OperationCanceledException>(waits);
      await Check.ThrowsAsync<OperationCanceledException>(socket.ReceiveAsync(source.Token));
      await Check.ThrowsAsync<OperationCanceledException>(socket.SendAsync("never", source.Token));
      await socket.SendAsync("here");
      Check.Equal("here", await TextAsync(socket));
    }
  }

  static async Task TestManyReceiversOfOneConnection() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync))
    using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) {
      Task<Message>[] waits = Enumerable.Range(0, 20).Select(_ => socket.ReceiveAsync()).ToArray();
      for (int i = 0; i < waits.Length; i++) await socket.SendAsync("" + i);
      string[] heard = (await Task.WhenAll(waits)).Select(message => message.Text).OrderBy(int.Parse).ToArray();
      Check.Equal(string.Join(",", Enumerable.Range(0, 20)), string.Join(",", heard));
    }
  }

  /// <summary>The listener takes the connection and says nothing.</summary>
  static async Task TestAConnectThatIsCancelled() {
    TcpListener listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
    listener.Start();
    CancellationTokenSource source = new CancellationTokenSource();
    Options patient = new Options().Set("handshake_timeout", -1);
    Task connect = WebSocket.ConnectAsync("ws://" + listener.LocalEndpoint + "/", patient, source.Token);
    using (TcpClient accepted = await listener.AcceptTcpClientAsync()) {
      source.Cancel();
      await Check.ThrowsAsync<OperationCanceledException>(connect);
      byte[] rest = new byte[4096];
      try {
        while (await accepted.GetStream().ReadAsync(rest, 0, rest.Length) > 0) {
        }
      } catch (IOException) {  // reset, which is an end, too
      }
    }
    listener.Stop();
    await Check.ThrowsAsync<OperationCanceledException>(WebSocket.ConnectAsync(Anywhere, null, source.Token));
  }

  static async Task TestAHandlerThatThrows() {
    TaskCompletionSource<Exception> told = new TaskCompletionSource<Exception>();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      throw new InvalidOperationException(await TextAsync(socket));
    }, null, (socket, error) => told.TrySetResult(error))) {
      WebSocket socket = await WebSocket.ConnectAsync(server.Url);
      await socket.SendAsync("why");
      Check.Equal(1011, (await Check.ThrowsAsync<ConnectionClosedException>(socket.ReceiveAsync())).CloseCode);
      Check.Equal("why", (await told.Task).Message);
    }
  }

  static async Task TestWithoutSomebodyToTellItIsWritten() {
    StringWriter written = new StringWriter();
    TextWriter error = Console.Error;
    Console.SetError(TextWriter.Synchronized(written));
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, _ => throw new InvalidOperationException("nobody hears")))
      await (await WebSocket.ConnectAsync(server.Url)).WaitClosedAsync();
    Console.SetError(error);
    Check.That(written.ToString().Contains("nobody hears"), written.ToString());
  }

  /// <summary>As the end of a connection is no fault of its handler.</summary>
  static async Task TestAHandlerWhoseConnectionEnds() {
    List<Exception> told = new List<Exception>();
    using (SemaphoreSlim ended = new SemaphoreSlim(0))
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      try {
        await socket.ReceiveAsync();
      } finally {
        ended.Release();
      }
    }, null, (socket, error) => told.Add(error))) {
      for (int i = 0; i < 20; i++) {  // while one is waited for, those before it would have told
        (await WebSocket.ConnectAsync(server.Url)).Abort();
        await ended.WaitAsync();
      }
    }
    Check.Equal(0, told.Count);
  }

  static async Task TestBroadcast() {
    List<WebSocket> clients = new List<WebSocket>();
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, socket => socket.WaitClosedAsync())) {
      Check.Equal(0L, await server.BroadcastAsync("nobody"));
      for (int i = 0; i < 10; i++) clients.Add(await WebSocket.ConnectAsync(server.Url));
      await (await WebSocket.ConnectAsync(server.Url)).CloseAsync();  // since then the server knows of all those before
      Check.Equal(10L, await server.BroadcastAsync("to all ⚓"));
      Check.Equal(10L, await server.BroadcastAsync(new byte[] {1}));
      await Check.FailsAsync(Api.ERR_UTF8, server.BroadcastAsync("\uD800"));
      foreach (WebSocket client in clients) {
        Check.Equal("to all ⚓", await TextAsync(client));
        Check.EqualBytes(new byte[] {1}, (await client.ReceiveAsync()).Data);
      }
    }
    foreach (WebSocket client in clients) {
      Check.Equal(null, await client.ReceiveAsync());
      Check.Equal(1001, client.CloseCode);
    }
  }

  static async Task TestAServerSaysAllBeforeItEnds() {
    Handed handed = new Handed();
    WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync);
    WebSocket client = await WebSocket.ConnectAsync(server.Url), served = await handed.First;
    Check.That(!server.Completion.IsCompleted, "it has not ended");
    for (int i = 0; i < 50; i++) await served.SendAsync("" + i);
    await server.CloseAsync();
    await server.CloseAsync();
    await server.DisposeAsync();
    server.Dispose();
    await server.Completion;
    for (int i = 0; i < 50; i++) Check.Equal("" + i, await TextAsync(client));
    Check.Equal(null, await client.ReceiveAsync());
    Check.Equal(1001, client.CloseCode);
    await Check.ThrowsAsync<ConnectionClosedException>(served.SendAsync("late"));
    await Check.ThrowsAsync<ConnectionClosedException>(served.PingAsync());
    await Check.FailsAsync(Api.ERR_CLOSED, server.BroadcastAsync("late"));
    Check.Equal("/", served.Path);
  }

  static async Task TestDeadlinesOfAllKinds() {
    foreach (TimeSpan deadline in new[] {TimeSpan.FromMilliseconds(-5), TimeSpan.Zero, TimeSpan.MaxValue}) {
      WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync);
      await WebSocket.ConnectAsync(server.Url);
      await server.CloseAsync(deadline);
    }
  }

  /// <summary>One whose client reads nothing, and so hears of no Close.</summary>
  static async Task TestTheDeadlineCutsOff() {
    TaskCompletionSource<bool> isFull = new TaskCompletionSource<bool>();
    WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      Task send = Task.CompletedTask;
      while (send.IsCompleted) send = socket.SendAsync(new byte[1 << 20]);
      isFull.SetResult(true);
      await send;
    });
    WebSocket client = await WebSocket.ConnectAsync(server.Url);
    await isFull.Task;
    await server.CloseAsync(TimeSpan.Zero);
    await Check.ThrowsAsync<ConnectionClosedException>(ReadToEndAsync(client));
  }

  /// <summary>The client answers the Close when it has come, and not before.</summary>
  static async Task TestAnInfiniteDeadlineCutsNothingOff() {
    Handed handed = new Handed();
    WebSocketServer server = WebSocketServer.Serve(Anywhere, handed.HandleAsync);
    using (NetworkStream client = ConnectBytes(server.Url)) {
      WebSocket served = await handed.First;
      Task close = server.CloseAsync(Timeout.InfiniteTimeSpan);
      Check.EqualBytes(new byte[] {0x88, 2, 1001 >> 8, 1001 & 0xFF}, Read(client, 4));
      Write(client, 0x88, 0x82, 0, 0, 0, 0, 1001 >> 8, 1001 & 0xFF);
      await close;
      Check.Equal(1001, served.CloseCode);
    }
  }

  private static async Task ReadToEndAsync(WebSocket socket) {
    while (await socket.ReceiveAsync() != null) {
    }
  }

  static async Task TestAHandlerMayCloseItsServer() {
    WebSocketServer server = null;
    server = WebSocketServer.Serve(Anywhere, async socket => {
      if (await TextAsync(socket) == "all") server.Dispose();
    });
    WebSocket first = await WebSocket.ConnectAsync(server.Url), second = await WebSocket.ConnectAsync(server.Url);
    await first.SendAsync("me");
    await first.WaitClosedAsync();
    Check.Equal(1000, first.CloseCode);
    await second.SendAsync("all");
    await second.WaitClosedAsync();
    Check.Equal(1001, second.CloseCode);
    await server.Completion;
  }

  /// <summary>Whoever waits in a handler, or in what follows an await, holds up nobody else.</summary>
  static async Task TestBlockingCodeDoesNotBlockTheLoop() {
    using (ManualResetEventSlim gate = new ManualResetEventSlim())
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, async socket => {
      string text = await TextAsync(socket);
      if (text == "block") gate.Wait();
      await socket.SendAsync(text);
    })) {
      WebSocket blocked = await WebSocket.ConnectAsync(server.Url), other = await WebSocket.ConnectAsync(server.Url);
      Task blocks = blocked.ReceiveAsync().ContinueWith(_ => gate.Wait(), TaskContinuationOptions.ExecuteSynchronously);
      await blocked.SendAsync("block");
      await other.SendAsync("go on");
      Check.Equal("go on", await TextAsync(other));
      gate.Set();
      await blocks;
    }
  }

  static async Task TestManyConnections() {
    using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync)) {
      await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ => {
        using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) {
          for (int i = 0; i < 20; i++) {
            await socket.SendAsync("" + i);
            Check.Equal("" + i, await TextAsync(socket));
          }
          await socket.CloseAsync();
        }
      }));
    }
  }

  /// <summary>They would make a reader hear half a character, and leave handshakes without an answer.</summary>
  static async Task TestOptionsOfTheRawLayerAreRefused() {
    foreach (string name in new[] {"parts", "requests"}) {
      Options options = new Options().Set(name, true);
      Check.Fails(Api.ERR_OPTION, () => WebSocketServer.Serve(Anywhere, EchoAsync, options));
      await Check.FailsAsync(Api.ERR_OPTION, WebSocket.ConnectAsync("ws://127.0.0.1:1/", options));
      WebSocketServer.Serve(Anywhere, EchoAsync, options.Set(name, false)).Dispose();
    }
  }

  private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

  static async Task TestServersLeaveNoDescriptors() {
    int before = 0;
    for (int i = 0; i < 20; i++) {
      using (WebSocketServer server = WebSocketServer.Serve(Anywhere, EchoAsync))
      using (WebSocket socket = await WebSocket.ConnectAsync(server.Url)) await socket.CloseAsync();
      Check.Fails(Api.ERR_URL, () => WebSocketServer.Serve("nowhere", EchoAsync));
      if (i == 9) before = Descriptors();
    }
    Check.Equal(before, Descriptors());
  }

  static async Task TestASecureServer() {
    string folder = Environment.GetEnvironmentVariable("HAWSER_CERTIFICATES");
    if (folder == null) {
      Console.WriteLine("skipped: HAWSER_CERTIFICATES does not name a folder");
      return;
    }
    Options options = new Options().Set("tls_certificate", folder + "/server.pem").Set("tls_key", folder + "/server.key");
    using (WebSocketServer server = WebSocketServer.Serve("wss://127.0.0.1:0/", EchoAsync, options)) {
      Check.That(server.Url.StartsWith("wss://127.0.0.1:", StringComparison.Ordinal), server.Url);
      Check.Equal(Api.ERR_TLS, (await Check.ThrowsAsync<ConnectionClosedException>(WebSocket.ConnectAsync(server.Url))).Code);
      WebSocket socket = await WebSocket.ConnectAsync(server.Url, new Options().Set("tls_ca_file", folder + "/root.pem"));
      await socket.SendAsync("secret");
      Check.Equal("secret", await TextAsync(socket));
      await socket.CloseAsync();
    }
  }
}
