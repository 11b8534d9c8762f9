// The other end of benchmark::WorkerSubject: answers questions about one policy, a line of JSON each.
#pragma once

#include <filesystem>
#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "backend/backend.h"
#include "base/status.h"

namespace vlaq::measuring {

// What a worker of vlaq's own can run: a bundle by its default schedule or by that of this name, a graph.
inline constexpr std::string_view kWholeSchedule = "whole";
enum class Kind { kStreaming, kWhole, kOnnx, kNull };

struct ServeOptions {
  Kind kind = Kind::kStreaming;
  std::filesystem::path path;  // a bundle; a graph for kOnnx; nothing for kNull
  const backend::Backend* backend = nullptr;
  backend::OpenOptions open;  // threads come from the first question
};

// Answers until `in` ends. Every question gets an answer, {"error": text} at worst.
void Serve(const ServeOptions& options, std::istream& in, std::ostream& out);

}  // namespace vlaq::measuring
