// Shorthands for making and passing on errors. The types are the public ones (include/vlaq/status.h).
#pragma once

#include <string>
#include <string_view>

#include "vlaq/status.h"

namespace vlaq {

// Shorthands for the codes that library code returns most.
Error InputError(std::string where, std::string what, std::string advice = "");
Error UsageError(std::string what, std::string advice = "");
Error InternalError(std::string where, std::string what);

// The same error with `outer` put before its place: "model.onnx: node 'x': ..." grows from the inside out.
Error Within(std::string_view outer, Error inner);

}  // namespace vlaq

#define VLAQ_CONCAT_INNER(a, b) a##b
#define VLAQ_CONCAT(a, b) VLAQ_CONCAT_INNER(a, b)

// Returns the error of a Status or Result expression from the enclosing function, if there is one.
#define VLAQ_RETURN_IF_ERROR(expr)                                                \
  do {                                                                            \
    if (auto vlaq_status = (expr); !vlaq_status.ok()) return vlaq_status.error(); \
  } while (false)

// VLAQ_ASSIGN_OR_RETURN(auto x, Load(path)): x is the value, or the enclosing function returns the error.
#define VLAQ_ASSIGN_OR_RETURN(decl, expr) VLAQ_ASSIGN_OR_RETURN_IMPL(VLAQ_CONCAT(vlaq_result_, __LINE__), decl, expr)
#define VLAQ_ASSIGN_OR_RETURN_IMPL(tmp, decl, expr) \
  auto tmp = (expr);                                \
  if (!tmp.ok()) return tmp.error();                \
  decl = std::move(*tmp)
