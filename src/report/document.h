// The documents that a report is made of, as vlaq's commands wrote them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/json_field.h"
#include "base/json_fwd.h"
#include "base/status.h"

namespace vlaq::report {

struct Document {
  std::filesystem::path path;
  std::string kind;  // "vlaq.results/1"; of evaluations with their mode: "vlaq.eval/2 open_loop"
  std::shared_ptr<const Json> json;

  JsonField root() const { return {*json, path.string(), "let the command that wrote the document write it again"}; }
  std::string name() const { return path.filename().string(); }
};

// Errors: kInput if the file is no JSON object with a member "schema".
Result<Document> ReadDocument(const std::filesystem::path& path);

}  // namespace vlaq::report
