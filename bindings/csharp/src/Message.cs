namespace Hawser {
  /// <summary>A whole message: text or binary.</summary>
  public sealed class Message {
    internal Message(bool isText, byte[] data) {
      IsText = isText;
      Data = data;
    }

    public bool IsText { get; }

    /// <summary>The payload, of a text its UTF-8. It is yours.</summary>
    public byte[] Data { get; }

    /// <summary>The text; null of a binary message.</summary>
    public string Text => IsText ? Hawser.Text.Of(Data) : null;
  }
}
