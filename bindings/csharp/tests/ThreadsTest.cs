using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Hawser;

/// <summary>Many threads at one manager: what may be, what is refused, and nothing that crashes.</summary>
static class ThreadsTest {
  private const int Threads = 8, Messages = 1000;

  private static int Main() => Check.RunAll(typeof(ThreadsTest));

  private static Thread Start(Action run) {
    Thread thread = new Thread(() => run());
    thread.Start();
    return thread;
  }

  /// <summary>Until the manager is disposed of; other errors are what a thread may meet on the way.</summary>
  private static void Repeat(Action call) {
    while (true) {
      try {
        call();
      } catch (HawserException) {
      } catch (ObjectDisposedException) {
        return;
      }
    }
  }

  static void TestEachThreadsMessagesArriveInItsOrder() {
    using (Pair pair = new Pair()) {
      List<Thread> threads = Enumerable.Range(0, Threads).Select(t => Start(() => {
        for (int i = 0; i < Messages; i++) pair.Manager.Send(pair.Client, t + " " + i);
      })).ToList();
      int[] next = new int[Threads];
      for (int i = 0; i < Threads * Messages; i++) {
        string[] words = pair.Take(Api.EVENT_MESSAGE).Text.Split(' ');
        Check.Equal(next[int.Parse(words[0])]++, int.Parse(words[1]));
      }
      foreach (Thread thread in threads) thread.Join();
    }
  }

  static void TestCallsDuringAPollAreRefused() {
    Manager manager = new Manager();
    Thread poller = Start(() => Repeat(() => manager.Poll(-1)));
    HawserException busy = null;
    while (busy == null) {
      try {
        manager.Stat("connections");  // it may come before the poll
      } catch (HawserException e) {
        busy = e;
      }
    }
    Check.Equal(Api.ERR_BUSY, busy.Code);
    manager.Wake();
    manager.Dispose();
    poller.Join();
  }

  static void TestDisposeEndsAPollThatWaits() {
    Manager manager = new Manager();
    ManualResetEventSlim begun = new ManualResetEventSlim();
    Exception end = null;
    Thread poller = Start(() => {
      begun.Set();
      try {
        while (true) manager.Poll(-1);
      } catch (Exception e) {
        end = e;
      }
    });
    begun.Wait();
    manager.Dispose();
    poller.Join();
    Check.That(end is ObjectDisposedException, "" + end);
  }

  static void TestDisposeAmidAllOtherCalls() {
    byte[] data = new byte[5000];
    for (int round = 0; round < 50; round++) {
      Pair pair = new Pair();
      Manager manager = pair.Manager;
      ManualResetEventSlim begun = new ManualResetEventSlim();
      Action[] calls = {
        () => {
          if (manager.Poll(-1).Any(e => e.Kind == Api.EVENT_MESSAGE)) begun.Set();
        },
        () => manager.Send(pair.Client, Api.BINARY, data), () => manager.Send(pair.Server, "text"), manager.Wake,
        () => manager.Close(pair.Listener, 0), () => manager.Path(pair.Server)};
      List<Thread> threads = calls.Select(call => Start(() => Repeat(call))).ToList();
      begun.Wait();
      manager.Dispose();
      foreach (Thread thread in threads) thread.Join();
    }
  }

  static void TestManyDispose() {
    for (int round = 0; round < 50; round++) {
      Pair pair = new Pair();
      List<Thread> threads = Enumerable.Range(0, Threads).Select(_ => Start(pair.Dispose)).ToList();
      foreach (Thread thread in threads) thread.Join();
      Check.Throws<ObjectDisposedException>(() => pair.Manager.Poll(0));
    }
  }

  static void TestOptionsOfManyThreads() {
    using (Options options = new Options()) {
      List<Thread> threads = Enumerable.Range(0, Threads).Select(t => Start(() => {
        for (int i = 0; i < 10 * Messages; i++) {
          options.Set("subprotocols", new string('x', 1 + i % 100));
          if (i % 500 != 0) continue;
          options.AddHeader("X-Thread", "" + t);
          new Manager(options).Dispose();
        }
      })).ToList();
      foreach (Thread thread in threads) thread.Join();
    }
  }
}
