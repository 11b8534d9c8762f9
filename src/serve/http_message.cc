#include "serve/http_message.h"

#include "base/json.h"

namespace vlaq::serve {

HttpResponse JsonResponse(const Json& json, int status) {
  return {status, "application/json", JsonString(json) + "\n"};
}
HttpResponse ErrorResponse(int status, const std::string& text) { return JsonResponse({{"error", text}}, status); }

}  // namespace vlaq::serve
