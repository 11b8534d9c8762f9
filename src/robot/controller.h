// One tick of control: what has come in since the last one becomes a command. In scope: states, safety rules, actions
// played, limits. Not aware of: clocks, threads, wires. A function of its inputs and its own memory alone, so that a
// recording gives the same commands again, bit for bit. Asks for no memory, takes no lock, writes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "robot/chunk_player.h"
#include "robot/reasons.h"
#include "robot/settings.h"
#include "robot/states.h"
#include "robot/time.h"

namespace vlaq::robot {

struct Command {
  std::array<double, kMaxAxes> values{};  // by axis, in the robot's units
  uint32_t size = 0;                      // axes
  bool silent = false;                    // nothing may be sent: nobody knows where a position axis is
};

// Orders of the operator since the last tick, as bits of Event.
class Orders {
 public:
  void Add(Event event) { bits_ |= Bit(event); }
  bool Has(Event event) const { return (bits_ & Bit(event)) != 0; }
  Orders& operator|=(Orders other) {
    bits_ |= other.bits_;
    return *this;
  }
  bool empty() const { return bits_ == 0; }
  uint8_t bits() const { return bits_; }
  static Orders FromBits(uint8_t bits) {
    Orders orders;
    orders.bits_ = bits;
    return orders;
  }

 private:
  static uint8_t Bit(Event event) { return static_cast<uint8_t>(1U << static_cast<uint32_t>(event)); }
  uint8_t bits_ = 0;
};

// What the intake knows of the world.
struct WorldFacts {
  std::array<Time, kMaxSensors> usable_at = {};  // when the newest usable frame or values of each sensor came
  ReasonSet noted;                               // what was wrong with those since the last tick
  double range_m = 0;                            // SAFE-07
  Time range_at = kNever;                        // never: no sensor spoke
  std::array<double, kMaxAxes> measured = {};    // where each position axis is
  uint64_t measured_axes = 0;                    // bits: of which that is known
  bool operator_there = false, commands_taken = false;
  Orders orders;

  WorldFacts() { usable_at.fill(kNever); }
};

// What inference does.
struct InferenceFacts {
  Time running_since = kNever;  // never: none runs
  uint64_t completed = 0, failed = 0;
  bool gone = false;  // its process or its server
};

struct TickInput {
  Time now = 0;      // as the clock says
  Time nominal = 0;  // when this tick was due
  WorldFacts world;
  InferenceFacts inference;
  bool shutdown = false;
  int64_t chunk = -1;  // id of the chunk that came, for the record
};

struct TickOutput {
  Command command;
  State state = State::kDisarmed;
  ReasonSet reasons;
  bool ready = false;        // SAFE-10: could be armed
  ChunkPlayer::Due action;   // what of a chunk was played
  Time observation_age = 0;  // of the oldest part of the newest observation
  Time action_age = 0;       // since the last action that was due ended; below 0: it is due yet
};

// A tick, for who records it.
struct Ticked {
  TickInput input;
  TickOutput output;
};

class Controller {
 public:
  // `settings` must be valid, for chunks of at most `max_steps`.
  Controller(Settings settings, size_t max_steps);

  // `chunk`: the newest that came since the last tick, or null.
  TickOutput Tick(const TickInput& input, const Chunk* chunk);

  State state() const { return state_; }
  const Settings& settings() const { return settings_; }
  // Whether another inference is wanted now.
  bool WantsChunk(Time now) const { return player_.WantsChunk(now); }
  // The command that stands still, as of the last tick.
  Command Stopped() const;

 private:
  ReasonSet WhatStops(const TickInput& input);
  ReasonSet TakeChunk(const TickInput& input, const Chunk* chunk);
  void Obey(const TickInput& input, bool ready, ReasonSet& reasons);
  void Move(Event event, Time now);
  void Measure(const WorldFacts& world);
  bool Placed() const;
  ReasonSet Act(const TickInput& input, std::span<const double> action, TickOutput& output);
  Time OldestUsable(const WorldFacts& world) const;

  Settings settings_;
  ChunkPlayer player_;
  State state_ = State::kDisarmed;
  Time armed_at_ = kNever;               // chunks of older observations do not move the robot
  uint64_t failed_ = 0;                  // inferences, as of the last tick
  std::array<double, kMaxAxes> held_{};  // of position axes: where standing still is
  uint64_t placed_ = 0;                  // bits: of which axes held_ is known
  std::array<double, kMaxAxes> sent_{};  // the last command
};

}  // namespace vlaq::robot
