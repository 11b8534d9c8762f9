#include "cli/listen_arguments.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mapped_file.h"
#include "base/text.h"
#include "serve/access.h"

namespace vlaq::cli {
namespace {

constexpr size_t kLongestKey = 1024;  // bytes

// The first line of the file, which others should not be able to read.
Result<std::string> ReadKey(const std::filesystem::path& path, Log& log) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  std::string key(AsText(file->bytes()).substr(0, kLongestKey + 1));
  key.resize(std::min(key.size(), key.find_first_of("\r\n")));
  if (key.empty() || key.size() > kLongestKey) {
    return InputError(path.string(), fmt::format("the first line must be a key of 1 to {} characters", kLongestKey));
  }
  std::error_code ignored;
  const auto others = std::filesystem::perms::others_read | std::filesystem::perms::group_read;
  if ((std::filesystem::status(path, ignored).permissions() & others) != std::filesystem::perms::none) {
    log.Warning(fmt::format("{}: others on this machine can read the key; chmod 600 keeps it", path.string()));
  }
  return key;
}

void WarnOfOpenDoors(const serve::ServerOptions& server, Log& log) {
  if (serve::IsLoopback(server.host)) return;
  if (server.http.access.api_key.empty()) {
    log.Warning("everybody who reaches this address can drive the policy and stop it; --api-key-file asks for a key");
  } else if (server.tls_certificate.empty()) {
    log.Warning("the key can be read on the way; --tls-cert and --tls-key encrypt it");
  }
}

}  // namespace

void ListenArguments::AddTo(CLI::App& app, serve::ServerOptions& server, const std::string& group) {
  app.add_option("--host", server.host, "Address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str()
      ->group(group);
  app.add_option("--port", server.port, "Port to listen on; 0 takes a free one, which is printed")
      ->type_name("PORT")
      ->capture_default_str()
      ->group(group);
  app.add_option("--api-key-file", key_file, "Clients must send the first line of this file")
      ->type_name("FILE")
      ->group(group);
  auto* certificate = app.add_option("--tls-cert", server.tls_certificate, "Certificates for TLS, in PEM")
                          ->type_name("FILE")
                          ->group(group);
  auto* key = app.add_option("--tls-key", server.tls_key, "The key of the first one")->type_name("FILE")->group(group);
  certificate->needs(key);
  key->needs(certificate);
}

Status ListenArguments::Complete(serve::ServerOptions& server, Log& log) const {
  if (!key_file.empty()) {
    VLAQ_ASSIGN_OR_RETURN(server.http.access.api_key, ReadKey(key_file, log));
  }
  WarnOfOpenDoors(server, log);
  return {};
}

std::string ListenArguments::KeyText() const {
  return key_file.empty() ? "none is needed" : "is needed: the first line of " + Printable(key_file.string());
}

std::string UrlOf(const std::string& scheme, const serve::ServerOptions& options, const serve::Server& server) {
  return fmt::format("{}{}://{}", scheme, options.tls_certificate.empty() ? "" : "s", server.address());
}

}  // namespace vlaq::cli
