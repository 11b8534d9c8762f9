#include "runtime/executor_look_back.h"

#include <algorithm>

namespace vlaq::runtime {
namespace {

using policy::StepKind;

// From marked values backwards until nothing is added: carried values make circles.
void MarkBackwards(const std::vector<ProgramFlow>& flows, std::vector<bool>& marked) {
  for (bool again = true; again;) {
    again = false;
    for (const ProgramFlow& flow : flows) {
      if (std::none_of(flow.to.begin(), flow.to.end(), [&](size_t to) { return marked[to]; })) continue;
      for (const size_t from : flow.from) {
        again = again || !marked[from];
        marked[from] = true;
      }
    }
  }
}

// How many control steps before its own each value depends on.
std::vector<int64_t> DepthsOf(const Program& program, const std::vector<ProgramFlow>& flows) {
  std::vector<int64_t> depths(program.values.size(), 0);
  for (bool again = true; again;) {
    again = false;
    for (const ProgramFlow& flow : flows) {
      int64_t depth = 0;
      for (const size_t from : flow.from) depth = std::max(depth, depths[from]);
      depth = depth > kWholeEpisode - flow.back ? kWholeEpisode : depth + flow.back;
      for (const size_t to : flow.to) {
        again = again || depth > depths[to];
        depths[to] = std::max(depths[to], depth);
      }
    }
  }
  return depths;
}

class Lasting {
 public:
  Lasting(Program& program, const std::vector<ProgramFlow>& flows)
      : program_(program), flows_(flows), depths_(DepthsOf(program, flows)), marked_(program.values.size(), false) {}

  LookBack Run() {
    for (const ProgramOutput& output : program_.outputs) {
      found_.outputs = std::max(found_.outputs, depths_[output.value]);
    }
    for (const ProgramCarry& carry : program_.carries) marked_[carry.value] = true;
    MarkWindows(program_.steps);
    for (bool again = true; again;) {
      MarkBackwards(flows_, marked_);
      again = false;
      for (ProgramStep& step : program_.steps) {
        if (step.lasting || !Lasts(step)) continue;
        step.lasting = true;
        again = true;
        MarkWhole(step);
      }
    }
    found_.at_once = !found_.advance.empty() && found_.lasting == 0 &&
                     std::all_of(program_.steps.begin(), program_.steps.end(),
                                 [&](const ProgramStep& step) { return !step.lasting || GoesAtOnce(step); });
    return found_;
  }

 private:
  // A window keeps each value, whether its own is read or not.
  void MarkWindows(const std::vector<ProgramStep>& steps) {
    for (const ProgramStep& step : steps) {
      if (step.kind == StepKind::kWindow) marked_[step.value] = true;
      MarkWindows(step.steps);
    }
  }

  bool Lasts(const ProgramStep& step) const {
    switch (step.kind) {
      case StepKind::kWindow:
      case StepKind::kCarry:
        return true;
      case StepKind::kRun: {
        const auto& makes = program_.graphs[step.graph].makes;
        return std::any_of(makes.begin(), makes.end(), [&](const auto& made) { return marked_[made.value]; });
      }
      case StepKind::kSelect:
      case StepKind::kConcat:
        return marked_[step.as];
      case StepKind::kHold:
      case StepKind::kRepeat:
        break;
    }
    const auto& carry = step.carry;
    return std::any_of(carry.begin(), carry.end(), [&](const auto& carried) { return marked_[carried.as]; }) ||
           std::any_of(step.steps.begin(), step.steps.end(), [&](const auto& inner) { return Lasts(inner); });
  }

  // Whether it can be for several control steps, side by side along the batch axis.
  bool GoesAtOnce(const ProgramStep& step) const {
    if (step.kind == StepKind::kWindow) return true;
    if (step.kind != StepKind::kRun) return false;
    const ProgramGraph& graph = program_.graphs[step.graph];
    const auto& ports = graph.model->inputs();
    return std::all_of(ports.begin(), ports.end(),
                       [](const backend::Port& port) { return !port.dims.empty() && port.dims[0] < 0; }) &&
           std::all_of(program_.inputs.begin(), program_.inputs.end(), [&](const ProgramInput& input) {
             return input.batched || std::none_of(graph.reads.begin(), graph.reads.end(),
                                                  [&](const auto& read) { return read.value == input.value; });
           });
  }

  // It runs as a whole, so all that it reads must be there.
  void MarkWhole(const ProgramStep& step) {
    if (step.kind == StepKind::kRun) {
      const ProgramGraph& graph = program_.graphs[step.graph];
      found_.advance.insert(graph.name);
      for (const auto& read : graph.reads) marked_[read.value] = true;
      for (const auto& made : graph.makes) found_.lasting = std::max(found_.lasting, depths_[made.value]);
    }
    for (const auto& carried : step.carry) marked_[carried.from] = true;
    for (const size_t value : step.when) marked_[value] = true;
    for (const size_t value : step.values) marked_[value] = true;
    for (const size_t value : {step.value, step.as}) {
      if (value != kNoValue) marked_[value] = true;
    }
    for (const ProgramStep& inner : step.steps) MarkWhole(inner);
  }

  Program& program_;
  const std::vector<ProgramFlow>& flows_;
  std::vector<int64_t> depths_;
  std::vector<bool> marked_;  // values that later control steps need
  LookBack found_;
};

}  // namespace

void MarkNeeded(Program& program, const std::vector<ProgramFlow>& flows) {
  std::vector<bool> needed(program.values.size(), false);
  for (const ProgramOutput& output : program.outputs) needed[output.value] = true;
  MarkBackwards(flows, needed);
  for (size_t i = 0; i < needed.size(); ++i) program.values[i].needed = needed[i];
}

LookBack FindLookBack(Program& program, const std::vector<ProgramFlow>& flows) { return Lasting(program, flows).Run(); }

}  // namespace vlaq::runtime
