// Which client has which session, what waits, and whose turn it is. Private to PolicyService, which guards it: not
// thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "serve/policy_service.h"
#include "serve/session.h"

namespace vlaq::serve {

using ServiceClock = std::chrono::steady_clock;

struct ServiceJob {
  ReadRequest read;                 // empty: a reset
  std::optional<std::string> task;  // of a reset
  OnAnswer done;
  ServiceClock::time_point came = ServiceClock::now();

  bool is_step() const { return static_cast<bool>(read); }
};

// A place for one client.
struct SessionPlace {
  std::optional<Session> session;  // opened when it is first needed; only the inference thread uses it
  bool is_taken = false;
  bool begins = false;  // another client: an episode is begun before its first job
};

class ClientQueue {
 public:
  using ClientId = PolicyService::ClientId;
  ClientQueue(size_t sessions, double idle_s) : places_(sessions), idle_s_(idle_s) {}

  // Nothing if all places are taken, and nobody may be made to give one up.
  std::optional<ClientId> Join(Tenure tenure);
  // What waited is handed over, for who destroys it.
  std::vector<ServiceJob> Leave(ClientId id);
  bool Has(ClientId id) const;
  // The job that it takes the place of. The client must be there.
  std::optional<ServiceJob> Put(ClientId id, ServiceJob job);
  std::vector<ServiceJob> TakeWaiting();

  bool HasNext() { return Next() != clients_.end(); }
  // The next job, in turns; HasNext() must hold. It is at work until Finish().
  struct Work {
    ClientId client = 0;
    SessionPlace* place = nullptr;
    ServiceJob job;
  };
  Work TakeNext();
  // False if the client has left meanwhile.
  bool Finish(ClientId id);

  size_t clients() const { return clients_.size(); }
  size_t sessions() const { return places_.size(); }
  SessionPlace& first_place() { return places_.front(); }

 private:
  struct Client {
    SessionPlace* place = nullptr;
    Tenure tenure = Tenure::kUntilLeave;
    std::optional<ServiceJob> reset, step;  // waiting; a reset goes first
    bool is_at_work = false, has_left = false;
    ServiceClock::time_point last_used = ServiceClock::now();

    bool Waits() const { return !is_at_work && (reset || step); }
  };
  using Clients = std::map<ClientId, Client>;

  Clients::iterator Next();
  void Forget(Clients::iterator client);
  SessionPlace* FreePlace();
  // Takes the place of a client that has no connection and was idle for long enough.
  void TakeIdle();

  std::vector<SessionPlace> places_;
  Clients clients_;
  double idle_s_;
  ClientId next_id_ = 1, last_served_ = 0;
};

}  // namespace vlaq::serve
