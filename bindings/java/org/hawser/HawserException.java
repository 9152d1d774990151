package org.hawser;

/** A call that failed, or the end of a connection, by one of the codes Hawser.ERR_*. */
public final class HawserException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final int code;

  /** @param message the words about it; empty: those of {@link Hawser#errorText} */
  public HawserException(int code, String message) {
    super(message.isEmpty() ? Hawser.errorText(code) : message);
    this.code = code;
  }

  /** With the words of {@link Hawser#errorText}. */
  public HawserException(int code) {
    this(code, "");
  }

  /** For the native part. */
  HawserException(int code, byte[] message) {
    this(code, Text.of(message));
  }

  /** Hawser.ERR_*, a negative number. */
  public int code() {
    return code;
  }

  /** The code's name, which does not change from version to version: "HWS_ERR_UTF8". */
  public String name() {
    return Hawser.errorName(code);
  }

  @Override
  public String toString() {
    return name() + ": " + getMessage();
  }
}
