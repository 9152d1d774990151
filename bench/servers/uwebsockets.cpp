// An echo server on uWebSockets: see the contract in bench/README.md. It has no client role.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <App.h>
#include <sys/resource.h>

struct Nothing {};
constexpr const char *kTopic = "all";

template <bool SSL>
int serve(uWS::TemplatedApp<SSL> app, const std::string &task, int port) {
  using Socket = uWS::WebSocket<SSL, true, Nothing>;
  bool compress = task == "deflate";
  typename uWS::TemplatedApp<SSL>::template WebSocketBehavior<Nothing> behavior;
  behavior.compression = compress ? uWS::SHARED_COMPRESSOR : uWS::DISABLED;
  behavior.maxPayloadLength = 16 << 20;
  behavior.maxBackpressure = 0;  // what is over it would be dropped
  behavior.idleTimeout = 0;
  behavior.sendPingsAutomatically = false;
  if (task == "broadcast") {
    behavior.open = [](Socket *socket) { socket->subscribe(kTopic); };
    behavior.message = [&app](Socket *, std::string_view message, uWS::OpCode opcode) {
      app.publish(kTopic, message, opcode);
    };
  } else {
    behavior.message = [compress](Socket *socket, std::string_view message, uWS::OpCode opcode) {
      socket->send(message, opcode, compress);
    };
  }
  app.template ws<Nothing>("/*", std::move(behavior));
  app.listen("127.0.0.1", port, [](us_listen_socket_t *listener) {
    if (listener == nullptr) std::exit(1);
    std::puts("listening");
    std::fflush(stdout);
  });
  app.run();
  return 1;
}

int main(int argc, char **argv) {
  std::string task = argc > 1 ? argv[1] : "";
  if (task == "version") return std::puts(UWEBSOCKETS_VERSION) < 0;
  if (argc < 3) return 2;
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int port = std::atoi(argv[2]);
  if (task == "wss" && argc > 4)
    return serve(uWS::SSLApp({.key_file_name = argv[4], .cert_file_name = argv[3]}), task, port);
  if (task == "ws" || task == "deflate" || task == "broadcast") return serve(uWS::App(), task, port);
  return 3;
}
