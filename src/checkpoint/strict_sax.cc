#include "checkpoint/strict_sax.h"

#include <fmt/format.h>

#include "checkpoint/messages.h"

namespace vlaq::checkpoint {

bool StrictSax::Fail(std::string what) {
  if (!error_) {
    const std::string place = Place();
    error_ = InputError(place.empty() ? where_ : where_ + ": " + place, std::move(what));
  }
  return false;
}

bool StrictSax::parse_error(size_t position, const std::string& /*token*/,
                            const nlohmann::detail::exception& /*error*/) {
  return Fail(fmt::format("not valid JSON at byte {} of it", position));
}

Status StrictSax::Parse(std::string_view text, const std::string& where) {
  where_ = where;
  error_.reset();
  // The parser would take a zero byte for the end of the text and leave what follows unread.
  if (const size_t zero = text.find('\0'); zero != text.npos) {
    Fail(fmt::format("not valid JSON: a zero byte at byte {} of it", zero));
    return *error_;
  }
  try {
    const bool done = Json::sax_parse(text.begin(), text.end(), this);
    if (!done && !error_) Fail("not valid JSON");
  } catch (const nlohmann::detail::exception&) {  // its words are for its programmers
    Fail("not valid JSON");
  }
  if (error_) return *error_;
  return {};
}

}  // namespace vlaq::checkpoint
