using System;
using System.Threading;
using System.Threading.Tasks;

namespace Hawser {
  /// <summary>Accepts connections. One background thread serves all those of a server. Its methods may be called from
  /// any thread.</summary>
  public sealed class WebSocketServer : IAsyncDisposable, IDisposable {
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Loop loop;
    private readonly Func<WebSocket, Task> handler;
    private readonly Action<WebSocket, Exception> failed;
    private readonly long listener;

    /// <summary>Listens at a ws:// or wss:// URL whose host is an address or "localhost"; port 0 takes a free one,
    /// which Url tells. Its path is not matched: see WebSocket.Path. HawserException ERR_URL, ERR_LISTEN, ERR_TLS ...:
    /// it can't listen there.</summary>
    /// <param name="handler">called with each connection, in the thread pool; when it ends the connection is closed,
    /// with 1000, or with 1011 if it throws</param>
    /// <param name="options">for the server and all its connections; may be null</param>
    /// <param name="failed">is told what a handler has thrown; null: that is written to the standard error</param>
    public static WebSocketServer Serve(string url, Func<WebSocket, Task> handler, Options options = null,
                                        Action<WebSocket, Exception> failed = null) {
      if (url == null) throw new ArgumentNullException(nameof(url));
      if (handler == null) throw new ArgumentNullException(nameof(handler));
      Options.RefuseRaw(options);
      Manager manager = new Manager(options);
      try {
        return new WebSocketServer(manager, url, handler, failed);
      } catch {
        manager.Dispose();
        throw;
      }
    }

    private WebSocketServer(Manager manager, string url, Func<WebSocket, Task> handler, Action<WebSocket, Exception> failed) {
      this.handler = handler;
      this.failed = failed ?? ((socket, error) => Console.Error.WriteLine("hawser: a handler failed: " + error));
      using (Options options = new Options().Set("pongs", true)) listener = manager.Listen(url, options);
      Url = url.Substring(0, url.IndexOf(':')) + "://" + manager.LocalAddress(listener) + "/";
      loop = new Loop(manager, socket => Task.Run(() => HandleAsync(socket)));
      loop.Start();
    }

    /// <summary>"ws://127.0.0.1:9001/": with the port that it has.</summary>
    public string Url { get; }

    /// <summary>Complete when the server has been closed and its connections have ended; faulted if its thread has
    /// failed.</summary>
    public Task Completion => loop.Completion;

    /// <summary>Sends a message to every open connection, framed once. The task has how many accepted it; those whose
    /// queue is full are closed with 1013 (the option slow_reader). ERR_CLOSED: the server is closed.</summary>
    public async Task<long> BroadcastAsync(string text) {
      byte[] data = Text.Utf8(text);
      return await loop.CallAsync(() => loop.Broadcast(listener, Api.TEXT, data)).ConfigureAwait(false);
    }

    public Task<long> BroadcastAsync(ReadOnlyMemory<byte> data) {
      return loop.CallAsync(() => loop.Broadcast(listener, Api.BINARY, data));
    }

    public Task<long> BroadcastAsync(byte[] data) {
      return BroadcastAsync(new ReadOnlyMemory<byte>(data ?? throw new ArgumentNullException(nameof(data))));
    }

    /// <summary>Ends in good order: listens no more, closes all connections with 1001 behind what was sent before, and
    /// waits until they have ended. What is left at the deadline, five seconds if it is null, is cut off; with
    /// Timeout.InfiniteTimeSpan nothing is, but by its own deadlines. Handlers are not waited for.</summary>
    public async Task CloseAsync(TimeSpan? deadline = null) {
      double milliseconds = Math.Min(Math.Max((deadline ?? Patience).TotalMilliseconds, 0), int.MaxValue);
      if (deadline == Timeout.InfiniteTimeSpan) milliseconds = Timeout.Infinite;
      loop.Post(() => loop.Drain(-1));
      using (CancellationTokenSource source = new CancellationTokenSource()) {
        await Task.WhenAny(loop.Completion, Task.Delay((int)milliseconds, source.Token)).ConfigureAwait(false);
        source.Cancel();
      }
      loop.Post(() => loop.Drain(0));
      await loop.Completion.ConfigureAwait(false);
    }

    /// <summary>CloseAsync within five seconds.</summary>
    public ValueTask DisposeAsync() {
      return new ValueTask(CloseAsync());
    }

    /// <summary>As CloseAsync within five seconds, but it blocks meanwhile.</summary>
    public void Dispose() {
      loop.Post(() => loop.Drain(-1));
      if (loop.Join(Patience)) return;
      loop.Post(() => loop.Drain(0));
      loop.Join(Timeout.InfiniteTimeSpan);
    }

    private async Task HandleAsync(WebSocket socket) {
      int code = 1011;  // RFC 6455 7.4.1: "an unexpected condition"
      try {
        await handler(socket).ConfigureAwait(false);
        code = 1000;
      } catch (ConnectionClosedException) when (socket.HasEnded) {
      } catch (Exception e) {
        Tell(socket, e);
      }
      await socket.CloseAsync(code).ConfigureAwait(false);
    }

    private void Tell(WebSocket socket, Exception error) {
      try {
        failed(socket, error);
      } catch (Exception e) {  // nobody else is there to hear it
        Console.Error.WriteLine("hawser: " + e);
      }
    }
  }
}
