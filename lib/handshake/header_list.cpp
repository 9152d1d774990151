#include "handshake/header_list.hpp"

#include "bytes/ascii.hpp"

namespace hawser {

const char *HeaderList::find(std::string_view name, int32_t nth) const {
  if (nth < 0) return nullptr;
  size_t position = 0;
  HeaderField field;
  while (next(position, field)) {
    if (equal_ignoring_case(field.name, name) && nth-- == 0) return field.value.data();
  }
  return nullptr;
}

const char *HeaderList::line(int32_t index) const {
  if (index < 0 || index >= count_) return nullptr;
  size_t position = 0;
  HeaderField field;
  for (int32_t i = 0; i < index; i++) {
    if (!next(position, field)) return nullptr;
  }
  return block_ + position;
}

bool HeaderList::next(size_t &position, HeaderField &field) const {
  if (position >= size_) return false;
  std::string_view line(block_ + position);
  size_t colon = line.find(':');
  field.name = line.substr(0, colon);
  field.value = line.substr(colon + 2);
  position += line.size() + 1;
  return true;
}

}  // namespace hawser
