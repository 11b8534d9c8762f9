// Where a command listens, and who may ask: the same options wherever something is served.
#pragma once

#include <filesystem>
#include <string>

#include "base/log.h"
#include "cli/command.h"
#include "serve/server.h"

namespace vlaq::cli {

struct ListenArguments {
  std::filesystem::path key_file;

  // Their values go to `server`, which must outlive `app`.
  void AddTo(CLI::App& app, serve::ServerOptions& server, const std::string& group);
  // Reads the key, and warns of what others could do. Errors: kInput for a key that cannot be read.
  Status Complete(serve::ServerOptions& server, Log& log) const;
  // Which key clients need: "none is needed", "is needed: the first line of key.txt".
  std::string KeyText() const;
};

// "http://127.0.0.1:8000", or "wss://[::1]:8000"; `scheme` is "http" or "ws".
std::string UrlOf(const std::string& scheme, const serve::ServerOptions& options, const serve::Server& server);

}  // namespace vlaq::cli
