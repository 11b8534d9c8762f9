#include "families/kosmos2_lstm/synthetic_checkpoint.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <future>
#include <numeric>

#include "base/parallel.h"
#include "synthesis/normal.h"
#include "synthesis/pickle_writer.h"
#include "synthesis/pth_writer.h"

namespace vlaq::kosmos2_lstm {
namespace {

constexpr uint64_t kPieceFloats = uint64_t{1} << 18U;   // 1 MiB: filled and checksummed while it is in the cache
constexpr uint64_t kBatchFloats = uint64_t{16} << 20U;  // 64 MiB: one is filled while the one before is written
constexpr int64_t kEpoch = 4;
constexpr double kValidationError = 0.222;
constexpr double kLearningRate = 1e-4;
constexpr float kSteps = 7;

enum class Fill {
  kNormal,
  kSquaredNormal,  // Adam's second moment is never negative
  kConstant,
};

struct Storage {
  Shape shape;
  Fill fill = Fill::kNormal;
  float mean = 0;
  float deviation = 0;
  bool zero_row_1 = false;

  uint64_t floats() const { return static_cast<uint64_t>(*ElementCount(shape)); }
};

// A run of one storage inside a batch.
struct Piece {
  size_t storage = 0;
  uint64_t first = 0;  // floats from the start of the storage
  uint64_t count = 0;
  uint64_t at = 0;  // floats from the start of the batch's buffer
  uint32_t crc32 = 0;
};

struct Batch {
  std::vector<Piece> pieces;
  std::vector<float> buffer;
};

// The pickle and the storages it refers to, numbered in the order of the pickle as PyTorch does.
class Content {
 public:
  explicit Content(const CheckpointOptions& options) : plans_(PolicyTensors(ShapeOf(options.size))) {
    pickle_.OpenDict();
    if (!options.plain) {
      pickle_.Text("epoch");
      pickle_.Integer(kEpoch);
    }
    StateDict();
    if (!options.plain) {
      Optimizer();
      pickle_.Text("val_mae");
      pickle_.Float(kValidationError);
      Arguments();
    }
    pickle_.CloseDict();
  }

  std::string TakePickle() { return pickle_.Finish(); }
  std::vector<Storage> TakeStorages() { return std::move(storages_); }

 private:
  void Tensor(Storage storage) {
    pickle_.FloatTensor(fmt::format("{}", storages_.size()), storage.shape);
    storages_.push_back(std::move(storage));
  }

  void StateDict() {
    pickle_.Text("model_state_dict");
    pickle_.OpenOrderedDict();
    for (const TensorPlan& plan : plans_) {
      pickle_.Text(plan.name);
      Tensor({plan.shape, Fill::kNormal, plan.mean, plan.deviation, plan.zero_row_1});
    }
    pickle_.CloseDict();
  }

  void Optimizer() {
    pickle_.Text("optimizer_state_dict");
    pickle_.OpenDict();
    pickle_.Text("state");
    pickle_.OpenDict();
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].is_head) Moments(i);
    }
    pickle_.CloseDict();
    pickle_.Text("param_groups");
    pickle_.OpenList();
    ParameterGroup();
    pickle_.CloseList();
    pickle_.CloseDict();
  }

  void Moments(size_t parameter) {
    constexpr float kGradient = 1e-3F;
    pickle_.Integer(static_cast<int64_t>(parameter));
    pickle_.OpenDict();
    pickle_.Text("step");
    Tensor({{}, Fill::kConstant, kSteps});
    pickle_.Text("exp_avg");
    Tensor({plans_[parameter].shape, Fill::kNormal, 0, kGradient});
    pickle_.Text("exp_avg_sq");
    Tensor({plans_[parameter].shape, Fill::kSquaredNormal, 0, kGradient});
    pickle_.CloseDict();
  }

  void ParameterGroup() {
    pickle_.OpenDict();
    pickle_.Text("lr");
    pickle_.Float(kLearningRate);
    pickle_.Text("betas");
    pickle_.Floats(std::array{0.9, 0.999});
    pickle_.Text("eps");
    pickle_.Float(1e-8);
    pickle_.Text("weight_decay");
    pickle_.Float(0);
    pickle_.Text("amsgrad");
    pickle_.Bool(false);
    pickle_.Text("params");
    pickle_.OpenList();
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].is_head) pickle_.Integer(static_cast<int64_t>(i));
    }
    pickle_.CloseList();
    pickle_.CloseDict();
  }

  void Arguments() {
    pickle_.Text("args");
    pickle_.OpenNamespace();
    pickle_.Text("data_dir");
    pickle_.Text("episodes");
    pickle_.Text("window_size");
    pickle_.Integer(8);
    pickle_.Text("lr");
    pickle_.Float(kLearningRate);
    pickle_.CloseNamespace();
  }

  std::vector<TensorPlan> plans_;
  synthesis::PickleWriter pickle_;
  std::vector<Storage> storages_;
};

