#include "serve/http_api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/json.h"
#include "base/json_field.h"
#include "serve/openpi.h"

namespace vlaq::serve {
namespace {

constexpr size_t kLongestSession = 64;  // characters of X-Session
constexpr size_t kMostSessions = 1024;  // names remembered
// Of a reset, bytes: it is read on the thread of sockets. Longer than any instruction.
constexpr size_t kLongestReset = size_t{64} << 10;

int StatusOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return 200;
    case Outcome::kRefused:
      return 400;
    case Outcome::kReplaced:
      return 409;
    case Outcome::kFailed:
      return 500;
    case Outcome::kNoSession:
    case Outcome::kStopped:
    case Outcome::kClosed:
      return 503;
  }
  return 500;
}

}  // namespace

Result<PolicyService::ClientId> HttpSessions::Of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
  if (ids_.size() >= kMostSessions) ids_.clear();  // those that are still there become idle
  VLAQ_ASSIGN_OR_RETURN(const PolicyService::ClientId id, service_->Join(Tenure::kUntilIdle));
  ids_[name] = id;
  return id;
}

void HttpSessions::Forget(const std::string& name, PolicyService::ClientId id) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(name);
  if (known != ids_.end() && known->second == id) ids_.erase(known);
}

struct HttpApi::Route {
  std::string_view method, path;
  bool needs_key = true;
  bool HttpSettings::*only_with = nullptr;  // is there only with this setting
  bool is_slow = false;
  void (*handle)(HttpApi& api, const HttpHead& head, std::string body, const Respond& respond) = nullptr;
};

const std::vector<HttpApi::Route>& HttpApi::Routes() {
  // Those without a key tell nothing but that the server is there.
  static const std::vector<Route> routes{
      {"GET", "/healthz", false, nullptr, false,
       [](HttpApi&, const HttpHead&, std::string, const Respond& respond) {
         respond({200, "text/plain", "OK\n"});
       }},
      {"GET", "/health", true, nullptr, false,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) {
         respond({200, "application/json", api.monitor_.HealthJson()});
       }},
      {"GET", "/metrics", true, nullptr, false,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) {
         respond({200, "text/plain; version=0.0.4", api.monitor_.MetricsText()});
       }},
      {"POST", "/predict", true, &HttpSettings::has_predict, false,
       [](HttpApi& api, const HttpHead& head, std::string body, const Respond& respond) {
         api.Predict(head, std::move(body), respond);
       }},
      {"POST", "/reset", true, &HttpSettings::has_predict, false,
       [](HttpApi& api, const HttpHead& head, std::string body, const Respond& respond) {
         api.Reset(head, body, respond);
       }},
      {"POST", "/stop", true, nullptr, false,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) {
         api.monitor_.Stop();
         respond(JsonResponse({{"stopped", true}}));
       }},
      {"POST", "/resume", true, nullptr, false,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) {
         api.monitor_.Resume();
         respond(JsonResponse({{"stopped", false}}));
       }},
      {"GET", "/", false, &HttpSettings::has_page, false,
       [](HttpApi&, const HttpHead&, std::string, const Respond& respond) {
         respond({200, "text/html; charset=utf-8", kPage});
       }},
      {"GET", "/status", true, &HttpSettings::has_page, false,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) {
         respond({200, "application/json", api.monitor_.StatusJson()});
       }},
      {"GET", "/camera.png", true, &HttpSettings::has_page, true,
       [](HttpApi& api, const HttpHead&, std::string, const Respond& respond) { respond(api.Camera()); }},
  };
  return routes;
}

HttpApi::HttpApi(PolicyService* service, Monitor& monitor, std::string name, HttpSettings settings)
    : service_(service),
      monitor_(monitor),
      name_(std::move(name)),
      settings_(std::move(settings)),
      sessions_(service) {}

const HttpApi::Route* HttpApi::Find(const HttpHead& head) const {
  const auto& routes = Routes();
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const Route& route) {
    const bool is_there = route.only_with == nullptr || settings_.*route.only_with;
    return is_there && route.path == head.path && route.method == head.method;
  });
  return found == routes.end() ? nullptr : &*found;
}

