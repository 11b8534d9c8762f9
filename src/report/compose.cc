#include "report/compose.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/version.h"
#include "report/sections.h"

namespace vlaq::report {
namespace {

struct Kind {
  std::string_view kind;  // Document::kind
  std::string_view what;
  void (*add)(const Document&, const JsonField&, Draft&);
};
constexpr std::array kKinds{
    Kind{"vlaq.verify/2", "receipts of vlaq verify", AddReceipt},
    Kind{"vlaq.results/1", "results of vlaq bench", AddResults},
    Kind{"vlaq.eval/2 open_loop", "evaluations on recorded episodes of vlaq eval", AddOpenLoop},
    Kind{"vlaq.eval/2 simulation", "evaluations in the simulator of vlaq eval --rollouts", AddSimulation},
    Kind{"vlaq.sim.render/1", "drives of vlaq sim render", AddDrive},
    Kind{"vlaq.plan_quantize/1", "vlaq plan quantize --json", AddPlan},
    Kind{"vlaq.quantize/1", "vlaq quantize --json", AddQuantized},
    Kind{"vlaq.plan_cost/1", "vlaq plan cost --json", AddCost},
    Kind{"vlaq.plan_device/1", "vlaq plan device --json", AddDevice},
    Kind{"vlaq.inspect/1", "vlaq inspect --json of a bundle", AddInspection},
};

}  // namespace

std::vector<std::string> KnownKinds() {
  std::vector<std::string> kinds;
  for (const Kind& kind : kKinds) kinds.push_back(fmt::format("{} ({})", kind.what, kind.kind));
  return kinds;
}

Result<Page> Compose(const std::vector<Document>& documents, const std::string& title) {
  std::vector<std::string> names;
  std::vector<std::pair<const Kind*, const Document*>> ordered;
  for (const Document& document : documents) {
    const auto kind = std::ranges::find(kKinds, document.kind, &Kind::kind);
    if (kind == kKinds.end()) {
      return InputError(document.path.string(), fmt::format("a report cannot show '{}'", document.kind),
                        fmt::format("it shows {}", fmt::join(KnownKinds(), ", ")));
    }
    ordered.emplace_back(&*kind, &document);
    names.push_back(document.name());
  }
  // In the order of the table: receipts know most about which policy is which, so they come first.
  std::ranges::stable_sort(ordered, {}, [](const auto& of) { return of.first; });
  Draft draft;
  for (const auto& [kind, document] : ordered) {
    const JsonField root = document->root();
    kind->add(*document, root, draft);
    VLAQ_RETURN_IF_ERROR(root.status());
  }
  Page page = std::move(draft).Finish();
  if (page.title.empty()) page.title = fmt::format("Report of {}", names.empty() ? "nothing" : names.front());
  if (!title.empty()) {
    if (!page.headline.text.empty()) page.headline.text = page.title + ". " + page.headline.text;
    page.title = title;
  }
  page.subtitle = fmt::format("vlaq {} report of {}", kVersion, fmt::join(names, ", "));
  return page;
}

}  // namespace vlaq::report
