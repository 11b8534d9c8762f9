// Which versions of other people's libraries this program really uses, for `doctor`. Every module that includes headers
// of some has a function of this name.
#pragma once

#include <string>
#include <vector>

namespace vlaq {

struct LibraryVersion {
  std::string name;
  std::string version;
  std::string purpose;
};

// OpenSSL, xxHash, fmt, nlohmann-json.
std::vector<LibraryVersion> BaseLibraries();

}  // namespace vlaq
