using System;

namespace Hawser {
  /// <summary>A call that failed, by one of the codes Api.ERR_*.</summary>
  public class HawserException : Exception {
    private const int Disposed = int.MinValue;  // HAWSER_DISPOSED

    /// <param name="code">Api.ERR_*</param>
    /// <param name="message">the words about it; null or empty: those of Api.ErrorText</param>
    public HawserException(int code, string message = null)
        : base(string.IsNullOrEmpty(message) ? Api.ErrorText(code) : message) {
      Code = code;
    }

    /// <summary>Api.ERR_*, a negative number.</summary>
    public int Code { get; }

    /// <summary>The code's name, which does not change from version to version: "HWS_ERR_UTF8".</summary>
    public string Name => Api.ErrorName(Code);

    public override string ToString() {
      return GetType().FullName + ": " + Name + ": " + Message + Environment.NewLine + StackTrace;
    }

    internal static long Check(long result) {
      if (result < 0) throw LastOfThread(Native.TakeFailureCode());
      return result;
    }

    /// <summary>After a null pointer: is it an answer, or a failure?</summary>
    internal static void CheckFailure() {
      int code = Native.TakeFailureCode();
      if (code < 0) throw LastOfThread(code);
    }

    internal static IntPtr CheckMemory(IntPtr memory) {
      return memory != IntPtr.Zero ? memory : throw new HawserException(Api.ERR_NO_MEMORY);
    }

    private static Exception LastOfThread(int code) {
      if (code == Disposed) return new ObjectDisposedException(typeof(Manager).FullName);
      return new HawserException(code, Text.Of(Native.FailureWords()));
    }
  }
}