std::optional<HttpResponse> HttpApi::Refuse(const HttpHead& head) const {
  const Route* route = Find(head);
  // Who has no key learns nothing about what there is.
  if (auto refused = RefuseAccess(settings_.access, head, route == nullptr || route->needs_key)) return refused;
  if (head.session.size() > kLongestSession) return ErrorResponse(400, "X-Session is longer than 64 characters");
  if (route != nullptr) return std::nullopt;
  const auto same_path = [&](const Route& other) { return other.path == head.path && other.method != head.method; };
  const bool other_method = std::any_of(Routes().begin(), Routes().end(), same_path);
  return other_method ? ErrorResponse(405, "another method is meant for this path")
                      : ErrorResponse(404, "there is no such path");
}

bool HttpApi::IsSlow(const HttpHead& head) const {
  const Route* route = Find(head);
  return route != nullptr && route->is_slow;
}

void HttpApi::Handle(const HttpHead& head, std::string body, Respond respond) {
  const Route* route = Find(head);
  if (route == nullptr) {
    respond(ErrorResponse(404, "there is no such path"));
  } else {
    route->handle(*this, head, std::move(body), respond);
  }
}

void HttpApi::Ask(const std::string& session, const Respond& respond, const Question& question, bool again) {
  const auto id = sessions_.Of(session);
  if (!id.ok()) {
    respond(ErrorResponse(503, id.error().ToString()));
    return;
  }
  question.ask(*id, [this, session, id = *id, respond, question, again](const Answer& answer) {
    if (answer.outcome == Outcome::kNoSession) {
      sessions_.Forget(session, id);
      if (again) return Ask(session, respond, question, false);
    }
    respond(answer.outcome == Outcome::kDone ? JsonResponse(question.tell(answer))
                                             : ErrorResponse(StatusOf(answer.outcome), answer.error.ToString()));
  });
}

void HttpApi::Predict(const HttpHead& head, std::string body, const Respond& respond) {
  // Shared, since functions are copied and bodies are large.
  const auto text = std::make_shared<const std::string>(std::move(body));
  const bool is_msgpack = head.content_type == "application/msgpack";
  const auto read = [this, text, is_msgpack] {
    if (is_msgpack) return OpenpiRequest(AsBytes(*text));
    const auto is_picture = [this](std::string_view key) { return service_->keys().IsPicture(key); };
    return RequestFromJson(*text, is_picture, settings_.pictures);
  };
  Ask(head.session, respond,
      {[this, read](PolicyService::ClientId id, OnAnswer done) { service_->Submit(id, read, std::move(done)); },
       [this](const Answer& answer) { return Prediction(answer); }});
}

void HttpApi::Reset(const HttpHead& head, const std::string& body, const Respond& respond) {
  std::optional<std::string> task;
  if (body.size() > kLongestReset) return respond(ErrorResponse(413, "the instruction is too long"));
  if (!body.empty()) {
    const auto json = ParseJson(body, "request");
    if (!json.ok()) return respond(ErrorResponse(400, json.error().ToString()));
    const JsonField field(*json, "request");
    field.Only({"instruction"}, "a reset");
    field.Read("instruction", task);
    if (!field.status().ok()) return respond(ErrorResponse(400, field.status().error().ToString()));
  }
  Ask(head.session, respond,
      {[this, task](PolicyService::ClientId id, OnAnswer done) { service_->Reset(id, task, std::move(done)); },
       [](const Answer&) {
         return Json{{"reset", true}};
       }});
}

Json HttpApi::Prediction(const Answer& answer) const {
  const Tensor& actions = answer.outputs.at(service_->features().outputs.front().name);
  Json rows = ActionsJson(actions);
  const size_t chunk = rows.size();
  return {{"action", rows.empty() ? Json::array() : rows.front()},
          {"latency_ms", answer.infer_ms},
          {"model_name", name_},
          {"chunk_size", chunk},
          {"actions", std::move(rows)},
          {"total_ms", answer.total_ms}};
}

HttpResponse HttpApi::Camera() const {
  auto png = monitor_.CameraPng();
  if (!png.ok()) return ErrorResponse(404, png.error().ToString());
  return {200, "image/png", std::move(*png)};
}

}  // namespace vlaq::serve
