// A program for tests: the other process on the network, and our codec for tests in Python.
//   vlaq_ros2_peer samples         messages of every type, a line each: type, hexadecimal CDR, its fields as JSON
//   vlaq_ros2_peer schemas         the .msg text of every type, as one JSON object
//   vlaq_ros2_peer decode          for each line "TYPE HEX" of standard input the fields as JSON, or "error: ..."
//   vlaq_ros2_peer answer DOMAIN   answers each text N on /question with N letters on /answer, until "end" or 10 s
//   vlaq_ros2_peer drive DOMAIN    answers each picture on /camera/image_raw with a Twist on /cmd_vel, until one is 1x1
//                                  or 15 s: linear x, y, z = width, height, channels; angular x, y, z = its first pixel
//   vlaq_ros2_peer show DOMAIN     pictures on /camera/image_raw, and "resume" on /vlaq/operator, until a Twist on
//                                  /vlaq/shadow/cmd_vel moves, which it prints; an error after four minutes
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "ros2/codec.h"
#include "ros2/node.h"
#include "ros2/picture.h"
#include "ros2/stamp.h"
#include "ros2/testing.h"

namespace vlaq::ros2 {
namespace {

using Clock = std::chrono::steady_clock;

Status PrintSamples() {
  for (const TestedType& type : TestedTypes()) {
    for (int first = 1; first <= 4; ++first) {
      const std::vector<std::byte> bytes = type.sample(first);
      VLAQ_ASSIGN_OR_RETURN(const std::string json, type.json(bytes));
      std::cout << type.name << ' ' << ToHex(bytes) << ' ' << json << '\n';
    }
  }
  return {};
}

Status PrintSchemas() {
  Json schemas = Json::object();
  for (const MessageType& type : MessageTypes()) schemas[std::string(type.name)] = type.schema();
  std::cout << schemas.dump() << '\n';
  return {};
}

Status DecodeLines() {
  std::string name;
  for (std::string hex; std::cin >> name >> hex;) {
    for (const TestedType& type : TestedTypes()) {
      if (type.name != name) continue;
      const std::vector<std::byte> bytes = FromHex(hex);
      const Result<std::string> json = type.json(bytes);
      std::cout << (json.ok() ? *json : "error: " + json.error().ToString()) << std::endl;
    }
  }
  return {};
}

Result<std::unique_ptr<Node>> OpenHere(const char* domain) {
  NodeOptions options;
  options.discovery = {std::atoi(domain), DiscoveryRange::kLocalhost, {}, ""};
  return Node::Open(options);
}

Status Answer(const char* domain) {
  VLAQ_ASSIGN_OR_RETURN(const auto node, OpenHere(domain));
  VLAQ_ASSIGN_OR_RETURN(const auto questions, node->Subscribe("/question", String::kType, {}));
  VLAQ_ASSIGN_OR_RETURN(const auto answers, node->Advertise("/answer", String::kType, {}));
  for (const auto deadline = Clock::now() + std::chrono::seconds(10); node->Wait(deadline);) {
    const std::optional<ReceivedMessage> message = questions->Take();
    if (!message) continue;
    VLAQ_ASSIGN_OR_RETURN(const String question, Decode<String>(message->cdr()));
    if (question.data == "end") return {};
    const auto size = static_cast<size_t>(std::atoi(question.data.c_str()));
    // Who asks may have found this before being found, and an answer to nobody is not kept.
    while (answers->subscribers() == 0 && Clock::now() < deadline)
      node->Wait(Clock::now() + std::chrono::milliseconds(2));
    VLAQ_RETURN_IF_ERROR(answers->Publish(Encode(String{std::string(size, 'a')})));
  }
  return {};
}

Status Drive(const char* domain) {
  VLAQ_ASSIGN_OR_RETURN(const auto node, OpenHere(domain));
  VLAQ_ASSIGN_OR_RETURN(const auto camera, node->Subscribe("/camera/image_raw", Image::kType, kNewestOnly));
  VLAQ_ASSIGN_OR_RETURN(const auto base, node->Advertise("/cmd_vel", Twist::kType, {}));
  for (const auto deadline = Clock::now() + std::chrono::seconds(15); node->Wait(deadline);) {
    const std::optional<ReceivedMessage> message = camera->TakeNewest();
    for (const std::string& event : node->Events()) std::cout << event << std::endl;
    if (!message) continue;
    VLAQ_ASSIGN_OR_RETURN(const Image image, Decode<Image>(message->cdr()));
    VLAQ_ASSIGN_OR_RETURN(const Tensor rgb, ToRgb(image));
    if (image.width == 1 && image.height == 1) return {};
    const auto pixel = rgb.data<uint8_t>();
    const Twist twist{
        {static_cast<double>(rgb.shape()[1]), static_cast<double>(rgb.shape()[0]), static_cast<double>(rgb.shape()[2])},
        {static_cast<double>(pixel[0]), static_cast<double>(pixel[1]), static_cast<double>(pixel[2])}};
    VLAQ_RETURN_IF_ERROR(base->Publish(Encode(twist)));
  }
  return {};
}

// No two are the same: the control loop refuses a camera that stands still.
std::vector<std::byte> EncodedPicture(int number) {
  Image image;
  image.header.stamp = TimeOf(int64_t{number} * 1'000'000'000);
  image.height = 36;
  image.width = 64;
  image.encoding = "rgb8";
  image.step = image.width * 3;
  std::vector<uint8_t> pixels(size_t{image.step} * image.height);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 5 + static_cast<size_t>(number) * 3);
  image.data = std::as_bytes(std::span(pixels));
  return Encode(image);
}

Status Show(const char* domain) {
  VLAQ_ASSIGN_OR_RETURN(const auto node, OpenHere(domain));
  VLAQ_ASSIGN_OR_RETURN(const auto camera, node->Advertise("/camera/image_raw", Image::kType, {}));
  VLAQ_ASSIGN_OR_RETURN(const auto commands, node->Subscribe("/vlaq/shadow/cmd_vel", Twist::kType, {}));
  VLAQ_ASSIGN_OR_RETURN(const auto orders, node->Advertise("/vlaq/operator", String::kType, {}));
  const auto deadline = Clock::now() + std::chrono::minutes(4);
  for (int number = 1; Clock::now() < deadline; ++number) {
    VLAQ_RETURN_IF_ERROR(camera->Publish(EncodedPicture(number)));
    // A loop that was kept from computing for seconds, as on a busy machine, stands still until it is told.
    VLAQ_RETURN_IF_ERROR(orders->Publish(Encode(String{"resume"})));
    for (const auto next = Clock::now() + std::chrono::milliseconds(50); node->Wait(next);) {
      for (const std::string& event : node->Events()) std::cout << event << std::endl;
      while (const std::optional<ReceivedMessage> message = commands->Take()) {
        VLAQ_ASSIGN_OR_RETURN(const Twist twist, Decode<Twist>(message->cdr()));
        if (twist.linear.x == 0 && twist.linear.y == 0 && twist.angular.z == 0) continue;
        std::cout << "moves: " << twist.linear.x << ' ' << twist.linear.y << ' ' << twist.angular.z << std::endl;
        return {};
      }
    }
  }
  return InputError("/vlaq/shadow/cmd_vel", "no command moved the base within four minutes");
}

Status Run(std::string_view command, const char* domain) {
  if (command == "samples") return PrintSamples();
  if (command == "schemas") return PrintSchemas();
  if (command == "decode") return DecodeLines();
  if (command == "answer") return Answer(domain);
  if (command == "drive") return Drive(domain);
  if (command == "show") return Show(domain);
  return UsageError("there are samples, schemas, decode, answer DOMAIN, drive DOMAIN and show DOMAIN");
}

}  // namespace
}  // namespace vlaq::ros2

int main(int argc, char** argv) {
  const vlaq::Status status = vlaq::ros2::Run(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "0");
  if (status.ok()) return 0;
  std::cerr << status.error().ToString() << '\n';
  return static_cast<int>(status.error().code);
}
