#include "cli/cost_arguments.h"

#include <fmt/format.h>

#include <charconv>

namespace vlaq::cli {
namespace {

// Wide enough for any model, and far from where products of extents overflow.
constexpr int64_t kLargestExtent = 1'000'000;

Status AddExtent(const std::string& text, onnx::Extents& extents) {
  const size_t at = text.rfind('=');
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const char* begin = at == std::string::npos ? end : text.data() + at + 1;
  const auto [next, error] = std::from_chars(begin, end, number);
  if (at == 0 || error != std::errc() || next != end || number < 1 || number > kLargestExtent) {
    return UsageError(
        fmt::format("--extent must be NAME=NUMBER with a number from 1 to {}, not '{}'", kLargestExtent, text));
  }
  extents[text.substr(0, at)] = number;
  return {};
}

}  // namespace

Result<onnx::Extents> ReadExtents(const std::vector<std::string>& texts) {
  onnx::Extents extents;
  for (const std::string& text : texts) VLAQ_RETURN_IF_ERROR(AddExtent(text, extents));
  return extents;
}

void CostArguments::AddTo(CLI::App& app, const std::string& what) {
  app.add_option("model", path, what)->required();
  app.add_option("--window", window, "Frames that the policy sees, instead of its own number")
      ->check(CLI::Range(int64_t{1}, kLargestExtent))
      ->type_name("N");
  app.add_option("--extent", extents, "Size of a dynamic axis, by its name or as INPUT:AXIS (x:0=1); batch is 1")
      ->type_name("NAME=NUMBER");
}

Result<cost::CostOptions> CostArguments::Options() const {
  cost::CostOptions options;
  options.window = window;
  VLAQ_ASSIGN_OR_RETURN(options.extents, ReadExtents(extents));
  return options;
}

}  // namespace vlaq::cli
