// Writes one episode of any features, a dataset each under its feature's name (feature_layout.h), row by row, so that
// memory does not grow with its length.
//
// The file appears under its name at Commit(), never before. One thread at a time; any number of writers at once.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/status.h"
#include "data/stream.h"

namespace vlaq::data {

struct FeatureWriterOptions {
  std::vector<Stream> streams;    // pictures uint8 [H, W, 3], anything else float32; one of them is "action"
  std::string task;               // attribute of the file; empty: none
  std::optional<double> rate_hz;  // attribute fps
  bool timestamps = false;        // Append() takes them
  int compression = 4;            // gzip level, 0 to 9
};

class FeatureWriter {
 public:
  // Errors: kUsage if the file exists and `existing` is kRefuse, or a stream has an impossible name, type or shape;
  // kInput if it cannot be written.
  static Result<FeatureWriter> Create(const std::filesystem::path& path, FeatureWriterOptions options,
                                      Existing existing);
  ~FeatureWriter();  // without Commit(), nothing is left behind
  FeatureWriter(FeatureWriter&&) noexcept;
  FeatureWriter& operator=(FeatureWriter&&) noexcept;

  // One step: every stream, the action too, of its type and shape, and when it was, if the options say so: seconds
  // since any moment, ascending. Errors: kUsage naming the stream that is missing or of another shape, or what is wrong
  // with the time; kInput with the library's reason (disk full, ...).
  Status Append(const Observation& step, const std::optional<double>& seconds = {});
  // Errors: kUsage if nothing was appended.
  Status Commit();

 private:
  struct State;
  explicit FeatureWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::data
