#include "base/json.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/mapped_file.h"
#include "base/text.h"

namespace vlaq {
namespace {

constexpr size_t kMaxDepth = 64;           // no file of ours nests deeper
constexpr size_t kMaxBytes = 100'000'000;  // a value may take ten times its text in memory
constexpr size_t kFewKeys = 16;            // up to here looking at each is faster than hashing
constexpr size_t kQuoted = 100;            // bytes of a key in an error
constexpr int kNumberOutOfRange = 406;     // nlohmann's number for it

// Makes the value as the text is read, and stops at the first thing that is wrong. Members are appended: nlohmann's own
// reader looks for each key among those before it.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Result<Json> Parse(std::string_view text, std::string_view where) {
    where_ = where;
    if (text.size() > kMaxBytes) {
      return InputError(where_, fmt::format("{} of JSON, more than the {} that are read", HumanBytes(text.size()),
                                            HumanBytes(kMaxBytes)));
    }
    // The parser would take a zero byte for the end of the text and leave what follows unread.
    if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
      return InputError(fmt::format("{}: byte {}", where_, zero), "not valid JSON");
    }
    const bool done = Json::sax_parse(text.begin(), text.end(), this);
    if (error_) return *error_;
    if (!done) return InputError(where_, "not valid JSON");
    return std::move(root_);
  }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override { return Add(value); }
  bool number_unsigned(uint64_t value) override { return Add(value); }
  bool number_float(double value, const std::string& /*text*/) override { return Add(value); }
  bool string(std::string& value) override { return Add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) override { return Fail(where_, "bytes, which JSON text cannot hold"); }
  bool start_object(size_t /*elements*/) override { return Enter(Json::object()); }
  bool start_array(size_t /*elements*/) override { return Enter(Json::array()); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }
  bool key(std::string& value) override {
    Level& level = levels_.back();
    auto& members = level.value->get_ref<Json::object_t&>();
    bool fresh = true;
    if (members.size() < kFewKeys) {
      for (const auto& member : members) fresh = fresh && member.first != value;
    } else {
      if (level.keys.empty()) {
        for (const auto& member : members) level.keys.insert(member.first);
      }
      fresh = level.keys.insert(value).second;
    }
    if (!fresh) return Fail(where_, fmt::format("duplicate key \"{}\"", Printable(value, kQuoted)));
    members.emplace_back(std::move(value), nullptr);
    return true;
  }
  bool parse_error(size_t position, const std::string& token, const nlohmann::detail::exception& error) override {
    const std::string place = fmt::format("{}: byte {}", where_, position);
    if (error.id != kNumberOutOfRange) return Fail(place, "not valid JSON");
    return Fail(place, fmt::format("the number {} is out of range", Printable(token, kQuoted)));
  }

 private:
  struct Level {
    Json* value;                           // stays where it is while it grows: only the innermost one does
    std::unordered_set<std::string> keys;  // once there are many
  };

  bool Add(Json value) {
    Put(std::move(value));
    return true;
  }
  bool Enter(Json value) {
    if (levels_.size() == kMaxDepth) return Fail(where_, fmt::format("JSON nested deeper than {} levels", kMaxDepth));
    levels_.push_back({Put(std::move(value)), {}});
    return true;
  }
  bool Leave() {
    levels_.pop_back();
    return true;
  }
  Json* Put(Json value) {
    if (levels_.empty()) return &(root_ = std::move(value));
    Json& into = *levels_.back().value;
    if (into.is_array()) {
      auto& list = into.get_ref<Json::array_t&>();
      list.push_back(std::move(value));
      return &list.back();
    }
    Json& member = into.get_ref<Json::object_t&>().back().second;  // key() made it
    return &(member = std::move(value));
  }
  bool Fail(std::string where, std::string what) {
    if (!error_) error_ = InputError(std::move(where), std::move(what));
    return false;
  }

  std::string where_;
  Json root_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
};

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view where) { return Builder().Parse(text, where); }

std::string JsonString(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Result<Json> ReadJsonFile(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseJson(AsText(file->bytes()), path.string());
}

}  // namespace vlaq
