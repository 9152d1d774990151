using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Hawser {
  /// <summary>What happened to a connection or a listener. It is a copy, and stays as it is.</summary>
  public sealed class Event {
    private static readonly byte[] Nothing = new byte[0];
    private static readonly Event[] None = new Event[0];

    /// <summary>A record of hws_manager_pack_events.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Record {
      internal readonly uint RecordSize;
      internal readonly ushort HeaderSize, Kind;
      internal readonly int Opcode;
      internal readonly uint Flags;
      internal readonly long Connection, Listener, Tag, Size;
      internal readonly int Code, Error, System, TextSize;
    }

    private unsafe Event(Record* record) {
      byte* data = (byte*)record + record->HeaderSize;
      Kind = record->Kind;
      Opcode = record->Opcode;
      Flags = (int)record->Flags;
      Connection = record->Connection;
      Listener = record->Listener;
      Tag = record->Tag;
      Code = record->Code;
      Error = record->Error;
      System = record->System;
      Data = Bytes(data, record->Size);
      Words = Hawser.Text.Of(data + record->Size, record->TextSize);
    }

    /// <summary>Api.EVENT_OPEN, EVENT_MESSAGE ...; kinds that you do not know are to be ignored.</summary>
    public int Kind { get; }

    /// <summary>MESSAGE: Api.TEXT or BINARY.</summary>
    public int Opcode { get; }

    /// <summary>The id; in the CLOSE of a listener: the listener's.</summary>
    public long Connection { get; }

    /// <summary>The listener that accepted it; 0 for an outgoing one.</summary>
    public long Listener { get; }

    /// <summary>Yours: Manager.SetTag.</summary>
    public long Tag { get; }

    /// <summary>MESSAGE, PONG: the payload; CLOSE: the peer's reason. Never null.</summary>
    public byte[] Data { get; }

    /// <summary>CLOSE: the peer's close code; 1005 none given, 1006 no Close frame came. DRAIN: broadcasts
    /// skipped.</summary>
    public int Code { get; }

    /// <summary>CLOSE: 0 or the Api.ERR_* that ended it.</summary>
    public int Error { get; }

    /// <summary>CLOSE: errno or HTTP status, as Error says; else 0.</summary>
    public int System { get; }

    /// <summary>Api.FIRST, FINAL, BY_PEER, CLEAN, COMPRESSED, UPGRADE.</summary>
    public int Flags { get; }

    /// <summary>CLOSE: which layer ended it and why, in English; else empty.</summary>
    public string Words { get; }

    /// <summary>The data as text: of a whole text message, or the peer's close reason. A part may be cut inside a
    /// character.</summary>
    public string Text => Hawser.Text.Of(Data);

    /// <summary>Is one of Api.FIRST, FINAL ... set?</summary>
    public bool Has(int flag) {
      return (Flags & flag) != 0;
    }

    public override string ToString() {
      return $"Event(Kind={Kind}, Connection={Connection}, Opcode={Opcode}, {Data.Length} bytes, Code={Code}, "
          + $"Error={Error}, Words={Words})";
    }

    /// <summary>The events of a batch, which is ours to free; null: none.</summary>
    internal static Event[] Take(IntPtr batch) {
      if (batch == IntPtr.Zero) {
        HawserException.CheckFailure();
        return None;
      }
      try {
        return List(batch);
      } finally {
        Native.Free(batch);
      }
    }

    /// <summary>Their size in bytes, then the records.</summary>
    private static unsafe Event[] List(IntPtr batch) {
      List<Event> events = new List<Event>();
      byte* record = (byte*)batch + sizeof(long), end = record + *(long*)batch;
      for (; record < end; record += ((Record*)record)->RecordSize) events.Add(new Event((Record*)record));
      return events.ToArray();
    }

    private static unsafe byte[] Bytes(byte* data, long size) {
      if (size == 0) return Nothing;
      if (size > int.MaxValue) throw new HawserException(Api.ERR_TOO_LARGE, "over 2 GiB do not fit into an array");
      byte[] bytes = new byte[size];
      Marshal.Copy((IntPtr)data, bytes, 0, bytes.Length);
      return bytes;
    }
  }
}
