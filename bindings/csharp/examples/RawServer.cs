using System;
using System.Threading;
using Hawser;

/// <summary>An echo server on the raw layer, whose loop is a thread of its own.</summary>
static class RawServer {
  static void Main(string[] arguments) {
    using (Options options = new Options().Set("pause_above", 1 << 20))  // who does not read the echo is read no further
    using (Manager manager = new Manager(options)) {
      long listener = manager.Listen(arguments.Length > 0 ? arguments[0] : "ws://127.0.0.1:9001/");
      Console.WriteLine("listening on ws://" + manager.LocalAddress(listener) + "/");
      Thread thread = new Thread(() => Run(manager));
      thread.Start();
      thread.Join();
    }
  }

  static void Run(Manager manager) {
    while (true) {
      foreach (Event e in manager.Poll(-1)) {
        try {
          if (e.Kind == Api.EVENT_MESSAGE) manager.Send(e.Connection, e.Opcode, e.Data);
        } catch (HawserException) {  // it has ended meanwhile: its CLOSE follows
        }
      }
    }
  }
}
