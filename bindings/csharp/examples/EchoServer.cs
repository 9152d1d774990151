using System;
using System.Threading.Tasks;
using Hawser;

/// <summary>Echoes all messages at the URL in its first argument.</summary>
static class EchoServer {
  static void Main(string[] arguments) {
    WebSocketServer server = WebSocketServer.Serve(arguments.Length > 0 ? arguments[0] : "ws://127.0.0.1:9001/", EchoAsync);
    Console.WriteLine("listening on " + server.Url);
    server.Completion.Wait();
  }

  static async Task EchoAsync(WebSocket socket) {
    while (await socket.ReceiveAsync() is Message message)
      await (message.IsText ? socket.SendAsync(message.Text) : socket.SendAsync(message.Data));
  }
}
