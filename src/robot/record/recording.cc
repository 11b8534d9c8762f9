#include "robot/record/recording.h"

#include <utility>

#include "mcap/writer.h"
#include "robot/record/messages.h"
#include "ros2/codec.h"
#include "ros2/schema.h"
#include "ros2/stamp.h"

namespace vlaq::robot::record {
namespace {

constexpr Time kFlushPeriod = 500 * kMillisecond;

class McapRecording : public Recording {
 public:
  McapRecording(Settings settings, const RecordOptions& options, mcap::Writer writer, Log& log)
      : settings_(std::move(settings)), options_(options), writer_(std::move(writer)), log_(log) {}

  Status AddChannels(size_t max_steps) {
    VLAQ_ASSIGN_OR_RETURN(tick_, AddJsonChannel(kTickTopic, "vlaq.Tick", TickSchema(settings_)));
    VLAQ_ASSIGN_OR_RETURN(observation_,
                          AddJsonChannel(kObservationTopic, "vlaq.Observation", AnySchema("vlaq.Observation")));
    VLAQ_ASSIGN_OR_RETURN(chunk_, AddJsonChannel(kChunkTopic, "vlaq.Chunk", AnySchema("vlaq.Chunk")));
    VLAQ_ASSIGN_OR_RETURN(const uint16_t image, writer_.AddSchema(std::string(ros2::Image::kType), "ros2msg",
                                                                  ros2::SchemaText<ros2::Image>()));
    for (const SensorSettings& sensor : settings_.sensors) {
      if (!sensor.image || !options_.images) continue;
      VLAQ_ASSIGN_OR_RETURN(cameras_[sensor.feature],
                            writer_.AddChannel(std::string(kCameraTopics) + sensor.feature, image, "cdr"));
    }
    VLAQ_ASSIGN_OR_RETURN(const uint16_t about, AddJsonChannel(kAboutTopic, "vlaq.About", AnySchema("vlaq.About")));
    WriteText(about, 0, AboutText({settings_, max_steps, options_.about}));
    return writer_.Flush();
  }

  void Tick(const TickInput& input, const TickOutput& output) override {
    WriteText(tick_, input.now, TickText({input, output}, settings_));
    if (input.now - flushed_ < kFlushPeriod) return;
    flushed_ = input.now;
    Keep(writer_.Flush());
  }

  void Step(const Inferred& inferred) override {
    for (const auto& [input, channel] : cameras_) WritePicture(channel, inferred, input);
    WriteText(observation_, inferred.started, ObservationText(inferred, settings_));
    WriteText(chunk_, inferred.finished, ChunkText(inferred, settings_));
  }

  Status Close() override {
    Keep(writer_.Close());
    return status_;
  }

 private:
  Result<uint16_t> AddJsonChannel(std::string_view topic, std::string_view name, std::string schema) {
    VLAQ_ASSIGN_OR_RETURN(const uint16_t id, writer_.AddSchema(std::string(name), "jsonschema", std::move(schema)));
    return writer_.AddChannel(std::string(topic), id, "json");
  }

  // The first error is the one that counts; after it nothing more is written.
  void Keep(const Status& status) {
    if (status.ok() || !status_.ok()) return;
    status_ = status;
    log_.Warning("nothing more is recorded: " + status.error().ToString());
  }
  void Write(uint16_t channel, Time at, Bytes bytes) {
    if (!status_.ok()) return;
    const auto time = static_cast<uint64_t>(at + options_.clock_offset);
    Keep(writer_.Write(
        {.channel = channel, .sequence = sequence_[channel]++, .log_time = time, .publish_time = time, .data = bytes}));
  }
  void WriteText(uint16_t channel, Time at, const std::string& text) { Write(channel, at, AsBytes(text)); }
  void WritePicture(uint16_t channel, const Inferred& inferred, const std::string& input) {
    const Tensor& picture = inferred.sighting->values.at(input);
    size_t sensor = 0;
    while (settings_.sensors[sensor].feature != input) ++sensor;
    const ros2::Image image{.header = {.stamp = ros2::TimeOf(inferred.sighting->stamps[sensor]), .frame_id = input},
                            .height = static_cast<uint32_t>(picture.shape()[0]),
                            .width = static_cast<uint32_t>(picture.shape()[1]),
                            .encoding = "rgb8",
                            .step = static_cast<uint32_t>(3 * picture.shape()[1]),
                            .data = picture.bytes()};
    Write(channel, inferred.started, ros2::EncodeInto(image, buffer_));
  }

  Settings settings_;
  RecordOptions options_;
  mcap::Writer writer_;
  Log& log_;
  Status status_;
  uint16_t tick_ = 0, observation_ = 0, chunk_ = 0;
  std::map<std::string, uint16_t> cameras_;
  std::map<uint16_t, uint32_t> sequence_;
  std::vector<std::byte> buffer_;
  Time flushed_ = kNever;
};

}  // namespace

Result<std::unique_ptr<Recording>> Recording::Create(const std::filesystem::path& path, const Settings& settings,
                                                     size_t max_steps, const RecordOptions& options, Log& log) {
  mcap::WriterOptions writer_options;
  writer_options.existing = options.existing;
  VLAQ_ASSIGN_OR_RETURN(mcap::Writer writer, mcap::Writer::Create(path, writer_options));
  auto recording = std::make_unique<McapRecording>(settings, options, std::move(writer), log);
  VLAQ_RETURN_IF_ERROR(recording->AddChannels(max_steps));
  return std::unique_ptr<Recording>(std::move(recording));
}

}  // namespace vlaq::robot::record
