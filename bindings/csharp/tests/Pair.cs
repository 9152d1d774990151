using System;
using System.Collections.Generic;
using Hawser;

/// <summary>A manager that is connected with itself.</summary>
sealed class Pair : IDisposable {
  internal readonly Manager Manager;
  internal readonly long Listener, Client, Server;
  private readonly Queue<Event> events = new Queue<Event>();

  internal Pair(Options options = null) {
    Manager = new Manager(options);
    Listener = Manager.Listen("ws://127.0.0.1:0/");
    Client = Manager.Connect("ws://" + Manager.LocalAddress(Listener) + "/");
    for (int opened = 0; opened < 2; opened++) {
      Event open = Take(Api.EVENT_OPEN);
      if (open.Listener == Listener) Server = open.Connection;
    }
  }

  /// <summary>The next event of this kind; others are passed over.</summary>
  internal Event Take(int kind) {
    while (true) {
      while (events.Count == 0) foreach (Event e in Manager.Poll(-1)) events.Enqueue(e);
      Event next = events.Dequeue();
      if (next.Kind == kind) return next;
    }
  }

  public void Dispose() {
    Manager.Dispose();
  }
}
