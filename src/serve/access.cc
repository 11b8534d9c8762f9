#include "serve/access.h"

namespace vlaq::serve {
namespace {

// In a time that does not depend on where they differ.
bool SameSecret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const auto other = static_cast<unsigned char>(b.empty() ? '\0' : b[i % b.size()]);
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ other);
  }
  return difference == 0;
}

bool HasKey(const std::string& key, const HttpHead& head) {
  if (SameSecret(head.api_key, key)) return true;
  for (const std::string_view scheme : {"Api-Key ", "Bearer "}) {
    if (head.authorization.starts_with(scheme)) {
      return SameSecret(std::string_view(head.authorization).substr(scheme.size()), key);
    }
  }
  return false;
}

// "127.0.0.1:8000" -> "127.0.0.1", "[::1]:8000" -> "[::1]".
std::string_view WithoutPort(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return host.substr(0, colon);
}

}  // namespace

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<HttpResponse> RefuseAccess(const AccessRules& rules, const HttpHead& head, bool needs_key) {
  if (rules.listens_on_loopback && !head.host.empty() && !IsLoopback(WithoutPort(head.host))) {
    return ErrorResponse(403, "the server listens on loopback and was asked for under another name");
  }
  if (!head.origin.empty()) {
    const size_t scheme = head.origin.find("://");
    const bool same = scheme != std::string::npos && head.origin.substr(scheme + 3) == head.host;
    if (!same) return ErrorResponse(403, "requests of pages from elsewhere are refused");
  }
  if (needs_key && !rules.api_key.empty() && !HasKey(rules.api_key, head)) {
    return ErrorResponse(401, "the API key is missing or wrong");
  }
  return std::nullopt;
}

}  // namespace vlaq::serve
