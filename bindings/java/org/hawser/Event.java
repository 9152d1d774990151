package org.hawser;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What happened to a connection or a listener. It is a copy, and stays as it is. */
public final class Event {
  /** Hawser.EVENT_OPEN, EVENT_MESSAGE ...; kinds that you do not know are to be ignored. */
  public final int kind;
  /** MESSAGE: Hawser.TEXT or BINARY. */
  public final int opcode;
  /** The id; in the CLOSE of a listener: the listener's. */
  public final long connection;
  /** The listener that accepted it; 0 for an outgoing one. */
  public final long listener;
  /** Yours: {@link Manager#setTag}. */
  public final long tag;
  /** MESSAGE, PONG: the payload; CLOSE: the peer's reason. Never null. */
  public final byte[] data;
  /** CLOSE: the peer's close code; 1005 none given, 1006 no Close frame came. DRAIN: broadcasts skipped. */
  public final int code;
  /** CLOSE: 0 or the Hawser.ERR_* that ended it. */
  public final int error;
  /** CLOSE: errno or HTTP status, as error says; else 0. */
  public final int system;
  /** Hawser.FIRST, FINAL, BY_PEER, CLEAN, COMPRESSED, UPGRADE. */
  public final int flags;
  /** CLOSE: which layer ended it and why, in English; else empty. */
  public final String words;

  // A record of hws_manager_pack_events: where its fields are.
  private static final int RECORD_SIZE = 0, HEADER_SIZE = 4, KIND = 6, OPCODE = 8, FLAGS = 12, CONNECTION = 16, LISTENER = 24,
      TAG = 32, SIZE = 40, CODE = 48, ERROR = 52, SYSTEM = 56, TEXT_SIZE = 60;
  private static final VarHandle SHORTS = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.nativeOrder());
  private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.nativeOrder());
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final byte[] NOTHING = {};

  private Event(byte[] batch, int at) {
    kind = (short) SHORTS.get(batch, at + KIND);
    opcode = (int) INTS.get(batch, at + OPCODE);
    flags = (int) INTS.get(batch, at + FLAGS);
    connection = (long) LONGS.get(batch, at + CONNECTION);
    listener = (long) LONGS.get(batch, at + LISTENER);
    tag = (long) LONGS.get(batch, at + TAG);
    code = (int) INTS.get(batch, at + CODE);
    error = (int) INTS.get(batch, at + ERROR);
    system = (int) INTS.get(batch, at + SYSTEM);
    int begin = at + (short) SHORTS.get(batch, at + HEADER_SIZE);
    int end = begin + (int) (long) LONGS.get(batch, at + SIZE);
    int textSize = (int) INTS.get(batch, at + TEXT_SIZE);
    data = begin == end ? NOTHING : Arrays.copyOfRange(batch, begin, end);
    words = textSize == 0 ? "" : Text.of(Arrays.copyOfRange(batch, end, end + textSize));
  }

  /** The events of packed records; null: none. */
  static List<Event> list(byte[] batch) {
    if (batch == null) return List.of();
    List<Event> events = new ArrayList<>();
    for (int at = 0; at < batch.length; at += (int) INTS.get(batch, at + RECORD_SIZE)) events.add(new Event(batch, at));
    return events;
  }

  /** The data as text: of a whole text message, or the peer's close reason. A part may be cut inside a character. */
  public String text() {
    return Text.of(data);
  }

  /** Is one of Hawser.FIRST, FINAL ... set? */
  public boolean has(int flag) {
    return (flags & flag) != 0;
  }

  @Override
  public String toString() {
    return "Event(kind=" + kind + ", connection=" + connection + ", opcode=" + opcode + ", " + data.length + " bytes, code="
        + code + ", error=" + error + ", words=" + words + ")";
  }
}
