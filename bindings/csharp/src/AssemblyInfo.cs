using System.Reflection;

[assembly: AssemblyTitle("hawser")]
[assembly: AssemblyDescription("WebSocket (RFC 6455) client and server on libhawser")]
[assembly: AssemblyVersion("0.1.0.0")]
