#include "serve/observation_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tensor/tensor.h"

namespace vlaq::serve {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Feature Input(std::string name, FeatureType type, Shape shape = {}) {
  Feature feature;
  feature.name = std::move(name);
  feature.type = type;
  feature.shape = std::move(shape);
  return feature;
}

ObservationKeys TwoCameras(KeySettings settings = {}) {
  return *ObservationKeys::Make({Input("observation.images.cam_high", FeatureType::kImage, {3, 8, 8}),
                                 Input("observation.images.wrist_image", FeatureType::kImage, {3, 8, 8}),
                                 Input("observation.state", FeatureType::kState, {14}),
                                 Input("noise", FeatureType::kNoise), Input("task", FeatureType::kText)},
                                std::move(settings));
}
ObservationKeys OneCamera(KeySettings settings = {}) {
  return *ObservationKeys::Make({Input("observation.images.front", FeatureType::kImage, {3, 8, 8})},
                                std::move(settings));
}

Tensor Planes() {
  Tensor planes = Tensor::Make(DType::kU8, {3, 2, 4});
  uint8_t value = 0;
  for (uint8_t& byte : planes.mutable_data<uint8_t>()) byte = value++;
  return planes;
}

std::string ErrorOf(const ObservationKeys& keys, Request request) {
  const auto translated = keys.Translate(std::move(request));
  return translated.ok() ? "taken" : translated.error().ToString();
}

TEST(ObservationKeysTest, AlohasNamesAreTaken) {
  Request request;
  request.values["images/cam_high"] = Planes();
  request.values["observation/wrist_image"] = Tensor::Make(DType::kU8, {1, 2, 4, 3});
  request.values["state"] = Tensor::Make(DType::kF64, {14});
  request.texts["prompt"] = "open the drawer";
  const auto translated = TwoCameras().Translate(request);
  ASSERT_TRUE(translated.ok()) << translated.error().ToString();
  EXPECT_EQ(translated->task, "open the drawer");
  const Tensor& picture = translated->observation.at("observation.images.cam_high");
  EXPECT_EQ(picture.shape(), Shape({2, 4, 3}));
  EXPECT_THAT(picture.data<uint8_t>().first(6), ::testing::ElementsAre(0, 8, 16, 1, 9, 17));  // channels last
  EXPECT_EQ(translated->observation.at("observation.images.wrist_image").shape(), Shape({2, 4, 3}));
  EXPECT_TRUE(translated->observation.contains("observation.state"));
}

TEST(ObservationKeysTest, TheOnlyCameraIsImage) {
  for (const char* key : {"observation.images.front", "observation/image", "image", "images/front", "front"}) {
    Request request;
    request.values[key] = Tensor::Make(DType::kU8, {8, 8, 3});
    EXPECT_EQ(ErrorOf(OneCamera(), request), "taken") << key;
  }
  Request request;
  request.values["image"] = Tensor::Make(DType::kU8, {8, 8, 3});
  EXPECT_THAT(ErrorOf(TwoCameras(), request), HasSubstr("no input that 'image' could be"));
}

TEST(ObservationKeysTest, MissingInputsAreNamed) {
  Request request;
  request.values["state"] = Tensor::Make(DType::kF64, {14});
  EXPECT_THAT(ErrorOf(TwoCameras(), request), AllOf(HasSubstr("lacks observation.images.cam_high, image"),
                                                    HasSubstr("wrist_image"), ::testing::Not(HasSubstr("noise"))));
}

TEST(ObservationKeysTest, UnknownKeysAreRefusedOrIgnoredAsSaid) {
  Request request;
  request.values["image"] = Tensor::Make(DType::kU8, {8, 8, 3});
  request.values["observation/wrist_image"] = Tensor::Make(DType::kU8, {8, 8, 3});
  request.texts["note"] = "x";
  EXPECT_THAT(ErrorOf(OneCamera(), request),
              HasSubstr("'observation/wrist_image' could be; it takes observation.images.front"));
  EXPECT_THAT(ErrorOf(OneCamera({.aliases = {}, .ignored = {"observation/wrist_image"}}), request),
              HasSubstr("'note'"));
  EXPECT_EQ(ErrorOf(OneCamera({.aliases = {}, .ignored = {"observation/wrist_image", "note"}}), request), "taken");
}

TEST(ObservationKeysTest, AliasesAreTakenAndChecked) {
  Request request;
  request.values["rgb"] = Tensor::Make(DType::kU8, {8, 8, 3});
  EXPECT_EQ(ErrorOf(OneCamera({.aliases = {{"rgb", "observation.images.front"}}, .ignored = {}}), request), "taken");
  EXPECT_TRUE(OneCamera({.aliases = {{"rgb", "observation.images.front"}}, .ignored = {}}).IsPicture("rgb"));
  const auto wrong = ObservationKeys::Make({}, {.aliases = {{"rgb", "eye"}}, .ignored = {}});
  EXPECT_THAT(wrong.error().ToString(), HasSubstr("'eye', which the policy does not have"));
}

TEST(ObservationKeysTest, TwoKeysForOneInputAreRefused) {
  Request request;
  request.values["image"] = Tensor::Make(DType::kU8, {8, 8, 3});
  request.values["front"] = Tensor::Make(DType::kU8, {8, 8, 3});
  EXPECT_THAT(ErrorOf(OneCamera(), request), HasSubstr("two keys are the input"));
}

}  // namespace
}  // namespace vlaq::serve
