// An echo server and client on Boost.Beast: see the contract in bench/README.md.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/version.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

// The executor's own type, not any_io_executor: handlers are posted without an indirect call.
using Tcp = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::io_context::executor_type>;
using Tls = beast::ssl_stream<Tcp>;

constexpr size_t kMaxMessage = 16 << 20;
constexpr int kBacklog = 4096;

struct Options {
  bool compress = false;
  bool broadcast = false;
  asio::ip::tcp::endpoint endpoint;
};

[[noreturn]] void die(const char *what, const error_code &error) {
  std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
  std::exit(1);
}

template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... Arguments>
  explicit Session(const Options &options, Arguments &&...arguments)
      : options_(options), socket_(std::forward<Arguments>(arguments)...) {
    websocket::permessage_deflate deflate;
    deflate.server_enable = deflate.client_enable = options.compress;
    deflate.server_no_context_takeover = deflate.client_no_context_takeover = true;
    deflate.compLevel = 6;  // zlib's own, as with the other libraries
    deflate.memLevel = 8;
    socket_.set_option(deflate);
    socket_.read_message_max(kMaxMessage);
    socket_.auto_fragment(false);  // a message is one frame, and its payload is not copied
  }

  ~Session() {
    if (options_.broadcast) sessions_.erase(std::find(sessions_.begin(), sessions_.end(), this));
  }

  // A server's, after accept.
  void start() {
    lowest().set_option(asio::ip::tcp::no_delay(true));
    if (options_.broadcast) sessions_.push_back(this);
    secure(asio::ssl::stream_base::server, [this] {
      socket_.async_accept([self = this->shared_from_this()](error_code error) {
        if (!error) self->read();
      });
    });
  }

  void connect() {
    lowest().async_connect(options_.endpoint, [self = this->shared_from_this()](error_code error) {
      if (error) die("connect", error);
      self->lowest().set_option(asio::ip::tcp::no_delay(true));
      self->secure(asio::ssl::stream_base::client, [me = self.get()] { me->upgrade(); });
    });
  }

 private:
  Tcp &lowest() { return beast::get_lowest_layer(socket_); }

  template <class Then>
  void secure(asio::ssl::stream_base::handshake_type type, Then then) {
    if constexpr (std::is_same_v<Stream, Tls>) {
      socket_.next_layer().async_handshake(type, [self = this->shared_from_this(), then](error_code error) {
        if (!error) then();
      });
    } else {
      then();
    }
  }

  void upgrade() {
    socket_.async_handshake("127.0.0.1", "/", [self = this->shared_from_this()](error_code error) {
      if (error) die("handshake", error);
      self->read();
    });
  }

  void read() {
    socket_.async_read(buffer_, [self = this->shared_from_this()](error_code error, size_t) {
      if (error) return;
      self->options_.broadcast ? self->publish() : self->echo();
    });
  }

  void echo() {
    socket_.text(socket_.got_text());
    socket_.async_write(buffer_.data(), [self = this->shared_from_this()](error_code error, size_t size) {
      if (error) return;
      self->buffer_.consume(size);
      self->read();
    });
  }

  struct Message {
    std::string payload;
    bool text;
  };

  void publish() {
    auto message =
        std::make_shared<const Message>(Message{beast::buffers_to_string(buffer_.data()), socket_.got_text()});
    buffer_.clear();
    for (Session *session : sessions_)
      session->enqueue(message);
    read();
  }

  void enqueue(const std::shared_ptr<const Message> &message) {
    if (!socket_.is_open()) return;
    queue_.push_back(message);
    if (queue_.size() == 1) write();
  }

  void write() {
    socket_.text(queue_.front()->text);
    socket_.async_write(asio::buffer(queue_.front()->payload),
                        [self = this->shared_from_this()](error_code error, size_t) {
                          if (error) return;
                          self->queue_.pop_front();
                          if (!self->queue_.empty()) self->write();
                        });
  }

  static inline std::vector<Session *> sessions_;  // to which is broadcast
  const Options &options_;
  websocket::stream<Stream> socket_;
  beast::flat_buffer buffer_;
  std::deque<std::shared_ptr<const Message>> queue_;
};

template <class Stream, class... Context>
void accept(Acceptor &acceptor, const Options &options, Context &...context) {
  acceptor.async_accept([&](error_code error, Tcp socket) {
    if (!error) std::make_shared<Session<Stream>>(options, std::move(socket), context...)->start();
    accept<Stream>(acceptor, options, context...);
  });
}

template <class Stream, class... Context>
void connect(asio::io_context &io, const Options &options, long count, Context &...context) {
  for (; count > 0; count--)
    std::make_shared<Session<Stream>>(options, Tcp(io.get_executor()), context...)->connect();
}

int main(int argc, char **argv) {
  std::string_view task = argc > 1 ? argv[1] : "";
  if (task == "version") return std::printf("Boost.Beast %s\n", BOOST_LIB_VERSION) < 0;
  if (argc < 3) return 2;
  bool client = task == "client";
  std::string_view layer = !client ? task : argc > 4 ? argv[4] : "ws";
  Options options{layer == "deflate",
                  layer == "broadcast",
                  {asio::ip::address_v4::loopback(), static_cast<uint16_t>(std::atoi(argv[2]))}};
  bool secure = layer == "wss";
  if (layer != "ws" && !secure && !options.compress && !options.broadcast) return 3;

  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  asio::io_context io(1);
  asio::ssl::context tls(client ? asio::ssl::context::tls_client : asio::ssl::context::tls_server);
  Acceptor acceptor(io);
  if (client) {
    long count = argc > 3 ? std::atol(argv[3]) : 1;
    secure ? connect<Tls>(io, options, count, tls) : connect<Tcp>(io, options, count);
  } else {
    if (secure && argc > 4) {
      tls.use_certificate_chain_file(argv[3]);
      tls.use_private_key_file(argv[4], asio::ssl::context::pem);
    }
    acceptor.open(options.endpoint.protocol());
    acceptor.set_option(Acceptor::reuse_address(true));
    acceptor.bind(options.endpoint);
    acceptor.listen(kBacklog);
    secure ? accept<Tls>(acceptor, options, tls) : accept<Tcp>(acceptor, options);
    std::puts("listening");
    std::fflush(stdout);
  }
  io.run();
  return 0;
}
