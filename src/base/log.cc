#include "base/log.h"

namespace vlaq {
namespace {

class Silent final : public Log {
 public:
  void Warning(std::string_view /*text*/) override {}
  void Note(std::string_view /*text*/) override {}
  void Progress(std::string_view /*what*/, uint64_t /*done*/, uint64_t /*total*/) override {}
};

}  // namespace

Log& SilentLog() {
  static Silent log;
  return log;
}

}  // namespace vlaq
