#include "backend/onnxruntime/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "backend/onnxruntime/ort.h"
#include "backend/onnxruntime/profile.h"
#include "backend/onnxruntime/providers.h"
#include "backend/onnxruntime/values.h"
#include "base/mapped_file.h"
#include "base/parallel.h"
#include "base/text.h"

namespace vlaq::backend {
namespace {

// Keys of newer headers are spelled out where 1.21 does not have them.
constexpr const char* kExternalFolder = "session.model_external_initializers_file_folder_path";
constexpr const char* kNoCpuFallback = "session.disable_cpu_ep_fallback";

Error Refused(const std::string& where, std::string what, std::string advice = "") {
  return Error{ErrorCode::kBackend, std::move(what), where, std::move(advice)};
}

// Creates V2 provider options, gives them all keys at once (each update starts from the defaults), appends them to the
// session and releases them.
template <typename Options>
void AppendV2(Ort::SessionOptions& session, const KeyValues& given, OrtStatus* (*create)(Options**),
              OrtStatus* (*update)(Options*, const char* const*, const char* const*, size_t), void (*release)(Options*),
              OrtStatus* (*append)(OrtSessionOptions*, const Options*)) {
  Options* options = nullptr;
  Ort::ThrowOnError(create(&options));
  const std::unique_ptr<Options, void (*)(Options*)> owner(options, release);
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : given) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  if (!keys.empty()) Ort::ThrowOnError(update(options, keys.data(), values.data(), keys.size()));
  Ort::ThrowOnError(append(session, options));
}

void AppendProvider(Ort::SessionOptions& session, const std::string& provider, const std::string& full_name,
                    const KeyValues& options) {
  const OrtApi& api = Ort::GetApi();
  if (provider == "cuda") {
    AppendV2<OrtCUDAProviderOptionsV2>(session, options, api.CreateCUDAProviderOptions, api.UpdateCUDAProviderOptions,
                                       api.ReleaseCUDAProviderOptions,
                                       api.SessionOptionsAppendExecutionProvider_CUDA_V2);
  } else if (provider == "tensorrt") {
    AppendV2<OrtTensorRTProviderOptionsV2>(session, options, api.CreateTensorRTProviderOptions,
                                           api.UpdateTensorRTProviderOptions, api.ReleaseTensorRTProviderOptions,
                                           api.SessionOptionsAppendExecutionProvider_TensorRT_V2);
  } else {
    session.AppendExecutionProvider(full_name.substr(0, full_name.rfind("ExecutionProvider")));
  }
}

// Appends `provider`, with options that are its own.
Status AddProvider(Ort::SessionOptions& session, const std::string& provider, const OpenOptions& options, int minor) {
  VLAQ_RETURN_IF_ERROR(FindOrtProvider(provider));
  const auto all = Ort::GetAvailableProviders();
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const auto& name) { return ShortProviderName(name) == provider; });
  VLAQ_ASSIGN_OR_RETURN(const KeyValues values, OptionsFor(provider, options, minor));
  AppendProvider(session, provider, *it, values);
  return {};
}

Status SelectProviders(Ort::SessionOptions& session, const OpenOptions& options, int minor) {
  if (options.provider == "cpu") {
    if (options.provider_options.empty() && options.fallback_providers.empty()) return {};
    return UsageError("the provider cpu takes no options, and every node runs on it");
  }
  VLAQ_RETURN_IF_ERROR(AddProvider(session, options.provider, options, minor));
  for (const std::string& further : FurtherProviders(options.fallback_providers)) {
    OpenOptions plain = options;
    plain.provider_options.clear();  // they are the first one's
    VLAQ_RETURN_IF_ERROR(AddProvider(session, further, plain, minor));
  }
  // Nodes that no provider takes would otherwise run on the CPU without a word.
  if (!AllowsCpu(options.fallback_providers)) session.AddConfigEntry(kNoCpuFallback, "1");
  // It says where each node goes only at its most talkative.
  session.SetLogSeverityLevel(ORT_LOGGING_LEVEL_VERBOSE);
  return {};
}

