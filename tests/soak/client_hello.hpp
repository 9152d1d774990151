// The first bytes of a TLS client, for those who don't get any further.
#pragma once

#include <string>

namespace soak {

std::string make_client_hello();

}  // namespace soak
