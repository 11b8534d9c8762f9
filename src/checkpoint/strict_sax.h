// A streaming JSON parser for headers of known shape: no document is built, so a hostile header costs no more memory
// than what its reader keeps. Everything that a subclass does not expect is an error.
// A slow header (nlohmann): include it in .cc files only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace vlaq::checkpoint {

class StrictSax : public nlohmann::json_sax<Json> {
 public:
  // Parses the whole text. `where` names it in errors.
  Status Parse(std::string_view text, const std::string& where);

  bool null() override { return Unexpected("null"); }
  bool boolean(bool /*value*/) override { return Unexpected("true or false"); }
  bool number_integer(int64_t /*value*/) override { return Unexpected("a negative number"); }
  bool number_unsigned(uint64_t /*value*/) override { return Unexpected("a number"); }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return Unexpected("a fraction"); }
  bool string(std::string& /*value*/) override { return Unexpected("a text"); }
  bool binary(nlohmann::json::binary_t& /*value*/) override { return Unexpected("bytes"); }
  bool start_object(size_t /*elements*/) override { return Unexpected("an object"); }
  bool key(std::string& /*value*/) override { return Unexpected("a key"); }
  bool end_object() override { return Unexpected("the end of an object"); }
  bool start_array(size_t /*elements*/) override { return Unexpected("an array"); }
  bool end_array() override { return Unexpected("the end of an array"); }
  bool parse_error(size_t position, const std::string& token, const nlohmann::detail::exception& error) final;

 protected:
  // The place inside the text, for errors: "tensor 'x'"; may be empty.
  virtual std::string Place() const = 0;
  // Records the first error and stops the parser (returns false).
  bool Fail(std::string what);

 private:
  bool Unexpected(std::string_view thing) { return Fail("unexpected " + std::string(thing)); }

  std::string where_;
  std::optional<Error> error_;
};

}  // namespace vlaq::checkpoint
