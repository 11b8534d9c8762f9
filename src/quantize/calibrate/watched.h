// Which values of a policy's graphs are watched while it runs, and what keeps them until they are counted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bundle/bundle.h"
#include "quantize/calibrate/activation_observer.h"
#include "quantize/calibrate/observed.h"
#include "runtime/open_policy.h"

namespace vlaq::calibrate {

// A value of a graph to be watched.
struct Watched {
  std::string graph, value;  // as the graph has it
  std::string seen_as;       // as the executor's probe says it
  bool is_port = false;      // bound in the schedule; else the graph must be asked for it
  size_t order = 0;          // when a step makes it
  ObservedValue observed;    // under its name in statistics
};
struct WatchedValues {
  std::vector<Watched> values;
  // The mask of an instruction that every graph was told when it was made: 0 for padding; empty: there is none.
  std::vector<int64_t> baked_mask;
};

// The values of the graphs that the default schedule runs. Errors: kInput naming the graph's file.
Result<WatchedValues> WatchedIn(const bundle::Bundle& bundle);
// Those that graphs must be asked for.
runtime::ExtraOutputs ExtraOf(const std::vector<Watched>& values);

// Keeps what it sees until the observer takes it: at the end of a run, or when a value comes again (a repeat).
class Watcher : public runtime::Probe {
 public:
  Watcher(const std::vector<Watched>& values, ActivationObserver& observer);

  // What is seen from now on is of these items: of one, or of several that run at once.
  void Begin(std::vector<BatchSample> items, std::vector<int64_t> mask);
  void See(std::string_view name, const Tensor& value) override;
  // Errors: those of the observer.
  Status End();
  // Bytes of each value, the most that one run had at once.
  const std::map<std::string, uint64_t>& bytes() const { return bytes_; }

 private:
  void Take();

  ActivationObserver& observer_;
  std::multimap<std::string, const Watched*, std::less<>> by_name_;
  std::map<std::string, uint64_t> bytes_;
  std::vector<BatchSample> items_;
  std::vector<int64_t> mask_;
  backend::NamedTensors seen_;
  const backend::NamedTensors nothing_;
  std::map<size_t, ObservedValue> values_;  // of what is seen, by order
  Status status_;
};

}  // namespace vlaq::calibrate
