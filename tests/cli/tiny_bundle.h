// A tiny policy that reads instructions as a bundle, and episodes for it, by the program itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "data/testing.h"
#include "families/kosmos2_lstm/testing.h"
#include "program.h"

namespace vlaq {

inline std::string SmallTokenizer() { return VLAQ_TESTDATA "/tokenizer/small.model"; }

// `folder`/`name`, exported with the instruction "go left" from a checkpoint in `folder`/`name`_checkpoint; other
// weights for another seed.
inline void MakeTinyBundle(const std::filesystem::path& folder, const std::string& name, uint64_t seed = 1) {
  const std::filesystem::path place = folder / (name + "_checkpoint");
  std::filesystem::create_directory(place);
  auto structure = kosmos2_lstm::testing::TinyPolicy::DefaultStructure();
  structure.text.vocabulary = 1250;  // the small tokenizer's ids go to 1186
  const kosmos2_lstm::testing::TinyPolicy policy(false, structure, seed);
  const Ran ran =
      Vlaq({"export", policy.Save(place).string(), "-o", folder / name, "--config", place / "config.json", "--policy",
            place / "policy.json", "--tokenizer", SmallTokenizer(), "--instruction", "go left"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
}

// `count` episodes e0.h5, ... in `folder`, of `shortest` steps and more, to the left and to the right in turns, all
// different. Their first color is `shade` + `shading` times their number.
struct RecordedSides {
  int count = 1;
  int64_t shortest = 2;
  int shade = 0, shading = 40;

  std::string In(const std::filesystem::path& folder) const {
    std::filesystem::create_directory(folder);
    for (int i = 0; i < count; ++i) {
      const std::string side = i % 2 == 0 ? "left" : "right";
      const data::TestEpisode episode{.length = shortest + i,
                                      .color = {static_cast<uint8_t>(shade + shading * i), 200, 90},
                                      .instruction = "pass " + side + " of the box",
                                      .layout = "1box_hori_" + side,
                                      .speed = static_cast<float>(i + 1) / 4};
      EXPECT_TRUE(data::WriteTestEpisode(folder / ("e" + std::to_string(i) + ".h5"), episode));
    }
    return folder.string();
  }
};

}  // namespace vlaq
