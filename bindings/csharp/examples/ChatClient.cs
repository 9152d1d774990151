using System;
using System.Threading;
using System.Threading.Tasks;
using Hawser;

/// <summary>Reads and writes at the same time, for ten seconds at most.</summary>
static class ChatClient {
  static void Main(string[] arguments) => RunAsync(arguments[0]).GetAwaiter().GetResult();

  static async Task RunAsync(string url) {
    Options options = new Options().Set("subprotocols", "chat").Set("deflate", "shared").Set("max_message_size", 1 << 20);
    options.AddHeader("Authorization", "Bearer ...");
    using (CancellationTokenSource deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10)))
    using (WebSocket socket = await WebSocket.ConnectAsync(url, options, deadline.Token)) {
      Task reader = PrintAsync(socket, deadline.Token);
      foreach (string text in new[] {"one", "two", "three"}) await socket.SendAsync(text, deadline.Token);
      await reader;
      await socket.CloseAsync(1000, "that was all");
    }
  }

  static async Task PrintAsync(WebSocket socket, CancellationToken token) {
    for (int count = 0; count < 3; count++) Console.WriteLine((await socket.ReceiveAsync(token)).Text);
  }
}
