using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using Hawser;

/// <summary>The driver in C#: see bindings/conformance/README.md.</summary>
sealed class Conformance {
  private const int Shown = 64;
  private static readonly string[] Events = {"", "OPEN", "MESSAGE", "DRAIN", "CLOSE", "REQUEST", "PONG"};
  private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false);

  private readonly StreamWriter output = new StreamWriter(Console.OpenStandardOutput(), Utf8) { AutoFlush = true };
  private readonly string url;
  private readonly List<long> connections = new List<long>();
  private readonly Queue<Event> events = new Queue<Event>();  // of the batch, not yet taken
  private Options options;
  private Manager manager;
  private long listener;

  private Conformance(string url) {
    this.url = url;
  }

  private static int Main(string[] arguments) {
    Conformance driver = new Conformance(arguments[2]);
    foreach (string option in arguments.Skip(3)) {
      string[] pair = option.Split(new[] {'='}, 2);
      driver.SetOption(pair[0], pair[1]);
    }
    try {
      driver.RunScript(arguments[0], arguments[1]);
      return 0;
    } catch (ArgumentException e) {
      Console.Error.WriteLine("driver: " + e.Message);
      return 2;
    }
  }

  // ---- words ----

  private long IdOf(string word) {
    if (word == "l") return listener;
    return word[0] == 'c' ? connections[int.Parse(word.Substring(1)) - 1] : long.Parse(word);
  }

  private string NameOf(long id) {
    if (id == listener) return "l";
    if (!connections.Contains(id)) connections.Add(id);
    return "c" + (connections.IndexOf(id) + 1);
  }

  private static int KindOf(string word) {
    return word == "text" ? Api.TEXT : word == "binary" ? Api.BINARY : int.Parse(word);
  }

  private static byte[] PayloadOf(string word) {
    if (word == "-") return new byte[0];
    Match times = Regex.Match(word, @"^([0-9]+)\*(.*)$");
    if (times.Success) return Times(int.Parse(times.Groups[1].Value), PayloadOf(times.Groups[2].Value));
    return word.StartsWith("hex:", StringComparison.Ordinal) ? BytesOf(word.Substring(4)) : Utf8.GetBytes(word);
  }

  private static byte[] Times(int count, byte[] one) {
    byte[] all = new byte[count * one.Length];
    for (int i = 0; i < count; i++) one.CopyTo(all, i * one.Length);
    return all;
  }

  private static byte[] BytesOf(string hex) {
    return Enumerable.Range(0, hex.Length / 2).Select(i => Convert.ToByte(hex.Substring(2 * i, 2), 16)).ToArray();
  }

  // ---- what is printed ----

  private static string Ending(HawserException error) {
    return error.Name + " " + error.Code;
  }

  private static string ValueOf(Func<object> call) {
    try {
      return call()?.ToString() ?? "none";
    } catch (HawserException e) {
      return Ending(e);
    }
  }

  /// <summary>COMMAND: VALUE, or the error.</summary>
  private void Print(string command, Func<object> call) {
    output.WriteLine(command + ": " + ValueOf(call));
  }

  private void PrintOk(string command, Action call) {
    Print(command, () => {
      call();
      return "ok";
    });
  }

  private static bool IsShown(Event e) {
    bool whole = e.Opcode == Api.TEXT && e.Has(Api.FIRST) && e.Has(Api.FINAL);
    return (whole || e.Kind == Api.EVENT_CLOSE) && e.Data.All(value => value >= 32);
  }

  private static string PayloadText(Event e) {
    if (e.Data.Length == 0) return "-";
    if (e.Data.Length > Shown) return "crc32:" + Crc32(e.Data).ToString("x8");
    return IsShown(e) ? e.Text : "hex:" + string.Concat(e.Data.Select(value => value.ToString("x2")));
  }

  private static uint Crc32(byte[] data) {
    uint crc = 0xFFFFFFFF;
    foreach (byte value in data) {
      crc ^= value;
      for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
    }
    return ~crc;
  }

  private static string Flag(Event e, int bit, string word) {
    return e.Has(bit) ? word : "";
  }

  private static string Details(Event e) {
    switch (e.Kind) {
      case Api.EVENT_OPEN:
        return e.Listener != 0 ? " l" : "";
      case Api.EVENT_REQUEST:
        return " l " + (e.Has(Api.UPGRADE) ? "upgrade" : "http");
      case Api.EVENT_MESSAGE:
        return (e.Opcode == Api.TEXT ? " text" : " binary") + Flag(e, Api.FIRST, " first") + Flag(e, Api.FINAL, " final")
            + " " + e.Data.Length + " " + PayloadText(e);
      case Api.EVENT_PONG:
        return " " + e.Data.Length + " " + PayloadText(e);
      case Api.EVENT_CLOSE:
        return " " + e.Code + " " + Api.ErrorName(e.Error) + " " + e.System + Flag(e, Api.BY_PEER, " by-peer")
            + Flag(e, Api.CLEAN, " clean") + " " + PayloadText(e);
      default:
        return "";
    }
  }

  private void PrintEvent(Event e) {
    string tag = e.Tag != 0 ? " tag " + e.Tag : "";
    output.WriteLine(NameOf(e.Connection) + " " + Events[e.Kind] + Details(e) + tag);
  }

  // ---- events ----

  private void Poll(int timeout) {
    foreach (Event e in manager.Poll(timeout)) events.Enqueue(e);
  }

  private Event Take() {
    while (events.Count == 0) Poll(-1);
    return events.Dequeue();
  }

  private Event TakeAndPrint() {
    Event e = Take();
    PrintEvent(e);
    return e;
  }

  private void TakeMany(string name, int count) {
    for (int seen = 0; seen < count;) {
      Event e = Take();
      NameOf(e.Connection);
      if (Events[e.Kind] == name) seen++;
    }
    output.WriteLine(name + " " + count);
  }

  private void Echo(int count) {
    while (count > 0) {
      Event e = TakeAndPrint();
      if (e.Kind != Api.EVENT_MESSAGE) continue;
      PrintOk("send", () => manager.Send(e.Connection, e.Opcode, e.Data));
      count--;
    }
  }

  private void Skip(byte[] payload) {
    Event e = Take();
    while (e.Kind != Api.EVENT_MESSAGE || !e.Data.SequenceEqual(payload)) e = Take();
    PrintEvent(e);
  }

  // ---- calls ----

  private Options GivenOptions() {
    return options ?? (options = new Options());
  }

  private Options TakeOptions() {
    Options taken = options;
    options = null;
    return taken;
  }

  private void SetOption(string name, string value) {
    if (Regex.IsMatch(value, "^-?[0-9]+$"))
      GivenOptions().Set(name, long.Parse(value));
    else
      GivenOptions().Set(name, value);
  }

  private void Listen() {
    try {
      listener = manager.Listen(url + "/", TakeOptions());
      output.WriteLine("listening " + manager.LocalAddress(listener));
    } catch (HawserException e) {
      output.WriteLine("listen: " + Ending(e));
    }
  }

  private string Connect(string path, int count) {
    Options given = TakeOptions();
    string name = "";
    for (int i = 0; i < count; i++) name = NameOf(manager.Connect(path.Contains("://") ? path : url + path, given));
    return name;
  }

  private void Fill(long id, int kind, byte[] payload) {
    while (true) manager.Send(id, kind, payload);  // until it throws
  }

  /// <summary>What any thread may say.</summary>
  private string Call(string[] words) {
    return ValueOf(() => {
      switch (words[0]) {
        case "wake": manager.Wake(); break;
        case "close":
          manager.Close(IdOf(words[1]), int.Parse(words[2]), words.Length > 3 ? Utf8.GetString(PayloadOf(words[3])) : null);
          break;
        default: manager.Send(IdOf(words[1]), KindOf(words[2]), PayloadOf(words[3])); break;
      }
      return "ok";
    });
  }

  // ---- commands ----

  private void Run(string[] words) {
    string word = words[0];
    switch (word) {
      case "wake": case "close": case "send": output.WriteLine(word + ": " + Call(words)); break;
      case "event": TakeAndPrint(); break;
      case "events": TakeMany(words[1], int.Parse(words[2])); break;
      case "echo": Echo(int.Parse(words[1])); break;
      case "skip": Skip(PayloadOf(words[1])); break;
      case "poll":
        Print(word, () => {
          Poll(int.Parse(words[1]));
          return events.Count;
        });
        break;
      case "listen": Listen(); break;
      case "connect": Print(word, () => Connect(words[1], words.Length > 2 ? int.Parse(words[2]) : 1)); break;
      case "flush": PrintOk(word, () => manager.Flush()); break;
      case "stat": Print(word, () => manager.Stat(words[1])); break;
      case "drain": PrintOk(word, () => manager.Drain(int.Parse(words[1]))); break;
      case "broadcast":
        Print(word, () => manager.Broadcast(listener, IdOf(words[1]), KindOf(words[2]), PayloadOf(words[3])));
        break;
      default: RunOnConnection(word, IdOf(words[1]), words); break;
    }
  }

  private void RunOnConnection(string word, long id, string[] words) {
    switch (word) {
      case "part":
        PrintOk(word, () => manager.SendPart(id, KindOf(words[2]), PayloadOf(words[3]), words[4] == "final"));
        break;
      case "fill": PrintOk(word, () => Fill(id, KindOf(words[2]), PayloadOf(words[3]))); break;
      case "ping": PrintOk(word, () => manager.Ping(id, PayloadOf(words[2]))); break;
      case "abort": PrintOk(word, () => manager.Abort(id)); break;
      case "pause": PrintOk(word, () => manager.Pause(id)); break;
      case "resume": PrintOk(word, () => manager.Resume(id)); break;
      case "tag": PrintOk(word, () => manager.SetTag(id, long.Parse(words[2]))); break;
      case "queued": Print(word, () => manager.Queued(id)); break;
      case "accept": PrintOk(word, () => manager.Accept(id, words.Length > 2 ? words[2] : null, TakeOptions())); break;
      case "respond":
        PrintOk(word, () => manager.Respond(id, int.Parse(words[2]), TakeOptions(), PayloadOf(words[3])));
        break;
      case "path": Print(word, () => manager.Path(id)); break;
      case "status": Print(word, () => manager.Status(id)); break;
      case "subprotocol": Print(word, () => manager.Subprotocol(id)); break;
      case "extensions": Print(word, () => manager.Extensions(id)); break;
      case "header": Print(word, () => manager.Header(id, words[2])); break;
      default: throw new ArgumentException("unknown command: " + word);
    }
  }

  /// <summary>False: it is a command that needs the manager.</summary>
  private bool RunSetting(string line) {
    string[] words = line.Split(new[] {' '}, 3);
    if (words[0] == "option")
      PrintOk(words[0], () => SetOption(words[1], words[2]));
    else if (words[0] == "add_header")
      PrintOk(words[0], () => GivenOptions().AddHeader(words[1], words[2]));
    else
      return false;
    return true;
  }

  // ---- the script ----

  private Thread later;
  private string laterLine;

  private void BeginLater(string line) {
    string[] words = line.Split(' ');
    later = new Thread(() => {
      Thread.Sleep(50);
      laterLine = words[0] + ": " + Call(words);
    });
    later.Start();
  }

  private void EndLater() {
    if (later == null) return;
    later.Join();
    output.WriteLine(laterLine);
    later = null;
  }

  private void RunLine(string line) {
    const string prefix = "later ";
    if (line.StartsWith(prefix, StringComparison.Ordinal)) {
      BeginLater(line.Substring(prefix.Length));
      return;
    }
    if (!RunSetting(line)) {
      if (manager == null) manager = new Manager(TakeOptions());
      Run(line.Split(' '));
    }
    EndLater();
  }

  private void RunScript(string scenario, string role) {
    string section = "";
    foreach (string line in File.ReadAllLines(scenario)) {
      if (line.Length == 0 || line[0] == '#' || line[0] == '>') continue;
      if (line == "client" || line == "server")
        section = line;
      else if (section == role)
        RunLine(line);
    }
    manager?.Dispose();
  }
}
