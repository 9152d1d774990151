using System;
using System.Text;

namespace Hawser {
  /// <summary>Between string and the bytes that the library takes and gives.</summary>
  static class Text {
    private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

    internal static byte[] Utf8(string text) {
      byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(text)];
      Write(text, utf8);
      return utf8;
    }

    /// <summary>Of an argument that ends with NUL in C; null for null.</summary>
    internal static byte[] Argument(string text) {
      if (text == null) return null;
      if (text.IndexOf('\0') >= 0) throw new HawserException(Api.ERR_ARGUMENT, "the text has a NUL in it");
      byte[] utf8 = new byte[Encoding.UTF8.GetByteCount(text) + 1];
      Write(text, utf8);
      return utf8;
    }

    private static void Write(string text, byte[] utf8) {
      try {
        Strict.GetBytes(text, 0, text.Length, utf8, 0);
      } catch (EncoderFallbackException) {
        throw new HawserException(Api.ERR_UTF8, "a surrogate without its pair cannot be UTF-8");
      }
    }

    /// <summary>What a peer wrote into its head may be no UTF-8: wrong bytes become U+FFFD.</summary>
    internal static string Of(byte[] utf8) {
      return Encoding.UTF8.GetString(utf8);
    }

    internal static unsafe string Of(byte* utf8, int size) {
      return size == 0 ? "" : Encoding.UTF8.GetString(utf8, size);
    }

    /// <summary>Up to its NUL.</summary>
    internal static unsafe string Of(IntPtr text) {
      byte* begin = (byte*)text, end = begin;
      while (*end != 0) end++;
      return Of(begin, checked((int)(end - begin)));
    }

    /// <summary>Of a copy that is ours to free; null: there is nothing to tell.</summary>
    internal static string Take(IntPtr text) {
      if (text == IntPtr.Zero) {
        HawserException.CheckFailure();
        return null;
      }
      try {
        return Of(text);
      } finally {
        Native.Free(text);
      }
    }
  }
}
