// Tiny bundles, golden files made from them, and ways to break both. For the tests beside it.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "backend/reference/reference.h"
#include "base/hash.h"
#include "base/testing.h"
#include "export/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "onnx/model_file.h"
#include "runtime/testing.h"
#include "verify/identity.h"
#include "verify/report.h"

namespace vlaq::verify::testing {

using kosmos2_lstm::testing::RandomTensor;
using kosmos2_lstm::testing::TinyPolicy;

// A policy in `folder`, exported to folder/bundle.
inline bundle::Bundle ExportTiny(const TinyPolicy& policy, const std::filesystem::path& folder,
                                 const std::filesystem::path& tokenizer = {}) {
  exporting::ExportOptions options;
  options.settings.tokenizer = tokenizer;
  auto bundle = exporting::testing::ExportTiny(folder, policy, std::move(options));
  EXPECT_TRUE(bundle.ok()) << bundle.error().ToString();
  return bundle.ok() ? *std::move(bundle) : bundle::Bundle{};
}

inline void EditJson(const std::filesystem::path& path, const std::function<void(Json&)>& edit) {
  Json json = *ReadJsonFile(path);
  edit(json);
  kosmos2_lstm::testing::WriteText(path, json.dump());
}

// Makes policy.json believe in the files as they are now: whoever breaks a bundle may also do that.
inline void AcceptFiles(const std::filesystem::path& folder) {
  EditJson(folder / "policy.json", [&](Json& json) {
    const auto accept = [&](Json& record) {
      const auto described = bundle::Describe(folder / record["file"].get<std::string>());
      record["bytes"] = described->bytes;
      record["sha256"] = described->sha256;
    };
    for (auto& graph : json["graphs"]) accept(graph);
    accept(json["weights"]);
  });
}

inline void EditGraph(const std::filesystem::path& path, const std::function<void(onnx::Model&)>& edit) {
  onnx::Model model = *onnx::ReadModel(path);
  edit(model);
  const std::string bytes = *onnx::Serialize(model);
  kosmos2_lstm::testing::WriteText(path, bytes);
}

// Changes the stored bytes of one weight.
inline void EditWeight(const bundle::Bundle& bundle, const std::string& name,
                       const std::function<void(std::span<float>)>& edit) {
  const auto records = *bundle::ReadWeightRecords(bundle);
  for (const bundle::WeightRecord& record : records) {
    if (record.name != name) continue;
    std::fstream file(bundle.WeightsPath(), std::ios::in | std::ios::out | std::ios::binary);
    std::vector<float> values(record.length / sizeof(float));
    file.seekg(static_cast<std::streamoff>(record.offset));
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(record.length));
    edit(values);
    file.seekp(static_cast<std::streamoff>(record.offset));
    file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(record.length));
  }
}

// What `bundle` itself computes for `steps` random frames, as a golden file's tensors.
inline std::map<std::string, Tensor> GoldenOf(const bundle::Bundle& bundle, size_t steps) {
  const auto backend = backend::MakeReferenceBackend();
  runtime::ExtraOutputs extra;
  for (const auto& [stage, value] : bundle.stages) extra["encoder"].push_back(value);
  const auto runner = *runtime::testing::FrameRunner::Open(bundle, *backend, {}, "", extra);
  std::map<std::string, std::vector<Tensor>> rows;
  for (size_t t = 0; t < steps; ++t) {
    const Tensor pixels = RandomTensor({3, 8, 8}, 500 + t, 1);
    rows["actions"].push_back(*runner->Step(pixels));
    rows["pixel_values"].push_back(pixels);
    rows["features"].push_back(runner->Seen("feature"));
    for (const auto& [stage, value] : bundle.stages) rows[stage].push_back(runner->Seen("encoder." + value));
  }
  std::map<std::string, Tensor> golden;
  for (const auto& [name, parts] : rows) golden[name] = runtime::testing::Stack(parts);
  for (const auto& [name, value] : runner->task) {
    golden[name.substr(name.find('.') + 1)] = value.Reshaped({1, value.size()});
  }
  return golden;
}

// A copy; with the name "absent" if there is no such check.
inline Check Find(const Report& report, std::string_view name) {
  for (const Check& check : report.checks) {
    if (check.name == name) return check;
  }
  return {0, "absent", false, "", {}};
}
inline Check FirstFailed(const Report& report) {
  return report.first_failure() == nullptr ? Check{0, "none", true, "", {}} : *report.first_failure();
}
inline std::string FirstFailure(const Report& report) { return FirstFailed(report).name; }

}  // namespace vlaq::verify::testing
