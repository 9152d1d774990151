using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Hawser {
  /// <summary>A connection. Its methods may be called from any thread. What waits for the peer is a Task, and goes on
  /// in the thread pool. ConnectAsync and WebSocketServer make it.</summary>
  public sealed class WebSocket : IAsyncEnumerable<Message>, IAsyncDisposable, IDisposable {
    /// <summary>What an application may leave unread before its peer is read no further.</summary>
    private const int MostMessages = 64, MostBytes = 1 << 20;

    private readonly Loop loop;
    private readonly Manager manager;
    private readonly long id;
    private readonly TaskCompletionSource<bool> opened = Waits.NewSource<bool>(), ended = Waits.NewSource<bool>();
    private string[] headers;

    private readonly object gate = new object();  // guards what follows; calls that keep their order are made under it
    private readonly Queue<Message> inbox = new Queue<Message>();
    private readonly Queue<Turn> turns = new Queue<Turn>();
    private readonly Queue<TaskCompletionSource<bool>> pings = new Queue<TaskCompletionSource<bool>>();  // to lastPing
    private TaskCompletionSource<bool> news;  // for those who wait for a message, or the end
    private int unread;  // bytes in the inbox
    private bool isPaused, isClosing;
    private volatile ConnectionClosedException end;
    private long lastPing;  // of the loop's thread

    /// <summary>A call that waits for room in the send queue.</summary>
    private sealed class Turn {
      internal Action Call;
      internal readonly TaskCompletionSource<bool> Accepted = Waits.NewSource<bool>();

      internal Turn(Action call) {
        Call = call;
      }
    }

    internal WebSocket(Loop loop, long id) {
      this.loop = loop;
      this.id = id;
      manager = loop.Manager;
    }

    /// <summary>Connects to a ws:// or wss:// URL. ConnectionClosedException: it can't be opened; HawserException: it
    /// can't be tried.</summary>
    /// <param name="options">may be null: the library's defaults. They belong to the call until its task is
    /// complete</param>
    public static async Task<WebSocket> ConnectAsync(string url, Options options = null,
                                                     CancellationToken token = default(CancellationToken)) {
      if (url == null) throw new ArgumentNullException(nameof(url));
      token.ThrowIfCancellationRequested();
      Options.RefuseRaw(options);
      Loop loop = Loop.OfClients();
      WebSocket socket = await loop.CallAsync(() => loop.Connect(url, options)).ConfigureAwait(false);
      try {
        await socket.opened.Task.OrCancelled(token).ConfigureAwait(false);
      } catch {
        socket.Abort();
        throw;
      }
      return socket.HasOpened ? socket : throw socket.Why();
    }

    /// <summary>The request target, path and query as they came: "/chat?room=1".</summary>
    public string Path { get; private set; }

    /// <summary>The subprotocol agreed on; null if none.</summary>
    public string Subprotocol { get; private set; }

    /// <summary>The extensions agreed on; null if none.</summary>
    public string Extensions { get; private set; }

    /// <summary>"192.0.2.1:50000" or "[2001:db8::1]:50000".</summary>
    public string PeerAddress { get; private set; }

    /// <summary>The value of the peer's header field, of any case, the first one; null if there is none.</summary>
    public string Header(string name) {
      string begin = name + ": ";
      string found = headers.FirstOrDefault(line => line.StartsWith(begin, StringComparison.OrdinalIgnoreCase));
      return found?.Substring(begin.Length);
    }

    /// <summary>The peer's close code once the connection has ended; null before.</summary>
    public int? CloseCode => end?.CloseCode;

    /// <summary>The peer's close reason, likewise.</summary>
    public string CloseReason => end?.Reason;

    internal bool HasEnded => end != null;

    private bool HasOpened => opened.Task.Result;

    // ---- receiving ----

    /// <summary>The next message; null when the connection was closed with 1000, 1001 or no code and none is left.
    /// ConnectionClosedException when it ended in any other way. May be cancelled without loss.</summary>
    public async Task<Message> ReceiveAsync(CancellationToken token = default(CancellationToken)) {
      token.ThrowIfCancellationRequested();
      while (true) {
        Task next;
        lock (gate) {
          if (inbox.Count > 0) return TakeMessage();
          if (end != null) return IsQuiet(end) ? (Message)null : throw Why();
          next = (news ?? (news = Waits.NewSource<bool>())).Task;
        }
        await next.OrCancelled(token).ConfigureAwait(false);
      }
    }

    /// <summary><c>await foreach (Message message in socket)</c>: ReceiveAsync until it returns null.</summary>
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken token = default(CancellationToken)) {
      return new Enumerator(this, token);
    }

    private sealed class Enumerator : IAsyncEnumerator<Message> {
      private readonly WebSocket socket;
      private readonly CancellationToken token;

      internal Enumerator(WebSocket socket, CancellationToken token) {
        this.socket = socket;
        this.token = token;
      }

      public Message Current { get; private set; }

      public async ValueTask<bool> MoveNextAsync() {
        Current = await socket.ReceiveAsync(token).ConfigureAwait(false);
        return Current != null;
      }

      public ValueTask DisposeAsync() {
        return default(ValueTask);
      }
    }

    /// <summary>RFC 6455 7.4.1: nothing went wrong. 1005 is what the close() of a browser sends.</summary>
    private static bool IsQuiet(ConnectionClosedException end) {
      return end.CloseCode == 1000 || end.CloseCode == 1001 || end.CloseCode == 1005;
    }

    private Message TakeMessage() {
      Message message = inbox.Dequeue();
      unread -= message.Data.Length;
      if (isPaused && unread <= MostBytes / 4 && inbox.Count <= MostMessages / 4) Resume();
      return message;
    }

    private void Resume() {
      isPaused = false;
      loop.Post(() => {
        lock (gate)
          if (!isPaused) manager.Resume(id);  // else the inbox is full again
      });
    }

    // ---- sending ----

    /// <summary>Sends a text message. The task is complete when the library has accepted it: at once, or, while more
    /// than the option max_send_queue waits to be sent, when the peer has read. ConnectionClosedException if it has
    /// ended or ends first. A surrogate without its pair is ERR_UTF8. A message that is cancelled is not
    /// sent.</summary>
    public Task SendAsync(string text, CancellationToken token = default(CancellationToken)) {
      try {
        return SendAsync(Api.TEXT, Text.Utf8(text), token);
      } catch (HawserException e) {
        return Task.FromException(e);
      }
    }

    /// <summary>Likewise a binary message. The memory may be used again when the task is complete.</summary>
    public Task SendAsync(ReadOnlyMemory<byte> data, CancellationToken token = default(CancellationToken)) {
      return SendAsync(Api.BINARY, data, token);
    }

    public Task SendAsync(byte[] data, CancellationToken token = default(CancellationToken)) {
      return SendAsync(Api.BINARY, data ?? throw new ArgumentNullException(nameof(data)), token);
    }

    private Task SendAsync(int opcode, ReadOnlyMemory<byte> data, CancellationToken token) {
      return InOrder(() => manager.Send(id, opcode, data.Span), token);
    }

    /// <summary>Sends a ping and waits for its pong. Pings that keep the connection alive are sent by
    /// themselves.</summary>
    public async Task PingAsync(CancellationToken token = default(CancellationToken)) {
      TaskCompletionSource<bool> pong = Waits.NewSource<bool>();
      await OrWhy(loop.CallAsync(() => InOrder(() => Ping(pong), token)).Unwrap(), token).ConfigureAwait(false);
      await pong.Task.OrCancelled(token).ConfigureAwait(false);
      if (!pong.Task.Result) throw Why();
    }

    /// <summary>By the loop's thread: no pong can come before it is waited for.</summary>
    private void Ping(TaskCompletionSource<bool> pong) {
      manager.Ping(id, BitConverter.GetBytes(lastPing + 1));
      lastPing++;
      pings.Enqueue(pong);
    }

    /// <summary>Makes the call, or lets it wait behind those that wait for DRAIN.</summary>
    private Task InOrder(Action call, CancellationToken token) {
      if (token.IsCancellationRequested) return Task.FromCanceled(token);
      Turn turn = new Turn(call);
      lock (gate) {
        if (end != null) return Task.FromException(Why());
        try {
          if (turns.Count == 0 && IsAccepted(call)) return Task.CompletedTask;
        } catch (HawserException e) {
          return OrWhy(Task.FromException(e), token);
        }
        turns.Enqueue(turn);
      }
      return WaitFor(turn, token);
    }

    private static bool IsAccepted(Action call) {
      try {
        call();
        return true;
      } catch (HawserException e) when (e.Code == Api.ERR_WOULD_BLOCK) {
        return false;
      }
    }

    private async Task WaitFor(Turn turn, CancellationToken token) {
      using (token.Register(() => GiveUp(turn, token))) await OrWhy(turn.Accepted.Task, token).ConfigureAwait(false);
    }

    /// <summary>It stays where it is until its turn comes, but what it was to send is let go.</summary>
    private void GiveUp(Turn turn, CancellationToken token) {
      lock (gate)
        if (turn.Accepted.TrySetCanceled(token)) turn.Call = null;
    }

    /// <summary>One kind of exception says that it has ended: the one that knows why, which may be still to
    /// come.</summary>
    private async Task OrWhy(Task task, CancellationToken token) {
      try {
        await task.ConfigureAwait(false);
      } catch (HawserException e) when (Loop.SaysItHasEnded(e)) {
        await ended.Task.OrCancelled(token).ConfigureAwait(false);
        throw Why();
      }
    }

    // ---- the end ----

    /// <summary>Starts the closing handshake, behind what was sent before, and waits for the end: from when the Close has
    /// left, the option close_timeout at most. Messages that come from now on are dropped. Does nothing if the connection
    /// has ended.
    /// code: 1000-1003, 1007-1014 or 3000-4999; reason: up to 123 bytes of UTF-8, or null.</summary>
    public async Task CloseAsync(int code = 1000, string reason = null,
                                 CancellationToken token = default(CancellationToken)) {
      try {
        await InOrder(() => BeginClose(code, reason), token).ConfigureAwait(false);
      } catch (ConnectionClosedException) {
        return;
      }
      await ended.Task.OrCancelled(token).ConfigureAwait(false);
    }

    private void BeginClose(int code, string reason) {
      manager.Close(id, code, reason);
      OnClosing();
    }

    /// <summary>Nothing more is to be read but the peer's Close, which is behind what it sent.</summary>
    internal void OnClosing() {
      lock (gate) {
        isClosing = true;
        if (isPaused) Resume();
      }
    }

    /// <summary>Ends the TCP connection at once, unsent bytes and all, without a Close frame.</summary>
    public void Abort() {
      if (end == null) loop.Post(() => manager.Abort(id));
    }

    /// <summary>Waits for the end, whoever brings it about.</summary>
    public Task WaitClosedAsync(CancellationToken token = default(CancellationToken)) {
      return ended.Task.OrCancelled(token);
    }

    /// <summary>CloseAsync with 1000.</summary>
    public ValueTask DisposeAsync() {
      return new ValueTask(CloseAsync());
    }

    /// <summary>Abort, if it has not ended: call CloseAsync before.</summary>
    public void Dispose() {
      Abort();
    }

    private ConnectionClosedException Why() {
      return new ConnectionClosedException(end);
    }

    // ---- events, in the loop's thread ----

    internal void OnOpen() {
      Path = manager.Path(id);
      Subprotocol = manager.Subprotocol(id);
      Extensions = manager.Extensions(id);
      PeerAddress = manager.PeerAddress(id);
      headers = Headers().ToArray();
      opened.SetResult(true);
    }

    private IEnumerable<string> Headers() {
      for (int i = 0; manager.HeaderAt(id, i) is string line; i++) yield return line;
    }

    internal void OnMessage(Message message) {
      lock (gate) {
        if (isClosing) return;
        inbox.Enqueue(message);
        unread += message.Data.Length;
        TellNews();
        if (isPaused || (unread <= MostBytes && inbox.Count < MostMessages)) return;
        isPaused = true;
        Loop.IgnoreEnd(() => manager.Pause(id));
      }
    }

    private void TellNews() {
      news?.SetResult(true);
      news = null;
    }

    /// <summary>There is room again: the calls that wait are made until one is refused, for which another DRAIN
    /// follows.</summary>
    internal void OnDrain() {
      lock (gate)
        while (turns.Count > 0 && IsMade(turns.Peek())) turns.Dequeue();
    }

    /// <summary>Unless it was given up, which happens under the gate as well. False: there is no room.</summary>
    private static bool IsMade(Turn turn) {
      if (turn.Accepted.Task.IsCompleted) return true;
      try {
        if (!IsAccepted(turn.Call)) return false;
        turn.Accepted.SetResult(true);
      } catch (Exception e) {  // not only ours: the memory may be gone that was to stay until now
        turn.Accepted.SetException(e);
      }
      return true;
    }

    /// <summary>It may answer for the pings before its own as well (RFC 6455 5.5.3).</summary>
    internal void OnPong(byte[] data) {
      long number = data.Length == sizeof(long) ? BitConverter.ToInt64(data, 0) : 0;
      if (number < 1 || number > lastPing) return;
      lock (gate)
        while (pings.Count > lastPing - number) pings.Dequeue().SetResult(true);
    }

    internal void OnEnd(ConnectionClosedException why) {
      lock (gate) {
        end = why;
        TellNews();
        foreach (Turn turn in turns) turn.Accepted.TrySetException(Why());
        foreach (TaskCompletionSource<bool> pong in pings) pong.SetResult(false);
      }
      opened.TrySetResult(false);
      ended.SetResult(true);
    }
  }
}
