#include "quantize/numerics/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "base/parallel.h"
#include "quantize/numerics/encode_groups.h"
#include "quantize/numerics/encode_scales.h"

namespace vlaq::numerics {
namespace {

constexpr size_t kUnit = 65536;  // elements, about, that are worth handing to a thread; a multiple of kLanes

Status CheckChoice(const Tensor& weight, const WeightChoice& choice) {
  const auto refuse = [&](std::string what) { return UsageError(fmt::format("weight '{}': {}", choice.name, what)); };
  if (choice.number != NumericType::kInt8 && choice.number != NumericType::kInt4)
    return refuse("only int8 and int4 are encoded");
  if (choice.range != RangeMethod::kMinMax && choice.range != RangeMethod::kMse) {
    return refuse(fmt::format("the range of a weight is 'minmax' or 'mse', not '{}'", RangeMethodName(choice.range)));
  }
  if (choice.granularity == Granularity::kTensor) return {};
  if (choice.axis < 0 || choice.axis >= weight.rank()) return refuse(fmt::format("there is no axis {}", choice.axis));
  if (choice.granularity != Granularity::kBlock) return {};
  if (weight.rank() != 2) return refuse("only matrices are cut into blocks");
  if (choice.block < 1) return refuse(fmt::format("a block of {} is not possible", choice.block));
  return {};
}

// A thread's own space; grows to what the largest tile takes.
struct Workspace {
  std::vector<float> panels;
  std::vector<int8_t> codes;
};

// What one unit of work lost.
struct Part {
  Distortion distortion;
  SeenCodes seen{};
  int64_t dead = 0;
};

// Encodes one tensor, once.
class Encoder {
 public:
  Encoder(const Tensor& weight, const WeightChoice& choice, int threads)
      : choice_(choice),
        levels_(LevelsOf(choice.number)),
        groups_(weight.shape(), choice),
        values_(weight.data<float>()),
        threads_(std::max(threads, 1)) {
    result_.codes = Tensor::Make(DType::kI8, weight.shape());
    result_.scales = Tensor::Make(DType::kF32, groups_.scale_shape());
    codes_ = result_.codes.mutable_data<int8_t>();
    scales_ = result_.scales.mutable_data<float>();
  }

  Result<Encoded> Run() {
    std::vector<Part> parts = groups_.count() == 1 ? EncodeAsOne() : EncodeTiles();
    if (!finite_) return NotFinite();
    for (const Part& part : parts) {
      result_.distortion.Merge(part.distortion);
      result_.distortion.AddCodes(part.seen);
      result_.dead += part.dead;
    }
    return std::move(result_);
  }

 private:
  Error NotFinite() const {
    const auto found = std::find_if(values_.begin(), values_.end(), [](float value) { return !std::isfinite(value); });
    return InputError(fmt::format("weight '{}'", choice_.name),
                      fmt::format("holds {} (element {})", *found, found - values_.begin()),
                      "repair the checkpoint: what is not finite has no integer code");
  }

  std::vector<Part> EncodeTiles() {
    const size_t per_unit = std::max<size_t>(1, kUnit / std::max<size_t>(1, groups_.elements_per_tile()));
    std::vector<Part> parts((groups_.tiles() + per_unit - 1) / per_unit);
    std::atomic<size_t> next{0};
    const size_t workers = std::min(parts.size(), static_cast<size_t>(threads_));
    ParallelFor(workers, threads_, [&](size_t) {
      Workspace space;
      for (size_t unit = next++; unit < parts.size() && finite_; unit = next++) {
        const size_t end = std::min(groups_.tiles(), (unit + 1) * per_unit);
        for (size_t tile = unit * per_unit; tile < end; ++tile) EncodeTile(groups_.TileAt(tile), space, parts[unit]);
      }
    });
    return parts;
  }

  void EncodeTile(const Tile& tile, Workspace& space, Part& part) {
    std::array<Group, kLanes> lanes;
    const size_t panels = (tile.groups + kLanes - 1) / kLanes;
    size_t rows = 0;
    for (size_t i = 0; i < (groups_.columns() ? 1 : tile.groups); ++i) {
      lanes[i] = groups_.At(tile.first + i);
      rows = std::max(rows, lanes[i].size());
    }
    space.panels.resize(std::max(space.panels.size(), panels * rows * kLanes));
    space.codes.resize(space.panels.size());
    if (groups_.columns()) {
      lanes.fill(lanes[0]);
      GatherColumns(values_, lanes[0], tile.groups, space.panels.data());
    } else {
      GatherRuns(values_, {lanes.data(), tile.groups}, rows, space.panels.data());
    }
    for (size_t p = 0; p < panels; ++p) {
      const Tile lane_groups{tile.first + p * kLanes, std::min(kLanes, tile.groups - p * kLanes)};
      const size_t at = p * rows * kLanes;
      EncodePanel(lane_groups, lanes, space.panels.data() + at, rows, space.codes.data() + at, part);
    }
    if (groups_.columns()) {
      ScatterColumns(space.codes.data(), lanes[0], tile.groups, codes_, part.seen);
    } else {
      ScatterRuns(space.codes.data(), {lanes.data(), tile.groups}, codes_, part.seen);
    }
  }

