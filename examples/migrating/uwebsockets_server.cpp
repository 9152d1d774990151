// On uWebSockets: an echo server that says "tick" to everybody each second: uwebsockets_server 9001
#include <cstdlib>

#include <App.h>

struct Session {};

static uWS::App *application;

static void tick(us_timer_t *) {
  application->publish("all", "tick", uWS::OpCode::TEXT);
}

int main(int argc, char **argv) {
  uWS::App app;
  application = &app;
  uWS::App::WebSocketBehavior<Session> behavior;
  behavior.maxPayloadLength = 16 << 20;
  behavior.maxBackpressure = 0;  // else what is over it is dropped
  behavior.open = [](auto *socket) { socket->subscribe("all"); };
  behavior.message = [](auto *socket, std::string_view message, uWS::OpCode opcode) { socket->send(message, opcode); };
  app.ws<Session>("/*", std::move(behavior));
  app.listen("127.0.0.1", std::atoi(argc > 1 ? argv[1] : "9001"), [](us_listen_socket_t *socket) {
    if (socket == nullptr) std::exit(1);
  });
  us_timer_t *timer = us_create_timer(reinterpret_cast<us_loop_t *>(uWS::Loop::get()), 0, 0);
  us_timer_set(timer, tick, 1000, 1000);
  app.run();
}
