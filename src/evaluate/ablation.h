// Ways of taking something away from a policy, to see whether it used it: its pictures, its instruction, its memory.
// What it feels (states) stays as it is.
//
// An ablation wraps a policy. What it changes is data (the table in ablation.cc). One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/policy_under_test.h"

namespace vlaq::evaluate {

enum class Ablation {
  kNone,
  kGrayImage,           // every picture is mid gray
  kFrozenImage,         // every picture is the first one of its camera
  kShuffledImages,      // the pictures of the episode in another order (recorded episodes), or of another layout
                        // (simulation)
  kSwappedInstruction,  // the instruction is turned into its opposite, where the family knows how
  kNoInstruction,       // the instruction is empty
  kOneFrame,            // the window is cut to the newest observation
};

std::string_view Name(Ablation ablation);
// What it does, for tables: "every frame is mid gray".
std::string_view Description(Ablation ablation);
std::optional<Ablation> FindAblation(std::string_view name);
std::vector<std::string> AblationNames();
// All of them, kNone first.
std::vector<Ablation> AllAblations();
// Those of `ablations` that mean something to a family of these traits: without opposite phrases there is no
// kSwappedInstruction.
std::vector<Ablation> AblationsFor(const families::Traits& traits, std::vector<Ablation> ablations);

// The words of a family's opposite phrases exchanged; case is kept. The same text if it has none of them.
std::string SwapOpposites(const families::Traits& traits, const std::string& instruction);

// The instruction as a policy of these traits hears it under `ablation`.
std::string HeardInstruction(Ablation ablation, const families::Traits& traits, const std::string& instruction);

// `inner` under `ablation`. kShuffledImages is up to whoever chooses the pictures: the wrapper passes them on.
std::unique_ptr<PolicyUnderTest> Under(Ablation ablation, std::unique_ptr<PolicyUnderTest> inner);
// The same for a policy that stays the caller's and outlives the wrapper, so that one policy (at full size 6 GB) can be
// driven under one ablation after the other.
std::unique_ptr<PolicyUnderTest> Under(Ablation ablation, PolicyUnderTest& inner);

}  // namespace vlaq::evaluate
