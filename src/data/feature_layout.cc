#include "data/feature_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "data/hdf5_episode.h"
#include "data/hdf5_text.h"
#include "data/hdf5_times.h"

namespace vlaq::data {
namespace {

constexpr hsize_t kMaxNames = 1000;  // of a group
constexpr std::string_view kImages = "observation.images.";

// ALOHA's names of what LeRobot calls otherwise.
struct KnownName {
  std::string_view dataset, feature;
};
constexpr std::array<KnownName, 3> kKnownNames{
    {{"qpos", "observation.state"}, {"qvel", "observation.velocity"}, {"effort", "observation.effort"}}};

using Hdf5Group = Hdf5Handle<H5Gclose>;

// The names in the group `path` ("/", "observations").
Result<std::vector<std::string>> NamesIn(const Hdf5File& file, const std::string& path) {
  const std::string where = fmt::format("group '{}'", path);
  if (path != "/") {
    H5L_info_t link{};
    if (H5Lget_info(file.get(), path.c_str(), &link, H5P_DEFAULT) < 0) return Hdf5Error(where, "find it");
    if (link.type != H5L_TYPE_HARD) return InputError(where, "is a link to somewhere else, which is not followed");
  }
  const Hdf5Group group(H5Gopen2(file.get(), path.c_str(), H5P_DEFAULT));
  H5G_info_t info{};
  if (!group.ok() || H5Gget_info(group.get(), &info) < 0) return Hdf5Error(where, "open it as a group");
  if (info.nlinks > kMaxNames) return InputError(where, fmt::format("has {} names, out of bounds", info.nlinks));
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    std::array<char, 256> name{};
    const ssize_t length =
        H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT);
    if (length < 0) return Hdf5Error(where, fmt::format("read its name {}", i));
    if (static_cast<size_t>(length) < name.size()) names.emplace_back(name.data());
  }
  return names;
}

Status AddObservations(const Hdf5File& file, std::vector<FeatureDataset>& found) {
  VLAQ_ASSIGN_OR_RETURN(const auto names, NamesIn(file, "observations"));
  for (const std::string& name : names) {
    if (name == "images") {
      VLAQ_ASSIGN_OR_RETURN(const auto cameras, NamesIn(file, "observations/images"));
      for (const std::string& camera : cameras) {
        found.push_back({fmt::format("{}{}", kImages, camera), "observations/images/" + camera});
      }
      continue;
    }
    if (IsTimesName(name)) continue;
    const auto known =
        std::find_if(kKnownNames.begin(), kKnownNames.end(), [&](const KnownName& row) { return row.dataset == name; });
    found.push_back(
        {known == kKnownNames.end() ? fmt::format("{}{}", kObservationPrefix, name) : std::string(known->feature),
         "observations/" + name});
  }
  return {};
}

// Pictures by their name, or by their shape.
bool IsPictures(const Hdf5Array& array, const std::string& feature) {
  return feature.starts_with(kImages) || (array.dims().size() == 4 && H5Tget_class(array.type()) == H5T_INTEGER &&
                                          H5Tget_size(array.type()) == 1 && array.dims()[3] == 3);
}

Status AddPictures(Hdf5Array array, Stream stream, Hdf5Content& content) {
  VLAQ_ASSIGN_OR_RETURN(Hdf5Images frames, Hdf5Images::Open(std::move(array)));
  stream.dtype = DType::kU8;
  stream.shape = {frames.height(), frames.width(), 3};
  const auto place = static_cast<std::ptrdiff_t>(content.pictures.size());
  content.streams.insert(content.streams.begin() + place, std::move(stream));
  content.pictures.push_back(std::move(frames));
  return {};
}

