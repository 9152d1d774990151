// An outgoing connection on its way: what is left to try.
#pragma once

#include <cstddef>
#include <vector>

#include "bytes/error.hpp"
#include "handshake/url.hpp"
#include "net/address.hpp"

namespace hawser {

struct Dial {
  Url url;
  std::vector<Address> addresses;
  size_t next = 0;
  bool asked = false;  // the resolver has the name, and no answer yet
  Failure failure;     // of the address that was tried last
};

}  // namespace hawser