Result<Ort::SessionOptions> MakeOptions(const ModelSource& source, const OpenOptions& options, int threads, int minor) {
  Ort::SessionOptions session;
  session.SetIntraOpNumThreads(threads);
  session.SetInterOpNumThreads(1);
  session.SetExecutionMode(ORT_SEQUENTIAL);
  session.SetGraphOptimizationLevel(options.optimize ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
  session.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  if (!source.folder.empty()) {
    const auto folder = std::filesystem::absolute(source.folder).string();
    session.AddConfigEntry(kExternalFolder, folder.c_str());
  }
  if (!options.profile.empty()) session.EnableProfiling(options.profile.c_str());
  VLAQ_RETURN_IF_ERROR(SelectProviders(session, options, minor));
  return session;
}

// Most models come as bytes. One that a provider may look for more beside (an engine that it names, weights that its
// own parser reads) it has to know the place of.
Ort::Session MakeSession(Ort::Env& environment, const ModelSource& source, const OpenOptions& options,
                         const Ort::SessionOptions& session_options) {
  if (options.provider != "cpu" && !source.file.empty()) return {environment, source.file.c_str(), session_options};
  return {environment, source.onnx->data(), source.onnx->size(), session_options};
}

class OrtSession final : public OpenedModel {
 public:
  OrtSession(Ort::Session session, std::string description, bool profiles)
      : session_(std::move(session)), description_(std::move(description)), profiles_(profiles) {}

  Status DescribePorts() {
    Ort::AllocatorWithDefaultOptions allocator;
    for (size_t i = 0; i < session_.GetInputCount(); ++i) {
      const auto name = session_.GetInputNameAllocated(i, allocator);
      VLAQ_ASSIGN_OR_RETURN(Port port, DescribePort(name.get(), session_.GetInputTypeInfo(i)));
      inputs_.push_back(std::move(port));
    }
    for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
      const auto name = session_.GetOutputNameAllocated(i, allocator);
      VLAQ_ASSIGN_OR_RETURN(Port port, DescribePort(name.get(), session_.GetOutputTypeInfo(i)));
      outputs_.push_back(std::move(port));
    }
    for (const Port& port : inputs_) input_names_.push_back(port.name.c_str());
    for (const Port& port : outputs_) output_names_.push_back(port.name.c_str());
    return {};
  }

  const std::vector<Port>& inputs() const override { return inputs_; }
  const std::vector<Port>& outputs() const override { return outputs_; }
  std::string Description() const override { return description_; }

  Result<NamedTensors> Run(const NamedTensors& inputs) override {
    VLAQ_RETURN_IF_ERROR(CheckInputs(inputs_, inputs));
    try {
      std::vector<Ort::Value> values;
      for (const Port& port : inputs_) {
        VLAQ_ASSIGN_OR_RETURN(Ort::Value value, BorrowedValue(inputs.at(port.name)));
        values.push_back(std::move(value));
      }
      auto results = session_.Run(Ort::RunOptions{nullptr}, input_names_.data(), values.data(), values.size(),
                                  output_names_.data(), output_names_.size());
      NamedTensors outputs;
      for (size_t i = 0; i < results.size(); ++i) {
        VLAQ_ASSIGN_OR_RETURN(Tensor tensor, OwningTensor(std::move(results[i])));
        outputs.emplace(outputs_[i].name, std::move(tensor));
      }
      return outputs;
    } catch (const std::exception& error) {
      return Refused(description_, error.what());
    }
  }

  Result<std::vector<ExecutedNode>> Profile() override {
    if (!profiles_) return Refused(description_, "keeps no profile, or gave it already");
    profiles_ = false;
    try {
      Ort::AllocatorWithDefaultOptions allocator;
      const std::string path = session_.EndProfilingAllocated(allocator).get();
      VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
      return ParseOrtProfile(AsText(file->bytes()), path);
    } catch (const std::exception& error) {
      return Refused(description_, error.what());
    }
  }

 private:
  Ort::Session session_;
  std::string description_;
  bool profiles_;
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<const char*> input_names_;  // into inputs_
  std::vector<const char*> output_names_;
};

}  // namespace

std::vector<std::string> OrtProviders() {
  auto names = Ort::GetAvailableProviders();
  std::transform(names.begin(), names.end(), names.begin(), ShortProviderName);
  std::sort(names.begin(), names.end());
  return names;
}

Status FindOrtProvider(std::string_view provider) {
  const auto all = OrtProviders();
  if (std::find(all.begin(), all.end(), provider) != all.end()) return {};
  return Refused("ONNX Runtime",
                 fmt::format("this library has no execution provider '{}'; it has {}", provider, fmt::join(all, ", ")),
                 HowToGet(provider));
}

Result<std::unique_ptr<OpenedModel>> OpenOrtSession(const OrtLibrary& library, const ModelSource& source,
                                                    const OpenOptions& options) {
  const int threads = options.threads > 0 ? options.threads : HardwareThreads();
  const bool elsewhere = options.provider != "cpu";
  const OrtLogCapture log;
  try {
    VLAQ_ASSIGN_OR_RETURN(Ort::SessionOptions session_options,
                          MakeOptions(source, options, threads, MinorVersion(library.version)));
    Ort::Session session = MakeSession(*static_cast<Ort::Env*>(library.environment), source, options, session_options);
    std::string description =
        fmt::format("ONNX Runtime {}, {}, {}", library.version, options.provider, Counted(threads, "thread"));
    if (!options.engines.empty()) description += fmt::format(", engine {}", source.file.stem().string());
    if (elsewhere) {
      const auto placements = ReadPlacements(log.lines());
      VLAQ_RETURN_IF_ERROR(CheckPlacements(placements, options.provider, options.fallback_providers, source.name));
      description += fmt::format(" ({})", PlacementText(placements));
    }
    auto opened = std::make_unique<OrtSession>(std::move(session), std::move(description), !options.profile.empty());
    const Status ports = opened->DescribePorts();
    if (!ports.ok()) return Within(source.name, ports.error());
    return std::unique_ptr<OpenedModel>(std::move(opened));
  } catch (const std::exception& error) {
    // ONNX Runtime says that nodes fell to the CPU, but not which.
    if (const auto placements = ReadPlacements(log.lines()); elsewhere && !placements.empty()) {
      VLAQ_RETURN_IF_ERROR(CheckPlacements(placements, options.provider, options.fallback_providers, source.name));
    }
    if (auto missing = MissingLibrary(error.what(), options.provider); elsewhere && missing) return *missing;
    return Refused(source.name,
                   fmt::format("ONNX Runtime {} does not open the model: {}", library.version, error.what()));
  }
}

}  // namespace vlaq::backend
