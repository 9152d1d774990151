package org.hawser;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Between String and the bytes that the library takes and gives. */
final class Text {
  private Text() {}

  /** Null for null. What a peer wrote into its head may be no UTF-8: each wrong byte becomes U+FFFD. */
  static String of(byte[] utf8) {
    return utf8 == null ? null : new String(utf8, UTF_8);
  }

  /** Java's encoder would make a question mark of a lone surrogate, so what does not come back as it was had one. */
  static byte[] utf8(String text) {
    byte[] utf8 = text.getBytes(UTF_8);
    if (new String(utf8, UTF_8).equals(text)) return utf8;
    throw new HawserException(Hawser.ERR_UTF8, "a surrogate without its pair cannot be UTF-8");
  }

  /** Of an argument that ends with NUL in C; null for null. */
  static byte[] argument(String text) {
    if (text == null) return null;
    if (text.indexOf('\0') < 0) return utf8(text);
    throw new HawserException(Hawser.ERR_ARGUMENT, "the text has a NUL in it");
  }
}
