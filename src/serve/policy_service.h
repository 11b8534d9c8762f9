// One policy for several clients, whatever they speak. Not aware of sockets and formats.
//
// A client has a session: a vlaq::Policy of its own, since what a policy remembers of an episode (windows, recurrent
// state, its instruction) must not become another's. There are as many sessions as was asked for; the next client is
// refused. One thread runs all of them, in turns. A client has at most one request at work and one waiting: a newer one
// takes the waiting one's place, because an old picture is worth nothing.
//
// Thread-safe. Answers come on the inference thread, or, where a request is refused at once, within the call; they must
// not wait for anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "serve/observation_keys.h"
#include "serve/request.h"
#include "serve/service_statistics.h"
#include "vlaq/policy.h"

namespace vlaq::serve {

enum class Outcome {
  kDone,
  kRefused,    // the request is wrong
  kFailed,     // the policy is
  kReplaced,   // by a newer one
  kNoSession,  // the client has none (any more)
  kStopped,    // the emergency stop is on
  kClosed,     // the service ends
};

struct Answer {
  Outcome outcome = Outcome::kDone;
  Error error;          // unless kDone
  Values outputs;       // by the policy's names, float32 in their units, [chunk, dim]; none for a reset
  double infer_ms = 0;  // of the policy
  double total_ms = 0;  // since the request came
};
using OnAnswer = std::function<void(const Answer&)>;

struct ServiceOptions {
  std::filesystem::path bundle;
  PolicyOptions policy;
  std::optional<std::string> task;  // the instruction that sessions begin with; else the one of export
  KeySettings keys;
  size_t sessions = 1;
  double idle_s = 30;  // after that, a client without a connection gives its session up to one that wants it
};

// How long a client keeps its session.
enum class Tenure { kUntilLeave, kUntilIdle };

// The last step, for who shows it.
struct LastStep {
  std::string camera, task;
  Tensor picture;  // uint8 [H, W, 3]; [0] if there was none
  Tensor actions;  // of the first output
  double infer_ms = 0;
};

class PolicyService {
 public:
  using ClientId = uint64_t;

  // Opens the first session's policy. Errors: those of Policy::Open, ObservationKeys::Make and Policy::Reset; kUsage
  // for no sessions.
  static Result<std::unique_ptr<PolicyService>> Open(ServiceOptions options);
  ~PolicyService();
  PolicyService(const PolicyService&) = delete;
  PolicyService& operator=(const PolicyService&) = delete;

  // A client gets a session and begins an episode. Errors: kUsage if all are taken.
  Result<ClientId> Join(Tenure tenure);
  // Its waiting request is dropped, and that at work not answered.
  void Leave(ClientId client);

  // Asks for actions; `done` is called once.
  void Submit(ClientId client, ReadRequest read, OnAnswer done);
  // A new episode, with another instruction if one is given.
  void Reset(ClientId client, std::optional<std::string> task, OnAnswer done);

  // The emergency stop: until Resume() every request is refused, also those at work and waiting.
  void Stop();
  void Resume();
  // No more requests are taken; returns when the one at work is answered.
  void Close();

  ServiceStatistics statistics() const;
  std::shared_ptr<const LastStep> last_step() const;  // null before the first

  const PolicyFeatures& features() const;
  const ObservationKeys& keys() const;
  // One line: what runs, where.
  const std::string& description() const;
  bool follows_instructions() const;

 private:
  struct State;
  explicit PolicyService(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace vlaq::serve
