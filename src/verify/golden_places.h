// Where the tensors of a golden file stand in a policy: by the names of its inputs and outputs, of its graphs' ports
// (a window's port stands for the values that go into the window), and of the stages that a bundle names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "bundle/bundle.h"
#include "onnx/graph.h"

namespace vlaq::verify {

struct GoldenPlace {
  std::string seen_as;       // as the executor's probe says it: "latent", "vision.layer_norm"
  std::string graph, value;  // of a value within a graph, which must be asked for it; else empty
  bool is_input = false;     // the policy's own, or made of its text
  bool is_output = false;    // the policy's own
  // When it is made in a step of the default schedule.
  std::pair<size_t, size_t> order;
};

class GoldenPlaces {
 public:
  // Errors: kInput for a graph of the default schedule that cannot be read.
  static Result<GoldenPlaces> Make(const bundle::Bundle& bundle);

  // nullopt: the policy has nothing of this name. `bundle` must be alive.
  std::optional<GoldenPlace> Find(std::string_view name) const;
  // The name under which golden files hold a value: that of the first graph's port that makes or reads it, and of what
  // goes into a window the port that reads the window; else its own.
  std::string NameOf(const std::string& value) const;

 private:
  explicit GoldenPlaces(const bundle::Bundle& bundle) : bundle_(&bundle) {}
  std::optional<GoldenPlace> Bound(std::string value) const;
  std::optional<GoldenPlace> Within(const std::string& value) const;
  const std::vector<policy::Step>& Steps() const;

  const bundle::Bundle* bundle_;
  std::vector<std::string> graphs_;  // in the order in which they run
  size_t of_schedule_ = 0;           // so many of them belong to the default schedule
  // By graph: the node that makes a value, by its place in the file.
  std::map<std::string, std::map<std::string, size_t, std::less<>>, std::less<>> makers_;
};

}  // namespace vlaq::verify
