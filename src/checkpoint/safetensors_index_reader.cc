// transformers' sharded form: model.safetensors.index.json says which tensor lies in which file beside it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "checkpoint/builder.h"
#include "checkpoint/messages.h"
#include "checkpoint/strict_sax.h"

namespace vlaq::checkpoint {
namespace {

constexpr uint64_t kMaxIndex = 64'000'000;
constexpr size_t kMaxShards = 10'000;
constexpr int kMaxJsonDepth = 16;

using WeightMap = std::vector<std::pair<std::string, std::string>>;  // tensor, file

// {"weight_map": {tensor: file}, anything else is skipped}
class IndexSax final : public StrictSax {
 public:
  explicit IndexSax(WeightMap& map) : map_(map) {}

  bool found() const { return found_; }

  bool null() override { return Skip("null"); }
  bool boolean(bool /*value*/) override { return Skip("true or false"); }
  bool number_integer(int64_t /*value*/) override { return Skip("a number"); }
  bool number_unsigned(uint64_t /*value*/) override { return Skip("a number"); }
  bool number_float(double /*value*/, const std::string& /*text*/) override { return Skip("a number"); }
  bool string(std::string& value) override {
    if (InMap()) map_.back().second = value;
    return InMap() || Skip("a text");
  }
  bool start_object(size_t /*elements*/) override { return !InMap() ? Down() : Fail("unexpected object"); }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(size_t /*elements*/) override {
    return depth_ > 0 && !InMap() && !expects_map_ ? Down() : Fail("unexpected array");
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(std::string& name) override {
    if (depth_ == 1) {
      expects_map_ = name == "weight_map";
      if (expects_map_ && std::exchange(found_, true)) return Fail("\"weight_map\" occurs twice");
    } else if (InMap()) {
      map_.emplace_back(name, "");
    }
    return true;
  }

 protected:
  std::string Place() const override {
    return InMap() && !map_.empty() ? "tensor " + Quoted(map_.back().first) : "index";
  }

 private:
  bool InMap() const { return expects_map_ && depth_ == 2; }
  bool Down() { return ++depth_ <= kMaxJsonDepth || Fail("nested too deeply"); }
  bool Skip(std::string_view thing) {
    const bool misplaced = depth_ == 0 || InMap() || (expects_map_ && depth_ == 1);
    return !misplaced || Fail("unexpected " + std::string(thing));
  }

  WeightMap& map_;
  int depth_ = 0;
  bool expects_map_ = false;  // the value of "weight_map" follows, or its object is open
  bool found_ = false;
};

Result<WeightMap> ReadIndex(const MappedFile& file, const std::string& where) {
  const Bytes bytes = file.bytes();
  if (bytes.size() > kMaxIndex) {
    return InputError(AtByte(where, 0),
                      fmt::format("{} bytes are too much for a safetensors index (limit {})", bytes.size(), kMaxIndex));
  }
  WeightMap map;
  IndexSax sax(map);
  VLAQ_RETURN_IF_ERROR(sax.Parse(AsText(bytes), where));
  if (!sax.found() || map.empty()) {
    return InputError(where + ": index", "has no \"weight_map\" with tensors",
                      "this is not a model.safetensors.index.json");
  }
  std::sort(map.begin(), map.end());
  const auto twice =
      std::adjacent_find(map.begin(), map.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != map.end()) {
    return InputError(fmt::format("{}: tensor {}", where, Quoted(twice->first)), "the name occurs twice");
  }
  return map;
}

Status CheckShardName(const std::string& tensor, const std::string& shard, const std::string& where) {
  const bool bad = shard.empty() || shard.find_first_of(std::string_view("/\\\0", 3)) != shard.npos ||
                   shard.find("..") != shard.npos;
  if (!bad && shard.ends_with(".safetensors")) return {};
  return InputError(fmt::format("{}: tensor {}", where, Quoted(tensor)),
                    fmt::format("{} is not the name of a .safetensors file beside the index", Quoted(shard)));
}

// Each tensor of the shard must be one that the index expects there.
Status CheckShard(const SafetensorsHeader& header, const WeightMap& map, const std::string& shard,
                  const std::string& where) {
  for (const auto& tensor : header.tensors) {
    const auto it = std::lower_bound(map.begin(), map.end(), tensor.name,
                                     [](const auto& item, const std::string& name) { return item.first < name; });
    if (it != map.end() && it->first == tensor.name && it->second == shard) continue;
    return InputError(fmt::format("{}: tensor {}", where, Quoted(tensor.name)),
                      "lies in this shard, but the index does not say so", "the index belongs to other files");
  }
  return {};
}

}  // namespace

Status ReadShardedSafetensors(CheckpointBuilder& builder) {
  builder.set_format(Format::kShardedSafetensors);
  const std::string where = builder.where();
  VLAQ_ASSIGN_OR_RETURN(const WeightMap map, ReadIndex(*builder.files()[0], where));
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map) {
    VLAQ_RETURN_IF_ERROR(CheckShardName(tensor, shard, where));
    shards.insert(shard);
    if (shards.size() > kMaxShards) return InputError(where + ": index", "names too many files");
  }
  for (const std::string& shard : shards) {
    VLAQ_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(builder.checkpoint->path().parent_path() / shard));
    const std::string shard_where = file->path().string();
    VLAQ_ASSIGN_OR_RETURN(SafetensorsHeader header, ReadSafetensorsHeader(file->bytes(), shard_where));
    VLAQ_RETURN_IF_ERROR(CheckShard(header, map, shard, shard_where));
    builder.files().push_back(file);
    AddSafetensors(std::move(header), builder.files().size() - 1, builder);
  }
  // Every tensor found is expected where it is, so the first expected one that was not found is missing.
  std::set<std::string_view> found;
  for (const Entry& entry : builder.entries()) found.insert(entry.name);
  for (const auto& [tensor, shard] : map) {
    if (found.count(tensor) != 0) continue;
    return InputError(fmt::format("{}: tensor {}", where, Quoted(tensor)),
                      fmt::format("is missing in {}", Quoted(shard)), "fetch that file again");
  }
  return {};
}

}  // namespace vlaq::checkpoint
