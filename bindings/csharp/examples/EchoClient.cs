using System;
using System.Threading.Tasks;
using Hawser;

/// <summary>Sends three texts to the server at the URL in its first argument, and prints what comes back.</summary>
static class EchoClient {
  static void Main(string[] arguments) => RunAsync(arguments[0]).GetAwaiter().GetResult();

  static async Task RunAsync(string url) {
    using (WebSocket socket = await WebSocket.ConnectAsync(url)) {
      foreach (string text in new[] {"one", "two", "three"}) {
        await socket.SendAsync(text);
        Console.WriteLine((await socket.ReceiveAsync()).Text);
      }
      await socket.CloseAsync();
    }
  }
}
