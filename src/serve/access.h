// Who may ask. Pure.
//
// A server on loopback is reachable for every page in a browser on that machine: a page may send it requests, and its
// name may be made to point there. So a request that says it comes from a page must come from the server's own, and on
// loopback the name that was asked for must be one of loopback.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "serve/http_message.h"

namespace vlaq::serve {

struct AccessRules {
  std::string api_key = {};         // empty: none is needed
  bool listens_on_loopback = true;  // the server sets it
};

// The refusal, if there is one: 401 without the key (X-API-Key: KEY, or Authorization: Api-Key KEY or Bearer KEY), 403
// from elsewhere.
std::optional<HttpResponse> RefuseAccess(const AccessRules& rules, const HttpHead& head, bool needs_key);

// 127.0.0.0/8, ::1 (with or without brackets) and localhost.
bool IsLoopback(std::string_view host);

}  // namespace vlaq::serve
