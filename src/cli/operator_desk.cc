#include "cli/operator_desk.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"

namespace vlaq::cli {
namespace {

using robot::Event;

constexpr char kEnds = 'q';
constexpr std::array<std::pair<char, Event>, 5> kKeys{
    {{' ', Event::kStop}, {'r', Event::kReset}, {'r', Event::kResume}, {'a', Event::kArm}, {'d', Event::kDisarm}}};

}  // namespace

Result<std::unique_ptr<OperatorDesk>> OperatorDesk::Open(const RobotArguments& a, const robot::Settings& settings,
                                                         std::atomic<bool>& stop, Log& log) {
  auto desk = std::make_unique<OperatorDesk>();
  if (a.page) VLAQ_RETURN_IF_ERROR(desk->ServePage(a, settings, log));
  desk->keyboard_ = Keyboard::Listen([desk = desk.get(), &stop](char key) { desk->Press(key, stop); });
  if (desk->keyboard_ != nullptr) log.Note("keys: space stops, r resets and resumes, a arms, d disarms, q ends");
  return desk;
}

Status OperatorDesk::ServePage(const RobotArguments& a, const robot::Settings& settings, Log& log) {
  serve::ServerOptions options = a.server;
  options.http.has_page = true;
  VLAQ_RETURN_IF_ERROR(a.listen.Complete(options, log));
  const std::string name = Printable(a.bundle.filename().string());
  monitor_ =
      std::make_unique<robot::monitor::RobotMonitor>(settings, robot::monitor::About{name, a.backend.name}, orders_);
  VLAQ_ASSIGN_OR_RETURN(server_, serve::Server::Start(nullptr, *monitor_, name, options));
  log.Note(fmt::format("page: {}/; key: {}", UrlOf("http", options, *server_), a.listen.KeyText()));
  return {};
}

void OperatorDesk::Press(char key, std::atomic<bool>& stop) {
  for (const auto& [known, order] : kKeys) {
    if (known == key) orders_.Add(order);
  }
  if (key == kEnds) stop = true;
}

}  // namespace vlaq::cli
