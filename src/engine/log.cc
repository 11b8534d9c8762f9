#include "engine/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>

namespace vlaq::engine {
namespace {

constexpr std::string_view kBanner = "[TensorRT v";
constexpr size_t kLongestQuote = 300;
constexpr std::string_view kNotSaved = "Saving engine to file failed";

// The text between two words of a line.
std::optional<std::string_view> Between(std::string_view line, std::string_view before, std::string_view after) {
  const size_t from = line.find(before);
  if (from == std::string_view::npos) return std::nullopt;
  line.remove_prefix(from + before.size());
  return line.substr(0, line.find(after));
}

std::optional<double> NumberBetween(std::string_view line, std::string_view before, std::string_view after) {
  const auto text = Between(line, before, after);
  if (!text) return std::nullopt;
  const std::string number(*text);
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  if (end == number.c_str()) return std::nullopt;
  return value;
}

// "[11/20/2026-10:00:00] [E] text" -> 'E' and the text. Lines of the libraries below have "[TRT]" after that.
struct Line {
  char severity = 0;
  std::string_view text;
};
Line Take(std::string_view line) {
  for (const char severity : {'E', 'W', 'I', 'F'}) {
    const std::array<char, 4> mark{'[', severity, ']', ' '};
    const size_t at = line.find(std::string_view(mark.data(), mark.size()));
    constexpr size_t kLongestTime = 32;
    if (at > kLongestTime) continue;  // or not there at all
    std::string_view text = line.substr(at + mark.size());
    if (text.starts_with("[TRT] ")) text.remove_prefix(6);
    return {severity == 'F' ? 'E' : severity, text};
  }
  return {0, line};
}

void AddOnce(std::vector<std::string>& list, std::string_view text) {
  if (text.empty() || std::find(list.begin(), list.end(), text) != list.end()) return;
  list.emplace_back(text.substr(0, kLongestQuote));
}

struct Cause {
  std::vector<std::string_view> words;  // any of them
  ErrorCode code;
  std::string_view what, advice;
  bool as_warning = false;  // where nothing else says why, a warning of this kind does
};
constexpr std::string_view kNoMemory = "out of memory while building";

const std::vector<Cause>& Causes() {
  static const std::vector<Cause> causes{
      {{"No space left on device", "Disk quota exceeded", "File too large"},
       ErrorCode::kInput,
       "the disk is full",
       "free some space, or give another --engine-dir"},
      {{"Cuda Runtime (out of memory)", "Error Code 2: OutOfMemory", "OutOfMemory Error", "out of memory", "bad_alloc",
        "Requested amount of GPU memory"},
       ErrorCode::kBackend,
       kNoMemory,
       "close other programs, add swap, give --workspace, or build --parts encoder,head instead of the whole graph",
       true},
      // Jetson's own allocator, which numbers the reason as errno does: 12 is ENOMEM. TensorRT then names none.
      {{"NvMapMemAlloc", "NvMapMemHandleAlloc"},
       ErrorCode::kBackend,
       kNoMemory,
       "close other programs, add swap, give --workspace, or build --parts encoder,head; a reboot clears memory that "
       "is "
       "free but in pieces"},
      {{"No importer registered for op", "UNSUPPORTED_NODE", "UNSUPPORTED_GRAPH", "could not find plugin",
        "Plugin not found", "Unsupported operator"},
       ErrorCode::kInput,
       "this TensorRT does not know an operator of the graph",
       "vlaq check names what its version takes; quantize for the target of this version"},
      {{"incompatible serialization version", "Serialization assertion", "Version tag does not match",
        "older plan file", "magicTag", "only compatible with"},
       ErrorCode::kBackend,
       "the engine or the timing cache belongs to another version of TensorRT",
       "engines do not move between versions or boards: build again with --force"},
      {{"invalid weights type of Int8", "Unsupported ONNX data type", "Assertion failed", "Failed to parse onnx file",
        "INVALID_NODE", "ModelImporter"},
       ErrorCode::kInput,
       "this TensorRT refuses the graph",
       "quantize for the target of this version (vlaq check names the rule)"},
      {{"Unknown option"},
       ErrorCode::kBackend,
       "this trtexec does not know an option that vlaq gives for its version",
       "name the trtexec of the board's own TensorRT with --trtexec"},
      {{"Could not find any implementation for node", "Skipping tactic"},
       ErrorCode::kBackend,
       "TensorRT found no implementation for a part of the graph",
       "most often too little memory: close other programs, or give --workspace",
       true},
      {{"cannot open shared object", "CUDA driver version is insufficient", "no CUDA-capable device",
        "CUDA initialization failure", "Could not load library"},
       ErrorCode::kBackend,
       "CUDA or TensorRT is not complete on this machine",
       "on a Jetson: sudo apt install nvidia-jetpack"},
  };
  return causes;
}

const std::string* FindLine(const std::vector<std::string>& lines, std::string_view word) {
  const auto line =
      std::find_if(lines.begin(), lines.end(), [&](const std::string& l) { return l.find(word) != std::string::npos; });
  return line == lines.end() ? nullptr : &*line;
}

// The first error that has one of a cause's words.
const Cause* FindCause(const ToolLog& log, const std::string& output, std::string& quote) {
  for (const Cause& cause : Causes()) {
    for (const std::string_view word : cause.words) {
      if (const std::string* line = FindLine(log.errors, word); line != nullptr) {
        quote = *line;
        return &cause;
      }
      // What the system or the C++ library says has no severity.
      const size_t at = output.find(word);
      if (at == std::string::npos) continue;
      const size_t line = at == 0 ? 0 : output.rfind('\n', at - 1) + 1;
      const std::string_view whole = std::string_view(output).substr(line, output.find('\n', at) - line);
      if (Take(whole).severity != 0) continue;  // an option or a note that happens to hold the word
      quote = whole.substr(0, kLongestQuote);
      return &cause;
    }
  }
  return nullptr;
}

// Asked last: many warnings, such as those of the importer about types of inputs, come with every engine.
const Cause* FindWarning(const ToolLog& log, std::string& quote) {
  for (const Cause& cause : Causes()) {
    for (const std::string_view word : cause.words) {
      const std::string* line = cause.as_warning ? FindLine(log.warnings, word) : nullptr;
      if (line == nullptr) continue;
      quote = *line;
      return &cause;
    }
  }
  return nullptr;
}

Error Because(const Cause& cause, const std::string& quote, const std::string& doing) {
  return Error{cause.code, fmt::format("{}: \"{}\"", cause.what, quote), doing, std::string(cause.advice)};
}

// trtexec does not say why it could not write.
Error NotSaved(const std::string& quote, std::optional<uint64_t> free_bytes, const std::string& doing) {
  constexpr uint64_t kFull = uint64_t{64} << 20;
  const bool full = free_bytes && *free_bytes < kFull;
  return InputError(doing,
                    fmt::format("{}: \"{}\"", full ? "the disk is full" : "the engine could not be written", quote),
                    full ? "free some space, or give another --engine-dir"
                         : "see that the folder may be written to and has room, or give another --engine-dir");
}

std::string_view LastLine(std::string_view text) {
  const size_t end = text.find_last_not_of(" \n");
  if (end == std::string_view::npos) return "nothing";
  text = text.substr(0, end + 1);
  const size_t start = text.rfind('\n');
  return text.substr(start == std::string_view::npos ? 0 : start + 1).substr(0, kLongestQuote);
}

}  // namespace

ToolLog ReadLog(std::string_view text) {
  ToolLog log;
  log.stand_in = text.find(kStandInMark) != std::string_view::npos;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("&&&& ")) {
      if (const auto digits = Between(line, kBanner, "]"); digits && !log.version)
        log.version = VersionFromBanner(*digits);
      if (line.starts_with("&&&& PASSED")) log.passed = true;
      if (line.starts_with("&&&& FAILED")) log.passed = false;
      continue;
    }
    const Line taken = Take(line);
    if (taken.severity == 'E') AddOnce(log.errors, taken.text);
    if (taken.severity == 'W') AddOnce(log.warnings, taken.text);
    if (const auto s = NumberBetween(taken.text, "Engine built in ", " sec")) log.build_seconds = s;
    if (const auto m = NumberBetween(taken.text, "engine with size: ", " MiB")) log.engine_mib = m;
    if (const auto m = NumberBetween(taken.text, "Loaded engine size: ", " MiB")) log.engine_mib = m;
    if (taken.text.find("TensorRT-managed allocation") != std::string_view::npos) {
      if (const size_t now = taken.text.find("now:"); now != std::string_view::npos) {
        if (const auto m = NumberBetween(taken.text.substr(now), "GPU ", " (MiB)")) log.managed_mib = m;
      }
    }
    if (const auto name = Between(taken.text, "Selected Device: ", "\n")) log.device = *name;
  }
  return log;
}

