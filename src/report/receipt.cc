#include "report/receipt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/text.h"

namespace vlaq::report {
namespace {

std::vector<std::string> TextsOr(const JsonField& root, std::string_view key) {
  const auto list = root.Find(key);
  return list ? list->Texts() : std::vector<std::string>();
}

// What outside the bundle it was compared with; nullopt if the receipt does not say.
std::optional<std::vector<std::string>> Grounds(const JsonField& root) {
  if (root.Find("grounds")) return TextsOr(root, "grounds");
  static constexpr std::array kOlder{std::pair{"against", "the checkpoint"}, std::pair{"golden", "golden data"},
                                     std::pair{"reference", "the source bundle"}};
  std::optional<std::vector<std::string>> grounds;
  for (const auto& [key, what] : kOlder) {
    const auto path = root.Find(key);
    if (!path) continue;
    if (!grounds) grounds.emplace();
    if (!path->Text().empty()) grounds->emplace_back(what);
  }
  return grounds;
}

std::vector<std::string> NotTested(const JsonField& root) {
  if (root.Find("except")) return TextsOr(root, "except");
  std::vector<std::string> names;
  for (const JsonField& check : root["untestable"].Items()) names.push_back(check["name"].Text());
  return names;
}

std::string FirstFailure(const JsonField& root) {
  for (const JsonField& check : root["checks"].Items()) {
    if (!check["passed"].Flag()) return fmt::format("{}: {}", check["name"].Text(), check["detail"].Text());
  }
  return "";
}

std::string Missing(const JsonField& root) {
  std::string text;
  const auto missing = root.Find("missing");
  if (!missing) return text;
  for (const JsonField& m : missing->Items()) text += fmt::format("; {}: {}", m["what"].Text(), m["command"].Text());
  return text;
}

// What the receipt says of itself that its checks do not bear out; empty if nothing.
std::string Contradiction(const JsonField& root, const std::string& failure, const std::string& word) {
  const bool passed = root["passed"].Flag();
  const size_t checks = root["checks"].Items().size();
  const bool claims = passed || word == "verified";
  if (claims && checks == 0) return "it says that it passed, and holds no checks";
  if ((claims || word == "intact") && !failure.empty())
    return "it says that it passed, and this check failed: " + failure;
  constexpr std::array<std::string_view, 4> kWords{"", "verified", "intact", "failed"};
  if (std::ranges::find(kWords, word) == kWords.end()) return fmt::format("'{}' is no verdict", word);
  if (!word.empty() && passed != (word == "verified")) return fmt::format("it says '{}' and passed: {}", word, passed);
  if (failure.empty() && (word.empty() ? !passed : word == "failed"))
    return "it says that it failed, and every check passed";
  const auto grounds = Grounds(root);
  if (word == "verified" && grounds && grounds->empty()) return "it says 'verified', compared with nothing";
  return "";
}

}  // namespace

Receipt ReadReceipt(const JsonField& root) {
  Receipt receipt;
  if (const auto settings = root.Find("settings")) {
    for (const JsonField& setting : settings->Items()) {
      if (!setting["assumed"].Flag() || !setting["proven_by"].Text().empty()) continue;
      receipt.unproven.push_back(fmt::format("{} {}", setting["name"].Text(), setting["value"].Text()));
    }
  }
  const auto said = root.Find("verdict");
  const std::string word = said ? said->Text() : "";
  const std::string failure = FirstFailure(root);
  const auto grounds = Grounds(root);
  if (const std::string wrong = Contradiction(root, failure, word); !wrong.empty()) {
    receipt.verdict = {"inconsistent receipt, not verified", Severity::kBad};
    receipt.why = receipt.brief = wrong;
    return receipt;
  }
  if (!failure.empty()) {
    receipt.word = Receipt::Word::kFailed;
    receipt.verdict = {"NOT VERIFIED", Severity::kBad};
    receipt.why = receipt.brief = "first failure: " + failure;
    return receipt;
  }
  const std::string checks =
      fmt::format("{} checks passed; {:.4g} % of {} parameters reach the actions", root["checks"].Items().size(),
                  100 * root["reached_fraction"].Number(), Grouped(root["parameters"].Integer()));
  if (word == "intact" || (word.empty() && grounds && grounds->empty())) {
    receipt.word = Receipt::Word::kIntact;
    receipt.verdict = {"intact, not verified", Severity::kWarning};
    receipt.brief = "compared with nothing outside the bundle";
    receipt.why =
        fmt::format("consistent with itself, compared with nothing outside the bundle; {}{}", checks, Missing(root));
    return receipt;
  }
  receipt.word = Receipt::Word::kVerified;
  const std::vector<std::string> open = NotTested(root);
  receipt.verdict = open.empty() ? Cell("verified", Severity::kGood)
                                 : Cell(fmt::format("verified, except {}", fmt::join(open, ", ")), Severity::kWarning);
  if (grounds) receipt.brief = fmt::format("compared with {}", fmt::join(*grounds, ", "));
  receipt.why = receipt.brief.empty() ? checks : receipt.brief + "; " + checks;
  if (!receipt.unproven.empty())
    receipt.why += fmt::format("; assumed, not proven: {}", fmt::join(receipt.unproven, ", "));
  return receipt;
}

}  // namespace vlaq::report
