#include "cli/world_choice.h"

#include <fmt/format.h>

#include <charconv>

namespace vlaq::cli {
namespace {

// "224x126" -> width and height.
Status ParseSize(const std::string& text, sim::WorldOptions& options) {
  const char* end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, options.width);
  const bool has_x = width.ec == std::errc() && width.ptr != end && *width.ptr == 'x';
  const auto height = has_x ? std::from_chars(width.ptr + 1, end, options.height) : width;
  const auto fits = [](int side) { return side >= 16 && side <= 4096; };
  if (has_x && height.ec == std::errc() && height.ptr == end && fits(options.width) && fits(options.height)) return {};
  return UsageError(fmt::format("'{}' is no size of a camera", text), "give WIDTHxHEIGHT, 16 to 4096 each: 224x126");
}

}  // namespace

void WorldChoice::AddTo(CLI::App& app) {
  const std::string group = "World";
  const std::vector<std::string> on_off{"on", "off"};
  app.add_option("--camera-size", size, "Width and height of the camera's frames, in pixels")
      ->type_name("WxH")
      ->capture_default_str()
      ->group(group);
  const auto add = [&](const std::string& name, std::string& value, const std::string& help) {
    OneOf(app.add_option(name, value, help), on_off)->group(group)->capture_default_str();
  };
  add("--frame-loss", frame_loss, "Let the camera drop out for some steps: black frames");
  add("--noise", noise, "Simulate gain errors, actuator noise and camera vibration");
  add("--dynamics", dynamics, "Simulate mass, lag and dead time of the base");
}

Result<sim::WorldOptions> WorldChoice::Options() const {
  sim::WorldOptions options;
  VLAQ_RETURN_IF_ERROR(ParseSize(size, options));
  options.frame_loss = frame_loss == "on";
  options.noise = noise == "on";
  options.dynamics = dynamics == "on";
  return options;
}

}  // namespace vlaq::cli
