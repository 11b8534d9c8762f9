// HTTP as far as handlers see it. Plain data.
#pragma once

#include <string>

#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq::serve {

// The head of a request: what decides who may ask and what is asked.
struct HttpHead {
  std::string method = {}, path = {};  // path: without a query
  std::string host = {}, origin = {};  // headers; empty if absent
  std::string authorization = {}, api_key = {};
  std::string content_type = {};
  std::string session = {};  // X-Session: which of the clients of one address asks
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

HttpResponse JsonResponse(const Json& json, int status = 200);
// {"error": ...}
HttpResponse ErrorResponse(int status, const std::string& text);

}  // namespace vlaq::serve
