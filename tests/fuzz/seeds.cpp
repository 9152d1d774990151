#include "fuzz/seeds.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace fuzz {

namespace {

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

class Reader {
 public:
  explicit Reader(const std::string &text) : text_(text) {}

  std::vector<Seed> read() {
    std::vector<Seed> seeds;
    for (skip(); at_ < text_.size();) {
      std::string name = take_name();
      bool is_macro = take(':');
      if (!take('=')) fail("a name without = or :=");
      std::string bytes = take_values();
      if (is_macro) {
        macros_[name] = bytes;
      } else {
        seeds.push_back({name, bytes});
      }
    }
    return seeds;
  }

 private:
  [[noreturn]] void fail(const std::string &what) const {
    auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n') + 1;
    throw std::runtime_error("line " + std::to_string(line) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip() {
    for (; at_ < text_.size(); at_++) {
      if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      if (std::isspace(static_cast<unsigned char>(peek())) == 0) return;
    }
  }
  bool take(char c) {
    if (peek() != c) return false;
    at_++;
    skip();
    return true;
  }

  std::string take_word() {
    size_t begin = at_;
    while (is_name_char(peek()))
      at_++;
    std::string word = text_.substr(begin, at_ - begin);
    skip();
    return word;
  }
  std::string take_name() {
    std::string name = take_word();
    if (name.empty()) fail("a name was expected");
    return name;
  }

  // Up to the end of the text, a brace, or the next name that is followed by = or :=.
  std::string take_values() {
    std::string bytes;
    while (at_ < text_.size() && peek() != '}') {
      size_t before = at_;
      std::string value = take_value();
      if (peek() == '=' || peek() == ':') {
        at_ = before;
        break;
      }
      size_t times = take('*') ? std::stoul(take_name()) : 1;
      for (size_t i = 0; i < times; i++)
        bytes += value;
    }
    return bytes;
  }

  std::string take_value() {
    if (take('{')) return take_program_text();
    if (peek() == '"') return take_quoted();
    std::string word = take_name();
    if (word.starts_with("0x")) return from_hex(word.substr(2));
    if (std::isdigit(static_cast<unsigned char>(word[0])) != 0) return {static_cast<char>(std::stoi(word))};
    if (peek() == '=' || peek() == ':') return "";  // the name of the next one
    if (!macros_.contains(word)) fail("an unknown name: " + word);
    return macros_[word];
  }

  std::string take_program_text() {
    std::string escaped;
    for (char c : take_values())
      escaped += c == '\\' ? std::string("\\\\") : std::string(1, c);
    if (!take('}')) fail("a { without its }");
    return escaped + "\\.";
  }

  std::string take_quoted() {
    std::string bytes;
    for (at_++; peek() != '"'; at_++) {
      if (at_ >= text_.size() || peek() == '\n') fail("a \" without its end");
      bytes += peek() == '\\' ? take_escape() : peek();
    }
    at_++;
    skip();
    return bytes;
  }
  char take_escape() {
    char c = text_[++at_];
    if (c == 'n') return '\n';
    if (c == 'r') return '\r';
    if (c == 't') return '\t';
    if (c == '0') return '\0';
    if (c != '"' && c != '\\') fail("an unknown escape");
    return c;
  }

  std::string from_hex(const std::string &digits) const {
    bool right = digits.size() % 2 == 0 && digits.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!right) fail("no pairs of hexadecimal digits: " + digits);
    std::string bytes;
    for (size_t i = 0; i < digits.size(); i += 2)
      bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
  }

  const std::string &text_;
  size_t at_ = 0;
  std::map<std::string, std::string> macros_;
};

bool is_plain(char c) {
  return c >= ' ' && c <= '~';
}

}  // namespace

std::vector<Seed> read_seeds(const std::string &text) {
  return Reader(text).read();
}

std::string write_seed(const std::string &bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    bool plain = is_plain(bytes[at]);
    text += plain ? " \"" : " 0x";
    for (; at < bytes.size() && is_plain(bytes[at]) == plain; at++) {
      char pair[3];
      std::snprintf(pair, sizeof pair, "%02x", static_cast<uint8_t>(bytes[at]));
      bool escaped = bytes[at] == '"' || bytes[at] == '\\';
      text += plain ? std::string(escaped ? "\\" : "") + bytes[at] : std::string(pair);
    }
    if (plain) text += '"';
  }
  return text;
}

std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace fuzz
