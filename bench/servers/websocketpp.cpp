// An echo server and client on WebSocket++: see the contract in bench/README.md.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <websocketpp/client.hpp>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/asio.hpp>
#include <websocketpp/config/asio_client.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/logger/stub.hpp>
#include <websocketpp/server.hpp>

#include <sys/resource.h>

namespace asio = websocketpp::lib::asio;
using websocketpp::connection_hdl;

// One thread needs no locks, and nobody reads the log. Base: a configuration of the library's.
template <class Base, class Socket>
struct Config : Base {
  using type = Config;
  using concurrency_type = websocketpp::concurrency::none;
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;

  static constexpr size_t max_message_size = 16 << 20;
  static constexpr long timeout_open_handshake = 0;  // each costs a timer
  static constexpr long timeout_close_handshake = 0;
  static constexpr long timeout_pong = 0;

  struct transport_config : Base::transport_config {
    using concurrency_type = websocketpp::concurrency::none;
    using alog_type = websocketpp::log::stub;
    using elog_type = websocketpp::log::stub;
    using socket_type = Socket;
    static constexpr bool enable_multithreading = false;
  };
  using transport_type = websocketpp::transport::asio::endpoint<transport_config>;
};

template <class Base, class Socket>
struct Deflating : Config<Base, Socket> {
  using type = Deflating;
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::enabled<typename Base::permessage_deflate_config>;
};

using Plain = websocketpp::transport::asio::basic_socket::endpoint;
using Tls = websocketpp::transport::asio::tls_socket::endpoint;
using ServerBase = websocketpp::config::asio;
using ClientBase = websocketpp::config::asio_client;

struct Arguments {
  std::string task;
  uint16_t port;
  std::string certificate, key;
  long connections;
};

std::shared_ptr<asio::ssl::context> make_tls(const Arguments &arguments) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls);
  if (!arguments.certificate.empty()) {
    tls->use_certificate_chain_file(arguments.certificate);
    tls->use_private_key_file(arguments.key, asio::ssl::context::pem);
  }
  return tls;
}

template <class Endpoint>
void prepare(Endpoint &endpoint, const Arguments &arguments) {
  endpoint.init_asio();
  if constexpr (std::is_same_v<typename Endpoint::socket_type, Tls>) {
    endpoint.set_tls_init_handler([tls = make_tls(arguments)](connection_hdl) { return tls; });
  }
  endpoint.set_tcp_pre_init_handler([&endpoint](connection_hdl handle) {
    endpoint.get_con_from_hdl(handle)->get_raw_socket().set_option(asio::ip::tcp::no_delay(true));
  });
  endpoint.set_message_handler([&endpoint](connection_hdl handle, typename Endpoint::message_ptr message) {
    endpoint.send(handle, message);  // its payload is copied once, not twice
  });
}

template <class Server>
void broadcast(Server &server) {
  static std::set<connection_hdl, std::owner_less<connection_hdl>> open;
  server.set_open_handler([](connection_hdl handle) { open.insert(handle); });
  server.set_close_handler([](connection_hdl handle) { open.erase(handle); });
  server.set_message_handler([&server](connection_hdl, typename Server::message_ptr message) {
    for (const connection_hdl &handle : open)
      server.send(handle, message);
  });
}

template <class Config>
int serve(const Arguments &arguments) {
  websocketpp::server<Config> server;
  prepare(server, arguments);
  if (arguments.task == "broadcast") broadcast(server);
  server.set_reuse_addr(true);
  server.set_listen_backlog(4096);
  server.listen(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), arguments.port));
  server.start_accept();
  std::puts("listening");
  std::fflush(stdout);
  server.run();
  return 0;
}

template <class Config>
int connect(const Arguments &arguments, const char *scheme) {
  websocketpp::client<Config> client;
  prepare(client, arguments);
  client.set_fail_handler([](connection_hdl) {
    std::fputs("connecting failed\n", stderr);
    std::exit(1);
  });
  for (long i = 0; i < arguments.connections; i++) {
    websocketpp::lib::error_code error;
    client.connect(
        client.get_connection(scheme + std::string("://127.0.0.1:") + std::to_string(arguments.port) + "/", error));
  }
  client.run();
  return 0;
}

int main(int argc, char **argv) {
  std::string task = argc > 1 ? argv[1] : "";
  if (task == "version") return std::printf("WebSocket++ %s\n", websocketpp::user_agent + 12) < 0;
  if (argc < 3) return 2;
  Arguments arguments{task, static_cast<uint16_t>(std::atoi(argv[2])), "", "", argc > 3 ? std::atol(argv[3]) : 1};
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  if (task == "client") {
    std::string layer = argc > 4 ? argv[4] : "ws";
    if (layer == "ws") return connect<Config<ClientBase, Plain>>(arguments, "ws");
    if (layer == "wss") return connect<Config<ClientBase, Tls>>(arguments, "wss");
    return 3;
  }
  if (argc > 4) arguments.certificate = argv[3], arguments.key = argv[4];
  if (task == "ws" || task == "broadcast") return serve<Config<ServerBase, Plain>>(arguments);
  if (task == "wss") return serve<Config<ServerBase, Tls>>(arguments);
  if (task == "deflate") return serve<Deflating<ServerBase, Plain>>(arguments);
  return 3;
}
