#include "ros2/names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace vlaq::ros2 {
namespace {

// DDS allows 255 bytes, and ROS keeps some for its prefix and suffix.
constexpr size_t kMaxNameBytes = 247;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_'; }

// What is wrong with one part between slashes; empty if nothing is.
std::string_view WrongInToken(std::string_view token) {
  if (token.empty()) return "has an empty part";
  if (IsDigit(token.front())) return "has a part that begins with a digit";
  if (!std::all_of(token.begin(), token.end(), IsWordCharacter)) {
    return "has a character other than letters, digits and _";
  }
  if (token.find("__") != std::string_view::npos) return "has two underscores in a row";
  return {};
}

std::string_view WrongInPath(std::string_view path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (const std::string_view wrong = WrongInToken(path.substr(begin, end - begin)); !wrong.empty()) return wrong;
    begin = end + 1;
  }
  return {};
}

// Of a topic's name in any of the three forms.
Status CheckTopicName(std::string_view name) {
  std::string_view path = name;
  if (path.starts_with("~/")) {
    path.remove_prefix(2);
  } else if (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  std::string_view wrong = WrongInPath(path);
  if (name.empty()) wrong = "is empty";
  if (name.size() > kMaxNameBytes) wrong = "is longer than 247 bytes";
  if (wrong.empty()) return {};
  return UsageError(fmt::format("'{}' is no name of a topic: it {}", Printable(name, 80), wrong),
                    "names are like /cmd_vel, camera/image or ~/status");
}

// The absolute name, before remapping.
std::string Expand(std::string_view name, const NameSpace& space) {
  if (name.starts_with('/')) return std::string(name);
  std::string absolute = space.name_space == "/" ? "" : space.name_space;
  if (name.starts_with("~/")) {
    absolute.append("/").append(space.node_name);
    name.remove_prefix(1);
    return absolute.append(name);
  }
  return absolute.append("/").append(name);
}

}  // namespace

Result<Remapping> ParseRemapping(std::string_view rule) {
  const size_t at = rule.find(":=");
  if (at == std::string_view::npos) {
    return UsageError(fmt::format("'{}' is no remapping", Printable(rule, 80)),
                      "a remapping is OLD:=NEW, as /cmd_vel:=/base/cmd_vel");
  }
  Remapping remapping{std::string(rule.substr(0, at)), std::string(rule.substr(at + 2))};
  VLAQ_RETURN_IF_ERROR(CheckTopicName(remapping.from));
  VLAQ_RETURN_IF_ERROR(CheckTopicName(remapping.to));
  return remapping;
}

Status CheckNameSpace(const NameSpace& space) {
  const std::string& name = space.name_space;
  if (!name.starts_with('/') || (name != "/" && !WrongInPath(std::string_view(name).substr(1)).empty())) {
    return UsageError(fmt::format("'{}' is no namespace", Printable(name, 80)), "a namespace is like / or /robot1");
  }
  if (const std::string_view wrong = WrongInToken(space.node_name); !wrong.empty()) {
    return UsageError(fmt::format("'{}' is no name of a node: it {}", Printable(space.node_name, 80), wrong));
  }
  for (const Remapping& remapping : space.remappings) {
    VLAQ_RETURN_IF_ERROR(CheckTopicName(remapping.from));
    VLAQ_RETURN_IF_ERROR(CheckTopicName(remapping.to));
  }
  return {};
}

Result<std::string> ResolveTopic(std::string_view name, const NameSpace& space) {
  VLAQ_RETURN_IF_ERROR(CheckTopicName(name));
  std::string resolved = Expand(name, space);
  const auto rule = std::find_if(space.remappings.begin(), space.remappings.end(),
                                 [&](const Remapping& remapping) { return Expand(remapping.from, space) == resolved; });
  if (rule != space.remappings.end()) resolved = Expand(rule->to, space);
  VLAQ_RETURN_IF_ERROR(CheckTopicName(resolved));
  return resolved;
}

std::string DdsTopicName(std::string_view topic) { return "rt" + std::string(topic); }

Result<std::string> DdsTypeName(std::string_view type) {
  const size_t first = type.find('/');
  const size_t last = type.rfind('/');
  if (first != std::string_view::npos && last > first && type.substr(first, last - first) == "/msg" &&
      WrongInToken(type.substr(0, first)).empty() && WrongInToken(type.substr(last + 1)).empty()) {
    return fmt::format("{}::msg::dds_::{}_", type.substr(0, first), type.substr(last + 1));
  }
  return UsageError(fmt::format("'{}' is no type of a message", Printable(type, 80)),
                    "types are like geometry_msgs/msg/Twist");
}

std::string RosTypeName(std::string_view dds_type) {
  constexpr std::string_view kMiddle = "::msg::dds_::";
  const size_t at = dds_type.find(kMiddle);
  if (at == std::string_view::npos || !dds_type.ends_with('_')) return std::string(dds_type);
  const std::string_view rest = dds_type.substr(at + kMiddle.size());
  return fmt::format("{}/msg/{}", dds_type.substr(0, at), rest.substr(0, rest.size() - 1));
}

}  // namespace vlaq::ros2
