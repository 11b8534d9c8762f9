// What a client sent, by the names that it uses, before anything is known of the policy. Plain data.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/status.h"
#include "vlaq/policy.h"

namespace vlaq::serve {

// Members of maps within maps are joined by "/": {"images": {"front": ...}} is "images/front".
struct Request {
  Values values;                             // pictures and numbers
  std::map<std::string, std::string> texts;  // instructions
  bool reset = false;                        // a new episode begins with it ("reset": true)
};

// Reads one, on the thread that infers: what a client sends is taken apart there, so that the threads of sockets never
// wait for it.
using ReadRequest = std::function<Result<Request>()>;

}  // namespace vlaq::serve
