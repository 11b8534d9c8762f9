#include "serve/client_queue.h"

#include <algorithm>
#include <utility>

namespace vlaq::serve {

ClientQueue::Clients::iterator ClientQueue::Next() {
  const auto waits = [](const auto& entry) { return entry.second.Waits(); };
  const auto after = clients_.upper_bound(last_served_);
  const auto found = std::find_if(after, clients_.end(), waits);
  return found != clients_.end() ? found : std::find_if(clients_.begin(), clients_.end(), waits);
}

void ClientQueue::Forget(Clients::iterator client) {
  client->second.place->is_taken = false;
  clients_.erase(client);
}

SessionPlace* ClientQueue::FreePlace() {
  const auto free = std::find_if(places_.begin(), places_.end(), [](const auto& place) { return !place.is_taken; });
  return free == places_.end() ? nullptr : &*free;
}

void ClientQueue::TakeIdle() {
  const auto idle = std::find_if(clients_.begin(), clients_.end(), [&](const auto& entry) {
    const Client& client = entry.second;
    const std::chrono::duration<double> unused = ServiceClock::now() - client.last_used;
    return client.tenure == Tenure::kUntilIdle && !client.is_at_work && !client.Waits() && unused.count() >= idle_s_;
  });
  if (idle != clients_.end()) Forget(idle);
}

std::optional<ClientQueue::ClientId> ClientQueue::Join(Tenure tenure) {
  if (FreePlace() == nullptr) TakeIdle();
  SessionPlace* place = FreePlace();
  if (place == nullptr) return std::nullopt;
  place->is_taken = place->begins = true;
  const ClientId id = next_id_++;
  Client& client = clients_[id];
  client.place = place;
  client.tenure = tenure;
  return id;
}

std::vector<ServiceJob> ClientQueue::Leave(ClientId id) {
  std::vector<ServiceJob> waited;
  const auto client = clients_.find(id);
  if (client == clients_.end()) return waited;
  for (auto* waiting : {&client->second.reset, &client->second.step}) {
    if (*waiting) waited.push_back(std::move(**waiting));
    waiting->reset();
  }
  client->second.has_left = true;
  if (!client->second.is_at_work) Forget(client);
  return waited;
}

bool ClientQueue::Has(ClientId id) const {
  const auto client = clients_.find(id);
  return client != clients_.end() && !client->second.has_left;
}

std::optional<ServiceJob> ClientQueue::Put(ClientId id, ServiceJob job) {
  Client& client = clients_.at(id);
  client.last_used = ServiceClock::now();
  std::optional<ServiceJob>& waiting = job.is_step() ? client.step : client.reset;
  return std::exchange(waiting, std::move(job));
}

std::vector<ServiceJob> ClientQueue::TakeWaiting() {
  std::vector<ServiceJob> jobs;
  for (auto& [id, client] : clients_) {
    for (auto* waiting : {&client.reset, &client.step}) {
      if (*waiting) jobs.push_back(std::move(**waiting));
      waiting->reset();
    }
  }
  return jobs;
}

ClientQueue::Work ClientQueue::TakeNext() {
  const auto next = Next();
  last_served_ = next->first;
  Client& client = next->second;
  client.is_at_work = true;
  std::optional<ServiceJob>& waiting = client.reset ? client.reset : client.step;
  Work work{next->first, client.place, std::move(*waiting)};
  waiting.reset();
  return work;
}

bool ClientQueue::Finish(ClientId id) {
  const auto client = clients_.find(id);
  client->second.is_at_work = false;
  client->second.last_used = ServiceClock::now();
  if (!client->second.has_left) return true;
  Forget(client);
  return false;
}

}  // namespace vlaq::serve