Status JudgeRun(const ProgramRun& run, const ToolLog& log, const std::string& doing,
                std::optional<uint64_t> free_bytes) {
  if (run.signal == 0 && run.exit_code == 0 && log.passed == true) return {};
  std::string quote;
  if (const Cause* cause = FindCause(log, run.output, quote); cause != nullptr) return Because(*cause, quote, doing);
  if (const std::string* line = FindLine(log.errors, kNotSaved); line != nullptr) {
    return NotSaved(*line, free_bytes, doing);
  }
  if (run.signal == SIGKILL) {
    return Error{ErrorCode::kBackend, "trtexec was killed from outside, as the system does when memory runs out", doing,
                 "see `dmesg`; close other programs, add swap, or build --parts encoder,head"};
  }
  if (run.signal != 0) {
    return Error{ErrorCode::kBackend, fmt::format("trtexec crashed: it {}", run.HowItEnded()), doing,
                 log.errors.empty() ? "the log says nothing more" : "it last said: " + log.errors.back()};
  }
  if (!log.passed) {
    return Error{ErrorCode::kBackend,
                 fmt::format("trtexec {}, and its log breaks off before a verdict; it last said \"{}\"",
                             run.HowItEnded(), LastLine(run.output)),
                 doing, "the log is truncated: nothing it made is used"};
  }
  if (const Cause* cause = FindWarning(log, quote); cause != nullptr) return Because(*cause, quote, doing);
  const std::string why = log.errors.empty() ? "without an error in its log" : "\"" + log.errors.front() + "\"";
  return Error{ErrorCode::kBackend, fmt::format("trtexec {}: {}", run.HowItEnded(), why), doing, ""};
}

}  // namespace vlaq::engine