void FillPiece(const Storage& storage, const Random& stream, Piece& piece, std::span<float> values) {
  switch (storage.fill) {
    case Fill::kNormal:
      synthesis::FillNormal(stream, piece.first, storage.mean, storage.deviation, values);
      break;
    case Fill::kSquaredNormal:
      synthesis::FillNormal(stream, piece.first, storage.mean, storage.deviation, values);
      for (float& value : values) value *= value;
      break;
    case Fill::kConstant:
      std::fill(values.begin(), values.end(), storage.mean);
      break;
  }
  if (storage.zero_row_1) {
    const auto width = static_cast<uint64_t>(storage.shape[1]);
    const uint64_t begin = std::clamp(width, piece.first, piece.first + piece.count);
    const uint64_t end = std::clamp(2 * width, piece.first, piece.first + piece.count);
    std::fill(values.begin() + static_cast<std::ptrdiff_t>(begin - piece.first),
              values.begin() + static_cast<std::ptrdiff_t>(end - piece.first), 0.0F);
  }
  const auto bytes = std::as_bytes(values);
  piece.crc32 =
      static_cast<uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

// Cuts storages, in the order of `order`, into batches of pieces.
class Cutter {
 public:
  Cutter(const std::vector<Storage>& storages, const std::vector<size_t>& order) : storages_(storages), order_(order) {}

  // The next batch's pieces; empty at the end.
  void Next(std::vector<Piece>& pieces) {
    pieces.clear();
    for (uint64_t room = kBatchFloats; room > 0 && next_ < order_.size();) {
      const uint64_t left = storages_[order_[next_]].floats() - first_;
      const uint64_t count = std::min({left, room, kPieceFloats});
      pieces.push_back({order_[next_], first_, count, kBatchFloats - room});
      room -= count;
      first_ += count;
      if (count < left) continue;
      first_ = 0;
      ++next_;
    }
  }

 private:
  const std::vector<Storage>& storages_;
  const std::vector<size_t>& order_;
  size_t next_ = 0;  // index into order_
  uint64_t first_ = 0;
};

std::span<float> ValuesOf(Batch& batch, const Piece& piece) {
  return std::span(batch.buffer).subspan(piece.at, piece.count);
}

Status WriteBatch(Batch& batch, const std::vector<Storage>& storages, synthesis::PthWriter& writer) {
  for (const Piece& piece : batch.pieces) {
    const uint64_t floats = storages[piece.storage].floats();
    if (piece.first == 0) {
      VLAQ_RETURN_IF_ERROR(writer.Begin(fmt::format("data/{}", piece.storage), floats * sizeof(float)));
    }
    VLAQ_RETURN_IF_ERROR(writer.Append(std::as_bytes(ValuesOf(batch, piece)), piece.crc32));
    if (piece.first + piece.count == floats) VLAQ_RETURN_IF_ERROR(writer.End());
  }
  return {};
}

// Records are written in the order of their keys as text: 0, 1, 10, 100, 101 ...
std::vector<size_t> TextOrder(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [](size_t a, size_t b) { return std::to_string(a) < std::to_string(b); });
  return order;
}

// Fills one batch while the one before is being written.
Status WriteStorages(const std::vector<Storage>& storages, const CheckpointOptions& options,
                     synthesis::PthWriter& writer, Log& log) {
  const int threads = options.threads > 0 ? options.threads : HardwareThreads();
  const std::vector<size_t> order = TextOrder(storages.size());
  uint64_t total = 0;
  for (const Storage& storage : storages) total += storage.floats() * sizeof(float);
  VLAQ_RETURN_IF_ERROR(writer.Expect(total));
  std::array<Batch, 2> batches;
  Cutter cutter(storages, order);
  std::future<Status> writing;
  uint64_t done = 0;
  for (size_t turn = 0;; turn = 1 - turn) {
    Batch& batch = batches[turn];
    cutter.Next(batch.pieces);
    batch.buffer.resize(batch.pieces.empty() ? 0 : batch.pieces.back().at + batch.pieces.back().count);
    ParallelFor(batch.pieces.size(), threads, [&](size_t i) {
      Piece& piece = batch.pieces[i];
      FillPiece(storages[piece.storage], Random(options.seed, piece.storage), piece, ValuesOf(batch, piece));
    });
    if (writing.valid()) VLAQ_RETURN_IF_ERROR(writing.get());
    log.Progress("writing", done, total);
    if (batch.pieces.empty()) return {};
    for (const Piece& piece : batch.pieces) done += piece.count * sizeof(float);
    writing =
        std::async(std::launch::async | std::launch::deferred, [&] { return WriteBatch(batch, storages, writer); });
  }
}

// 40 digits, which PyTorch derives from names and checksums; here from the options.
std::string SerializationId(const CheckpointOptions& options) {
  constexpr uint64_t kStream = 0x5E71A1;
  Random random(options.seed, kStream + (options.plain ? 1 : 0));
  std::string id;
  for (int i = 0; i < 40; ++i) id += static_cast<char>('0' + random.Below(10));
  return id;
}

}  // namespace

Status WriteCheckpoint(const std::filesystem::path& path, const CheckpointOptions& options, Log& log) {
  synthesis::PthWriterOptions writer_options;
  writer_options.existing = options.existing;
  VLAQ_ASSIGN_OR_RETURN(synthesis::PthWriter writer, synthesis::PthWriter::Create(path, writer_options));
  Content content(options);
  VLAQ_RETURN_IF_ERROR(writer.Write("data.pkl", content.TakePickle()));
  VLAQ_RETURN_IF_ERROR(writer.Write(".format_version", "1"));
  VLAQ_RETURN_IF_ERROR(writer.Write(".storage_alignment", "64"));
  VLAQ_RETURN_IF_ERROR(writer.Write("byteorder", "little"));
  VLAQ_RETURN_IF_ERROR(WriteStorages(content.TakeStorages(), options, writer, log));
  VLAQ_RETURN_IF_ERROR(writer.Write("version", "3\n"));
  VLAQ_RETURN_IF_ERROR(writer.Write(".data/serialization_id", SerializationId(options)));
  return writer.Finish();
}

}  // namespace vlaq::kosmos2_lstm
