// What several documents say of one policy, put together: a receipt, a measurement and an evaluation of the same bundle
// know each other by its hashes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/page.h"

namespace vlaq::report {

// How a document names a policy; what it does not say is empty.
struct PolicyKey {
  std::string path;         // or a name
  std::string policy_sha;   // of policy.json
  std::string weights_sha;  // of weights.bin
};

struct Timing {
  std::string subject, mode;  // "int8", "streaming"
  double median_ns = 0;
  std::string faster;  // "2.6 (2.5 to 2.7) times as fast as onnx"; empty for the first
  std::string ratio;   // "2.6"
  std::string state;   // "VALID"
};

// Texts; what no document says is empty.
struct Policy {
  PolicyKey key;
  std::string name;
  std::optional<Cell> verdict;  // of a receipt
  std::string why;
  std::string size, of_source;  // "1.75 MB", "31 %"
  std::string differs;          // "0.0044": the largest difference of an action from its source's
  std::string error, error_change;
  std::string missed;   // "1 of 30 frames, INVALID": without an action in time
  std::string success;  // "20 of 20 → 19 of 20": its source, itself
  std::string arithmetic;
  std::string unproven;
  std::string measured;  // where and when
  std::vector<Timing> timings;
};

// The last part of a path; other text, such as a command, as it is.
std::string ShortName(const std::string& path);

class Policies {
 public:
  // The one of this key, made if it is new. The same policy.json is the same policy; where one of two documents does
  // not know it, the same weights; where there are no hashes to compare, the same name. Stays valid until the next
  // call.
  Policy& Of(const PolicyKey& key);

  const std::vector<Policy>& list() const { return list_; }
  Cards AsCards() const;
  // A row for each, with the columns of which something is known. No rows for fewer than two.
  Table Comparison() const;

 private:
  std::vector<Policy> list_;
};

}  // namespace vlaq::report
