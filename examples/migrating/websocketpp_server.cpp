// On WebSocket++: an echo server that says "tick" to everybody each second: websocketpp_server 9001
#include <cstdlib>
#include <set>
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/server.hpp>

using Server = websocketpp::server<websocketpp::config::asio>;
using websocketpp::connection_hdl;

static Server server;
static std::set<connection_hdl, std::owner_less<connection_hdl>> connections;

static void tick(const websocketpp::lib::error_code &) {
  for (const connection_hdl &handle : connections) {
    websocketpp::lib::error_code error;
    server.send(handle, "tick", websocketpp::frame::opcode::text, error);
  }
  server.set_timer(1000, tick);
}

int main(int argc, char **argv) {
  server.clear_access_channels(websocketpp::log::alevel::all);
  server.init_asio();
  server.set_reuse_addr(true);
  server.set_open_handler([](connection_hdl handle) { connections.insert(handle); });
  server.set_close_handler([](connection_hdl handle) { connections.erase(handle); });
  server.set_message_handler([](connection_hdl handle, Server::message_ptr message) {
    websocketpp::lib::error_code error;
    server.send(handle, message, error);
  });
  server.listen(websocketpp::lib::asio::ip::address_v4::loopback(),
                static_cast<uint16_t>(std::atoi(argc > 1 ? argv[1] : "9001")));
  server.start_accept();
  server.set_timer(1000, tick);
  server.run();
}
