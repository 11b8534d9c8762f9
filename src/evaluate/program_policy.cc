#include "evaluate/program_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/child_process.h"
#include "base/json.h"
#include "base/json_field.h"

namespace vlaq::evaluate {
namespace {

class ProgramPolicy : public PolicyUnderTest {
 public:
  ProgramPolicy(std::string command, std::unique_ptr<ChildProcess> process, ActionSpace space, double timeout_s)
      : command_(std::move(command)), process_(std::move(process)), space_(space), timeout_s_(timeout_s) {}

  Status Begin(const std::string& instruction) override {
    instruction_ = instruction;
    return Forget();
  }

  Result<Tensor> Act(const Observation& observation) override {
    const auto is_picture = [](const auto& entry) { return entry.second.dtype() == DType::kU8; };
    const auto picture = std::ranges::find_if(observation, is_picture);
    if (std::ranges::count_if(observation, is_picture) != 1) {
      return InputError(command_, "takes one picture a step, and the observation has none or several");
    }
    const Shape& size = picture->second.shape();
    const Json request{{"reset", reset_}, {"instruction", instruction_}, {"width", size[1]}, {"height", size[0]}};
    VLAQ_RETURN_IF_ERROR(process_->Write(AsBytes(JsonString(request) + "\n"), timeout_s_));
    VLAQ_RETURN_IF_ERROR(process_->Write(picture->second.bytes(), timeout_s_));
    reset_ = false;
    VLAQ_ASSIGN_OR_RETURN(const std::string line, process_->ReadLine(timeout_s_));
    return Parse(line);
  }

  Status Forget() override {
    reset_ = true;
    return {};
  }
  const ActionSpace& space() const override { return space_; }
  std::string Description() const override { return "program: " + command_; }

 private:
  Result<Tensor> Parse(const std::string& line) const {
    VLAQ_ASSIGN_OR_RETURN(const Json answer, ParseJson(line, command_));
    const JsonField root(answer, command_);
    const std::vector<double> action = root["action"].Numbers();
    if (!root.status().ok() || static_cast<int64_t>(action.size()) != space_.action_dim) {
      return Error{ErrorCode::kBackend,
                   fmt::format("the program answered '{}', not {{\"action\": [{} numbers]}}", line.substr(0, 200),
                               space_.action_dim),
                   command_, ""};
    }
    std::vector<float> values;
    for (const double value : action) {
      if (!std::isfinite(static_cast<float>(value)))
        return Error{ErrorCode::kBackend, "an action is not finite", command_, ""};
      values.push_back(static_cast<float>(value));
    }
    return Tensor::From<float>({1, space_.action_dim}, values);
  }

  std::string command_;
  std::unique_ptr<ChildProcess> process_;
  ActionSpace space_;
  double timeout_s_;
  std::string instruction_;
  bool reset_ = true;
};

}  // namespace

Result<std::unique_ptr<PolicyUnderTest>> ProgramPolicyFactory::Make() const {
  VLAQ_ASSIGN_OR_RETURN(auto process, ChildProcess::Start(command_));
  return std::unique_ptr<PolicyUnderTest>(new ProgramPolicy(command_, std::move(process), space_, timeout_s_));
}

}  // namespace vlaq::evaluate
