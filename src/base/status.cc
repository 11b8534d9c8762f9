#include "base/status.h"

#include "base/text.h"

namespace vlaq {
namespace {

constexpr size_t kLongestPart = 2000;  // bytes; more is a name that means harm

}  // namespace

std::string Error::ToString() const {
  std::string text = where.empty() ? "" : Printable(where, kLongestPart) + ": ";
  text += Printable(what, kLongestPart);
  if (!advice.empty()) text += "; " + Printable(advice, kLongestPart);
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