Status AddNumbers(const Hdf5Source& source, Hdf5Array array, Stream stream, Hdf5Content& content) {
  const auto& dims = array.dims();
  stream.shape = dims.size() > 1 ? Shape(dims.begin() + 1, dims.end()) : Shape{1};
  const auto width = static_cast<uint64_t>(stream.shape.back());
  for (auto [name, texts] : {std::pair{"names", &stream.names}, std::pair{"units", &stream.units}}) {
    auto read = ReadTextsOf(array.id(), name, width, source.heap);
    if (!read.ok()) return Within(fmt::format("dataset '{}'", array.name()), read.error());
    if (*read) *texts = **std::move(read);
  }
  Shape shape = stream.shape;
  shape.insert(shape.begin(), content.length);
  VLAQ_ASSIGN_OR_RETURN(const Tensor values, ReadNumbers(std::move(array), true));
  content.numbers.push_back(values.Reshaped(std::move(shape)));
  content.streams.push_back(std::move(stream));
  return {};
}

Result<std::optional<StatedRate>> RateOf(const Hdf5Content& content) {
  for (const auto& [name, text] : content.attributes) {
    if (name != "fps") continue;
    double rate = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (parsed.ec != std::errc() || !std::isfinite(rate) || rate <= 0) {
      return InputError("attribute 'fps'", fmt::format("is {}, not steps a second", text));
    }
    return std::optional(StatedRate{.hz = rate, .place = "attribute 'fps'"});
  }
  return std::optional<StatedRate>();
}

std::string HashHeaderOf(const Hdf5Content& content) {
  std::string text = fmt::format("vlaq.episode/2 {}\n", content.length);
  for (const Stream& stream : content.streams) {
    text += fmt::format("{} {} {}\n", stream.name, DTypeName(stream.dtype), ShapeText(stream.shape));
  }
  return text;
}

}  // namespace

Result<std::vector<FeatureDataset>> FindFeatures(const Hdf5File& file) {
  VLAQ_ASSIGN_OR_RETURN(const auto root, NamesIn(file, "/"));
  std::vector<FeatureDataset> found;
  for (const std::string& name : root) {
    if (name == "observations") VLAQ_RETURN_IF_ERROR(AddObservations(file, found));
    if (name.starts_with(kObservationPrefix)) found.push_back({name, name});
  }
  if (found.empty()) return found;
  std::stable_sort(found.begin(), found.end(),
                   [](const FeatureDataset& a, const FeatureDataset& b) { return a.feature < b.feature; });
  const auto twice =
      std::adjacent_find(found.begin(), found.end(),
                         [](const FeatureDataset& a, const FeatureDataset& b) { return a.feature == b.feature; });
  if (twice != found.end()) {
    return InputError(fmt::format("dataset '{}'", twice->dataset),
                      fmt::format("is {}, as '{}' is", twice->feature, std::next(twice)->dataset));
  }
  if (std::find(root.begin(), root.end(), kAction) == root.end()) {
    return InputError("dataset 'action'", "is missing: the file holds observations, but not what was done");
  }
  found.push_back({std::string(kAction), std::string(kAction)});
  return found;
}

Status ReadFeatureLayout(const Hdf5Source& source, Hdf5Content& content) {
  VLAQ_ASSIGN_OR_RETURN(const auto features, FindFeatures(source.file));
  VLAQ_ASSIGN_OR_RETURN(content.stated_rate, RateOf(content));
  for (const FeatureDataset& feature : features) {
    VLAQ_ASSIGN_OR_RETURN(Hdf5Array array, Hdf5Array::Open(source.file, feature.dataset, source.file_bytes));
    if (array.dims().empty() || array.dims()[0] == 0) {
      return array.Wrong(fmt::format("has the shape {}; streams are [T, ...]", array.Shape()));
    }
    if (content.length == 0) content.length = static_cast<int64_t>(array.dims()[0]);
    if (array.dims()[0] != static_cast<hsize_t>(content.length)) {
      return array.Wrong(fmt::format("has the shape {}, but '{}' has {} steps", array.Shape(), features.front().dataset,
                                     content.length));
    }
    Stream stream{.name = feature.feature};
    const bool pictures = feature.feature != kAction && IsPictures(array, feature.feature);
    VLAQ_RETURN_IF_ERROR(pictures ? AddPictures(std::move(array), std::move(stream), content)
                                  : AddNumbers(source, std::move(array), std::move(stream), content));
  }
  content.hash_header = HashHeaderOf(content);
  return {};
}

}  // namespace vlaq::data
