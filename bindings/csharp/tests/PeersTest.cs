using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using Hawser;

/// <summary>Against WebSockets that others wrote: ws of Node.js, websockets of Python.</summary>
static class PeersTest {
  private static readonly string[] Texts = {"", "Grüße ⚓😀", new string('x', 100000)};
  private static readonly string Peers = Environment.GetEnvironmentVariable("HAWSER_PEERS") ?? "build/peers";
  private static readonly string Node = Path.Combine(Peers, "node"), Python = Path.Combine(Peers, "python/bin/python");

  // Each echoes, and prints the port; or sends what it is given, prints what comes back, and closes.
  private const string NodeServer = "const { WebSocketServer } = require('ws');"
      + "const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => console.log(server.address().port));"
      + "server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));";
  private const string NodeClient = "const { WebSocket } = require('ws');"
      + "const [url, ...texts] = process.argv.slice(1); const socket = new WebSocket(url); let left = texts.length;"
      + "socket.on('open', () => texts.forEach((text) => socket.send(text)));"
      + "socket.on('message', (data) => { console.log('<' + data + '>'); if (--left === 0) socket.close(3000, 'Ende'); });"
      + "socket.on('close', (code) => console.log(code));";
  private const string PythonServer = "import asyncio, websockets\n"
      + "async def echo(socket):\n  async for message in socket: await socket.send(message)\n"
      + "async def main():\n  async with websockets.serve(echo, '127.0.0.1', 0) as server:\n"
      + "    print(server.sockets[0].getsockname()[1], flush=True)\n    await asyncio.Future()\nasyncio.run(main())";
  private const string PythonClient = "import asyncio, sys, websockets\nasync def main():\n"
      + "  socket = await websockets.connect(sys.argv[1])\n"
      + "  for text in sys.argv[2:]: await socket.send(text); print('<' + await socket.recv() + '>')\n"
      + "  await socket.close(3000, 'Ende'); print(socket.close_code)\nasyncio.run(main())";

  private static int Main() {
    if (Directory.Exists(Node) || File.Exists(Python)) return Check.RunAll(typeof(PeersTest));
    Console.WriteLine("skipped, for they are not there: " + Peers);
    return 77;
  }

  static Task TestNodesServer() => IsThere(Node) ? OurClientAgainst("node", "-e", NodeServer) : Task.CompletedTask;

  static Task TestNodesClient() => IsThere(Node) ? OurServerAgainst("node", "-e", NodeClient, "--") : Task.CompletedTask;

  static Task TestPythonsServer() => IsThere(Python) ? OurClientAgainst(Python, "-c", PythonServer) : Task.CompletedTask;

  static Task TestPythonsClient() => IsThere(Python) ? OurServerAgainst(Python, "-c", PythonClient) : Task.CompletedTask;

  private static bool IsThere(string peer) {
    bool isThere = File.Exists(peer) || Directory.Exists(peer);
    if (!isThere) Console.WriteLine("skipped, for it is not there: " + peer);
    return isThere;
  }

  /// <summary>Peers are not what is tested: they run as they are, without the sanitizers' runtime.</summary>
  private static Process Start(params string[] command) {
    ProcessStartInfo start = new ProcessStartInfo(command[0], string.Join(" ", command.Skip(1).Select(Quoted))) {
      UseShellExecute = false, RedirectStandardOutput = true, StandardOutputEncoding = Encoding.UTF8,
    };
    if (command[0] == "node") start.WorkingDirectory = Node;
    start.EnvironmentVariables.Remove("LD_PRELOAD");
    start.EnvironmentVariables["PYTHONIOENCODING"] = "utf-8";
    return Process.Start(start);
  }

  /// <summary>As both class libraries take a line of arguments apart.</summary>
  private static string Quoted(string argument) {
    return "\"" + argument.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";
  }

  private static async Task OurClientAgainst(params string[] command) {
    using (Process process = Start(command)) {
      try {
        WebSocket socket = await WebSocket.ConnectAsync("ws://127.0.0.1:" + process.StandardOutput.ReadLine() + "/");
        foreach (string text in Texts) await socket.SendAsync(text);
        await socket.SendAsync(new byte[] {0, 1, 255});
        foreach (string text in Texts) Check.Equal(text, (await socket.ReceiveAsync()).Text);
        Check.EqualBytes(new byte[] {0, 1, 255}, (await socket.ReceiveAsync()).Data);
        await socket.PingAsync();
        await socket.CloseAsync(3000, "Ende");
        Check.Equal(3000, socket.CloseCode);
      } finally {
        process.Kill();
        process.WaitForExit();
      }
    }
  }

  private static async Task OurServerAgainst(params string[] command) {
    TaskCompletionSource<WebSocket> ended = new TaskCompletionSource<WebSocket>();
    using (WebSocketServer server = WebSocketServer.Serve("ws://127.0.0.1:0/", async socket => {
      try {
        while (await socket.ReceiveAsync() is Message message) await socket.SendAsync(message.Text);
      } finally {
        ended.SetResult(socket);
      }
    }))
    using (Process process = Start(command.Append(server.Url).Concat(Texts).ToArray())) {
      foreach (string text in Texts) Check.Equal("<" + text + ">", process.StandardOutput.ReadLine());
      Check.Equal("3000", process.StandardOutput.ReadLine());
      process.WaitForExit();
      Check.Equal(0, process.ExitCode);
      WebSocket socket = await ended.Task;
      Check.Equal(3000, socket.CloseCode);
      Check.Equal("Ende", socket.CloseReason);
    }
  }
}
