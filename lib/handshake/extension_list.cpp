#include "handshake/extension_list.hpp"

#include "bytes/ascii.hpp"

namespace hawser {

namespace {

// What is left of a value. Each function takes something off its front, and the blanks behind it; false if it is not
// there.
class Rest {
 public:
  explicit Rest(std::string_view text) : text_(trim(text)) {}

  bool empty() const { return text_.empty(); }
  bool is_at(char c) const { return text_.starts_with(c); }

  bool take(char c) {
    if (!is_at(c)) return false;
    advance(1);
    return true;
  }

  bool take_token() {
    size_t size = 0;
    while (size < text_.size() && is_token_char(text_[size]))
      size++;
    advance(size);
    return size != 0;
  }

  // A quoted-string which is a token when its quotes and backslashes are gone.
  bool take_quoted_token() {
    size_t at = 1;
    size_t size = 0;
    for (; at < text_.size() && text_[at] != '"'; at++, size++) {
      if (text_[at] == '\\') at++;
      if (at >= text_.size() || !is_token_char(text_[at])) return false;
    }
    if (at >= text_.size() || size == 0) return false;
    advance(at + 1);
    return true;
  }

 private:
  void advance(size_t size) {
    text_.remove_prefix(size);
    text_ = trim(text_);
  }

  std::string_view text_;
};

bool take_parameter(Rest &rest) {
  if (!rest.take_token()) return false;
  if (!rest.take('=')) return true;
  return rest.is_at('"') ? rest.take_quoted_token() : rest.take_token();
}

bool take_extension(Rest &rest) {
  if (!rest.take_token()) return false;
  while (rest.take(';')) {
    if (!take_parameter(rest)) return false;
  }
  return true;
}

}  // namespace

bool is_extension_list(std::string_view value) {
  Rest rest(value);
  bool any = false;
  while (!rest.empty()) {
    if (rest.take(',')) continue;
    if (!take_extension(rest)) return false;
    if (!rest.empty() && !rest.is_at(',')) return false;
    any = true;
  }
  return any;
}

}  // namespace hawser
