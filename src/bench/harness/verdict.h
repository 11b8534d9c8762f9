// May a measurement be believed? Each check with its limit, and what to do about it.
//
// Limits and their sources: spec of benchmarking in docs/benchmarks.md. Not aware of: how it was measured. Pure.
#pragma once

#include "bench/harness/results.h"

namespace vlaq::harness {

struct Limits {
  double variation = 0.05;   // of the rounds' medians: CPUs do better when left alone
  double drift = 0.03;       // between the medians of the first and the last third of the rounds
  double windows = 0.10;     // between three windows in a row (perf_analyzer)
  double outlier = 5;        // times the median
  double other_load = 0.10;  // of the machine
  double harness = 0.01;     // of the median
  double unseen = 0.5;       // time that passed in excess of what was claimed, as a share of the claim
  // Allowed before unaccounted time counts, for each step: actions as text, inputs made ready, waking up, and the core
  // that the system gives to another thread between two steps. With the threads of two graphs spinning on 2 cores that
  // came to 9 ms in 11 steps of 0.6 ms.
  int64_t unseen_step_ns = 1'000'000;
  int64_t unseen_question_ns = 2'000'000;  // of each question
  // Limits of the share that a subject gets wrong of what frames change in the first subject's actions.
  double coarse = 0.25;        // it no longer follows the frames closely
  double blind = 0.9;          // a constant has 1 on average; few frames may make it 0.9 by chance
  double least_spread = 1e-6;  // of that change: below it, it is lost in float32's rounding
  double identity = 0.99;      // of the parameters; exports add up the two biases of an LSTM, which takes some 0.1 %
  double surplus =
      1.5;  // of them: tables that exports compute (15 % of a small policy), scales of blocks of 16 (12.5 %)
};

// The checks, in the order in which they are told. VALID findings are left out.
Verdict Judge(const SubjectResult& subject, const Results& results, const Limits& limits = {});

}  // namespace vlaq::harness
