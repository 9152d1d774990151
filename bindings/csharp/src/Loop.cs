using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace Hawser {
  /// <summary>A manager and the thread that polls it. No code of the application runs in that thread.</summary>
  sealed class Loop {
    private static readonly object Gate = new object();
    private static Loop shared;

    internal readonly Manager Manager;
    private readonly Action<WebSocket> accept;
    private readonly Dictionary<long, WebSocket> sockets = new Dictionary<long, WebSocket>();  // of the thread alone
    private bool isDraining;  // likewise
    private readonly ConcurrentQueue<Action> tasks = new ConcurrentQueue<Action>();  // for the thread
    private volatile bool isEnded;
    private readonly Thread thread;
    private readonly TaskCompletionSource<bool> completion = Waits.NewSource<bool>();

    /// <summary>Mono forgets to end a thread of its pool that goes idle just then, and waits for it, for up to a minute.
    /// Programs that use tasks often end when a last one has, so let it.</summary>
    static Loop() {
      if (Type.GetType("Mono.Runtime") != null) AppDomain.CurrentDomain.ProcessExit += (sender, e) => Thread.Sleep(10);
    }

    /// <param name="accept">is told of a connection that a listener has accepted; null if none listens</param>
    internal Loop(Manager manager, Action<WebSocket> accept) {
      Manager = manager;
      this.accept = accept;
      thread = new Thread(Run) { IsBackground = true, Name = "hawser" };
    }

    /// <summary>That of all clients of the process. Another one if it has failed: memory or descriptors may be there
    /// again.</summary>
    internal static Loop OfClients() {
      lock (Gate) {
        if (shared != null && !shared.isEnded) return shared;
        using (Options options = new Options().Set("pongs", true)) {
          Loop loop = new Loop(new Manager(options), null);
          loop.Start();
          return shared = loop;
        }
      }
    }

    internal void Start() {
      thread.Start();
    }

    /// <summary>Waits until the thread has ended, for as long at most. It takes no other thread, as Completion would: who
    /// blocks one of the pool may have taken the last one.</summary>
    internal bool Join(TimeSpan patience) {
      return thread.Join(patience);
    }

    /// <summary>Complete when the thread has ended; faulted if a poll has failed.</summary>
    internal Task Completion => completion.Task;

    /// <summary>Any thread. The call is made by the loop's thread.</summary>
    internal Task<T> CallAsync<T>(Func<T> call) {
      TaskCompletionSource<T> source = Waits.NewSource<T>();
      tasks.Enqueue(() => {
        try {
          if (isEnded) throw new HawserException(Api.ERR_CLOSED);
          source.SetResult(call());
        } catch (Exception e) {
          source.SetException(e);
        }
      });
      Wake();
      return source.Task;
    }

    /// <summary>Likewise, of what nobody waits for. That the connection has ended is no error of whoever wants an
    /// end.</summary>
    internal void Post(Action call) {
      tasks.Enqueue(() => {
        if (!isEnded) IgnoreEnd(call);
      });
      Wake();
    }

    internal static void IgnoreEnd(Action call) {
      try {
        call();
      } catch (HawserException e) when (SaysItHasEnded(e)) {
      }
    }

    /// <summary>The library knows of an end, whose CLOSE may be still to come.</summary>
    internal static bool SaysItHasEnded(HawserException error) {
      return error.Code == Api.ERR_CLOSED || error.Code == Api.ERR_STALE;
    }

    private void Wake() {
      try {
        if (!isEnded) Manager.Wake();
      } catch (ObjectDisposedException) {
      }
      if (isEnded) RunTasks();  // the thread may have gone without this one
    }

    /// <summary>By the loop's thread.</summary>
    internal WebSocket Connect(string url, Options options) {
      long id = Manager.Connect(url, options);
      return sockets[id] = new WebSocket(this, id);
    }

    /// <summary>By the loop's thread.</summary>
    internal long Broadcast(long listener, int opcode, ReadOnlyMemory<byte> data) {
      return isDraining ? throw new HawserException(Api.ERR_CLOSED) : Manager.Broadcast(listener, 0, opcode, data.Span);
    }

    /// <summary>By the loop's thread, which ends when all connections have. deadline: 0 cuts off those that are left,
    /// -1 none.</summary>
    internal void Drain(int deadline) {
      Manager.Drain(deadline);
      isDraining = true;
      foreach (WebSocket socket in sockets.Values) socket.OnClosing();
    }

    private void Run() {
      HawserException failure = null;
      try {
        Event[] events;
        do {
          events = Manager.Poll(-1);
          foreach (Event e in events) Handle(e);
          RunTasks();
        } while (!isDraining || events.Length > 0 || Manager.Stat("connections") > 0);
      } catch (HawserException e) {  // of poll: memory or descriptors have run out
        failure = e;
      } catch (OutOfMemoryException) {  // of C#: the events of a batch are lost
        failure = new HawserException(Api.ERR_NO_MEMORY);
      }
      End(failure);
    }

    private void RunTasks() {
      while (tasks.TryDequeue(out Action task)) task();
    }

    private void End(HawserException failure) {
      isEnded = true;
      int code = failure?.Code ?? Api.ERR_CLOSED;
      string words = failure?.Message ?? "the loop has ended";
      foreach (WebSocket socket in sockets.Values) socket.OnEnd(new ConnectionClosedException(code, words));
      Manager.Dispose();  // now that none of them calls it any more
      RunTasks();
      if (failure == null)
        completion.SetResult(true);
      else
        completion.SetException(failure);
    }

    private void Handle(Event e) {
      if (e.Kind == Api.EVENT_OPEN && e.Listener != 0) sockets[e.Connection] = new WebSocket(this, e.Connection);
      if (!sockets.TryGetValue(e.Connection, out WebSocket socket)) return;  // of a listener
      switch (e.Kind) {
        case Api.EVENT_OPEN:
          socket.OnOpen();
          if (e.Listener != 0) accept(socket);
          break;
        case Api.EVENT_MESSAGE:
          socket.OnMessage(new Message(e.Opcode == Api.TEXT, e.Data));
          break;
        case Api.EVENT_DRAIN:
          socket.OnDrain();
          break;
        case Api.EVENT_PONG:
          socket.OnPong(e.Data);
          break;
        case Api.EVENT_CLOSE:
          sockets.Remove(e.Connection);
          socket.OnEnd(new ConnectionClosedException(e));
          break;
      }
    }
  }
}
