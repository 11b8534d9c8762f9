// Ways of taking something away from a policy, to see whether it used it: its eyes, its ears, its memory. What it feels
// (states) stays as it is.
//
// A condition wraps a driver. What it changes is data (the table in condition.cc). One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/driver.h"

namespace vlaq::evaluation {

enum class Condition {
  kNormal,
  kBlank,     // every picture is mid grey
  kFrozen,    // every picture is the first one of its camera
  kShuffled,  // the pictures of the episode in another order (recorded episodes), or of another layout (simulation)
  kSwapped,   // the instruction is turned into its opposite, where the family knows how
  kDeaf,      // the instruction is empty
  kOneFrame,  // the window is cut to the newest observation
};

std::string_view Name(Condition condition);
// What it does, for tables: "every frame is mid grey".
std::string_view Description(Condition condition);
std::optional<Condition> FindCondition(std::string_view name);
std::vector<std::string> ConditionNames();
// All of them, kNormal first.
std::vector<Condition> AllConditions();
// Those of `conditions` that mean something to a family of these traits: without opposite phrases there is no kSwapped.
std::vector<Condition> ConditionsFor(const families::Traits& traits, std::vector<Condition> conditions);

// The words of a family's opposite phrases exchanged; case is kept. The same text if it has none of them.
std::string SwapOpposites(const families::Traits& traits, const std::string& instruction);

// The instruction as a driver of these traits hears it under `condition`.
std::string HeardInstruction(Condition condition, const families::Traits& traits, const std::string& instruction);

// `inner` under `condition`. kShuffled is up to whoever chooses the pictures: the wrapper passes them on.
std::unique_ptr<Driver> Under(Condition condition, std::unique_ptr<Driver> inner);
// The same for a driver that stays the caller's and outlives the wrapper, so that one driver (at full size 6 GB) can be
// driven under one condition after the other.
std::unique_ptr<Driver> Under(Condition condition, Driver& inner);

}  // namespace vlaq::evaluation