  // One panel, whose lanes are the groups of `tile`.
  void EncodePanel(const Tile& tile, const std::array<Group, kLanes>& lanes, const float* panel, size_t rows,
                   int8_t* codes, Part& part) {
    OfLanes<float> most{};
    kernels_.magnitudes(panel, rows, most);
    if (!AllFinite(most)) return;
    const OfLanes<float> scales = ChooseScales(most, levels_, choice_.range, [&](const Trials& trials) {
      TrialErrors errors{};
      kernels_.errors(panel, rows, trials, levels_, errors);
      return errors;
    });
    LaneSums sums;
    kernels_.encode(panel, rows, scales, levels_, codes, sums);
    for (size_t i = 0; i < tile.groups; ++i) {
      const size_t group = tile.first + i;
      scales_[group] = scales[i];
      part.dead += most[i] < kNegligible ? 1 : 0;
      part.distortion.AddGroup(static_cast<int64_t>(group), DifferenceOf(sums, i, lanes[i].size(), most[i], scales[i]),
                               sums.clipped[i]);
    }
  }

  bool AllFinite(const OfLanes<float>& most) {
    if (std::all_of(most.begin(), most.end(), [](float value) { return std::isfinite(value); })) return true;
    finite_ = false;
    return false;
  }

  // All elements have one scale: chunks of the tensor are panels as they lie there, each lane an eighth of them. What
  // comes of the chunks is put together in their order.
  std::vector<Part> EncodeAsOne() {
    const size_t chunks = (values_.size() + kUnit - 1) / kUnit;
    std::vector<OfLanes<float>> maxima(chunks);
    ForChunks([&](size_t chunk, const float* panel, size_t rows, int8_t*) {
      OfLanes<float> most{};
      kernels_.magnitudes(panel, rows, most);
      AllFinite(most);
      for (size_t i = 0; i < kLanes; ++i) maxima[chunk][i] = std::max(maxima[chunk][i], most[i]);
    });
    if (!finite_) return {};
    float largest = 0;
    for (const auto& most : maxima) largest = std::max(largest, *std::max_element(most.begin(), most.end()));
    OfLanes<float> most;
    most.fill(largest);
    const OfLanes<float> scales =
        ChooseScales(most, levels_, choice_.range, [&](const Trials& trials) { return ErrorsAsOne(trials); });
    scales_[0] = scales[0];
    Part part;
    part.dead = largest < kNegligible ? 1 : 0;
    EncodeChunks(scales, largest, part);
    return {part};
  }

  TrialErrors ErrorsAsOne(const Trials& trials) {
    std::vector<TrialErrors> errors((values_.size() + kUnit - 1) / kUnit);
    ForChunks([&](size_t chunk, const float* panel, size_t rows, int8_t*) {
      kernels_.errors(panel, rows, trials, levels_, errors[chunk]);
    });
    TrialErrors result;
    for (size_t k = 0; k < kTrials; ++k) {
      double sum = 0;
      for (const TrialErrors& error : errors) {
        for (const double lane : error[k]) sum += lane;
      }
      result[k].fill(sum);
    }
    return result;
  }

  void EncodeChunks(const OfLanes<float>& scales, float largest, Part& part) {
    struct ChunkSums {
      LaneSums lanes;
      SeenCodes seen{};
    };
    std::vector<ChunkSums> chunks((values_.size() + kUnit - 1) / kUnit);
    ForChunks([&](size_t chunk, const float* panel, size_t rows, int8_t* codes) {
      kernels_.encode(panel, rows, scales, levels_, codes, chunks[chunk].lanes);
    });
    ParallelFor(chunks.size(), threads_, [&](size_t chunk) {
      for (size_t i = chunk * kUnit; i < std::min(codes_.size(), (chunk + 1) * kUnit); ++i) {
        chunks[chunk].seen[static_cast<size_t>(codes_[i] + 128)] = true;
      }
    });
    Difference difference;
    int64_t clipped = 0;
    for (size_t chunk = 0; chunk < chunks.size(); ++chunk) {
      const size_t count = std::min(kUnit, values_.size() - chunk * kUnit);
      for (size_t i = 0; i < kLanes; ++i) {
        const size_t of_lane = (count + kLanes - 1 - i) / kLanes;
        difference.Merge(DifferenceOf(chunks[chunk].lanes, i, of_lane, largest, scales[i]));
        clipped += chunks[chunk].lanes.clipped[i];
      }
      part.distortion.AddCodes(chunks[chunk].seen);
    }
    part.distortion.AddGroup(0, difference, clipped);
  }

  // f(chunk, panel, rows, its codes) for all of the tensor; the last elements, fewer than kLanes, are a row of their
  // own.
  template <typename F>
  void ForChunks(F f) {
    ParallelFor((values_.size() + kUnit - 1) / kUnit, threads_, [&](size_t chunk) {
      const size_t begin = chunk * kUnit;
      const size_t count = std::min(kUnit, values_.size() - begin);
      const size_t rows = count / kLanes, left = count % kLanes;
      f(chunk, values_.data() + begin, rows, codes_.data() + begin);
      if (left == 0) return;
      OfLanes<float> row{};
      std::array<int8_t, kLanes> codes{};
      std::copy_n(values_.data() + begin + rows * kLanes, left, row.data());
      f(chunk, row.data(), size_t{1}, codes.data());
      std::copy_n(codes.data(), left, codes_.data() + begin + rows * kLanes);
    });
  }

  const WeightChoice& choice_;
  const Levels levels_;
  const Groups groups_;
  const std::span<const float> values_;
  const int threads_;
  const Kernels& kernels_ = BestKernels();
  Encoded result_;
  std::span<int8_t> codes_;
  std::span<float> scales_;
  std::atomic<bool> finite_{true};
};

}  // namespace

Result<Encoded> Encode(const Tensor& weight, const WeightChoice& choice, int threads) {
  VLAQ_RETURN_IF_ERROR(CheckChoice(weight, choice));
  return Encoder(weight, choice, threads).Run();
}

}  // namespace vlaq::numerics
