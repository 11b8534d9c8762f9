#include "base/status.h"

namespace vlaq {

std::string Error::ToString() const {
  std::string text = where.empty() ? what : where + ": " + what;
  if (!advice.empty()) text += "; " + advice;
  return text;
}

Error InputError(std::string where, std::string what, std::string advice) {
  return Error{ErrorCode::kInput, std::move(what), std::move(where), std::move(advice)};
}

Error UsageError(std::string what, std::string advice) {
  return Error{ErrorCode::kUsage, std::move(what), "", std::move(advice)};
}

Error InternalError(std::string where, std::string what) {
  return Error{ErrorCode::kInternal, std::move(what), std::move(where), "this is a bug in vlaq, please report it"};
}

Error Within(std::string_view outer, Error inner) {
  inner.where = inner.where.empty() ? std::string(outer) : std::string(outer) + ": " + inner.where;
  return inner;
}

}  // namespace vlaq
