// The header fields of a head that was parsed in place: one block of NUL-terminated lines "Name: value", one behind the
// other. A view: it owns nothing, and copying the block copies the list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser {

struct HeaderField {
  std::string_view name;
  std::string_view value;  // trimmed; NUL follows
};

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const char *block, size_t size, int32_t count) : block_(block), size_(size), count_(count) {}

  const char *block() const { return block_; }
  size_t size() const { return size_; }
  int32_t count() const { return count_; }

  // The value of the nth field (from 0) of this name, ignoring case; nullptr if there are not as many.
  const char *find(std::string_view name, int32_t nth = 0) const;
  // The line "Name: value" of a field; nullptr out of range.
  const char *line(int32_t index) const;

  // Walks the fields: `position` starts at 0; false at the end.
  bool next(size_t &position, HeaderField &field) const;

 private:
  const char *block_ = nullptr;
  size_t size_ = 0;
  int32_t count_ = 0;
};

}  // namespace hawser
