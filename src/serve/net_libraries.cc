#include <fmt/format.h>

#include <boost/version.hpp>

#include "serve/libraries.h"

namespace vlaq::serve {

std::vector<LibraryVersion> Libraries() {
  return {{"Boost.Beast",
           fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100),
           "websockets and HTTP"}};
}

}  // namespace vlaq::serve
