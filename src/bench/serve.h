// The other end of harness::WorkerSubject: answers questions about one policy, a line of JSON each.
#pragma once

#include <filesystem>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "backend/backend.h"
#include "base/status.h"

namespace vlaq::bench {

// What a worker of vlaq's own can run: a bundle by one of its schedules, a graph, nothing.
enum class Kind { kBundle, kOnnx, kNull };

struct ServeOptions {
  Kind kind = Kind::kBundle;
  std::string schedule;        // of kBundle; empty: the default one
  std::filesystem::path path;  // a bundle; a graph for kOnnx; nothing for kNull
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;  // threads come from the first question
};

// The same, question by question. Not for two threads at once.
class Worker {
 public:
  // Keeps a copy of `options`; its back end outlives it.
  explicit Worker(const ServeOptions& options);
  ~Worker();
  // `question`: one line. The answer, one line without its end; {"error": text} at worst.
  std::string Answer(const std::string& question);

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Answers until `in` ends. Every question gets an answer, {"error": text} at worst.
void Serve(const ServeOptions& options, std::istream& in, std::ostream& out);

}  // namespace vlaq::bench
