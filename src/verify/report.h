// What `verify` found: one line per check, in the order in which they were made. Plain data; what follows from it is
// verdict.h.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "policy/assumption.h"
#include "verify/evidence.h"

namespace vlaq::verify {

// What a check held the bundle against. Only what lies outside the bundle can show that it is the policy.
// kFiles: the ONNX files that it was imported from; kInputsAndOutputs: of the whole policy, recorded elsewhere.
enum class Against { kItself, kCheckpoint, kGolden, kSource, kEpisodes, kSimulator, kFiles, kInputsAndOutputs };

struct Check {
  int stage = 0;     // 0 identity, 1 numerics, 2 execution, 3 open loop, 4 ablation, 5 closed loop
  std::string name;  // "weights", "text_last_hidden"
  bool passed = false;
  std::string detail;  // what was found, and in a failure where
  // Figures for programs: name -> value, e.g. {"max_absolute", 3e-7}, {"limit", 1e-5}.
  std::vector<std::pair<std::string, double>> figures;
  Against against = Against::kItself;
};

// A check that did not run: neither passed nor failed, and never left out silently.
struct Untestable {
  int stage = 0;
  std::string name;
  std::string reason;
  // True if something that can be given would make it run: without it the bundle is not verified. False if it belongs
  // to another machine, or has no meaning for this policy or these episodes.
  bool needed = false;
};

// Something that the comparisons with the outside have shown of the policy's settings (settings.h).
using policy::Shown;

// A setting of the policy and what shows that it is right.
struct Setting {
  std::string name, value;
  bool assumed = false;   // by export, as nothing said otherwise
  std::string proven_by;  // "recorded episodes"; empty: nothing, it is taken on trust
};

struct Report {
  std::vector<Check> checks;
  std::vector<Untestable> untestable;
  // Parameters of the checkpoint (or of the bundle's weights, if none was given) and how many of them the outputs of
  // the whole-policy graph depend on, with contents that were found right.
  int64_t parameters = 0;
  int64_t reached_parameters = 0;
  std::vector<std::string> notes;  // tensors left out, with the reason
  // Checks that have no meaning for a policy of this family: neither passed nor missing.
  std::vector<std::string> not_applicable;
  bool of_files = false;          // made of ONNX files: that is what it can be held against
  std::string action_units = {};  // of "mae_raw" of recorded actions: "m/s"
  std::set<Shown> shown;
  std::set<std::string> shown_by_checkpoint;  // settings that it states itself, alike
  std::set<std::string> shown_by_user;        // settings that a file of the user's own gives alike
  std::vector<Setting> settings;              // filled in when everything was compared
  Evidence evidence;

  double reached_fraction() const {
    return parameters == 0 ? 0 : static_cast<double>(reached_parameters) / static_cast<double>(parameters);
  }
  // The first check that failed, or nullptr.
  const Check* first_failure() const {
    for (const Check& check : checks) {
      if (!check.passed) return &check;
    }
    return nullptr;
  }
};

}  // namespace vlaq::verify
