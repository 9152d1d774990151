namespace Hawser {
  /// <summary>The connection has ended, or was never opened. Code: what ended it, ERR_CLOSED after closing
  /// handshakes.</summary>
  public sealed class ConnectionClosedException : HawserException {
    /// <summary>The peer's close code (RFC 6455 7.4); 1005 it gave none, 1006 no Close frame came.</summary>
    public int CloseCode { get; }

    /// <summary>The peer's reason; empty if it gave none.</summary>
    public string Reason { get; }

    /// <summary>Both Close frames were exchanged.</summary>
    public bool IsClean { get; }

    /// <summary>The HTTP status of a server that refused the handshake, else 0.</summary>
    public int Status { get; }

    internal ConnectionClosedException(Event close)
        : base(close.Error != Api.OK ? close.Error : Api.ERR_CLOSED, close.Words) {
      CloseCode = close.Code;
      Reason = close.Text;
      IsClean = close.Has(Api.CLEAN);
      Status = close.Error == Api.ERR_HTTP ? close.System : 0;
    }

    /// <summary>The loop has ended without a CLOSE.</summary>
    internal ConnectionClosedException(int code, string words) : base(code, words) {
      CloseCode = 1006;
      Reason = "";
    }

    /// <summary>A new one each time that it is thrown: each has a stack of its own.</summary>
    internal ConnectionClosedException(ConnectionClosedException other) : base(other.Code, other.Message) {
      CloseCode = other.CloseCode;
      Reason = other.Reason;
      IsClean = other.IsClean;
      Status = other.Status;
    }
  }
}
