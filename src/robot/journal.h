// Who is told everything that happens in the loop, to record it (SAFE-13) or to show it. Never on the thread of the
// control tick; calls come from several threads, one at a time.
#pragma once

#include <vector>

#include "robot/controller.h"
#include "robot/inference_runner.h"

namespace vlaq::robot {

class Journal {
 public:
  virtual ~Journal() = default;
  // Every tick, in order, within a fraction of a second after it.
  virtual void Tick(const TickInput& input, const TickOutput& output) = 0;
  // Every inference, before any tick that plays its chunk.
  virtual void Step(const Inferred& inferred) = 0;
};

// Tells several.
class Journals : public Journal {
 public:
  // They must outlive it.
  void Add(Journal* journal) { journals_.push_back(journal); }
  bool empty() const { return journals_.empty(); }
  void Tick(const TickInput& input, const TickOutput& output) override {
    for (Journal* journal : journals_) journal->Tick(input, output);
  }
  void Step(const Inferred& inferred) override {
    for (Journal* journal : journals_) journal->Step(inferred);
  }

 private:
  std::vector<Journal*> journals_;
};

}  // namespace vlaq::robot
