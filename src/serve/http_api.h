// What the server answers over HTTP: which method and path does what. Not aware of sockets; who carries requests here
// is serve/net_*. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "serve/access.h"
#include "serve/http_message.h"
#include "serve/monitor.h"
#include "serve/policy_json.h"
#include "serve/policy_service.h"

namespace vlaq::serve {

using Respond = std::function<void(HttpResponse)>;

struct HttpSettings {
  AccessRules access;
  PictureLimits pictures;
  bool has_predict = true;  // else only health, metrics and stop
  bool has_page = false;    // the page at / and what it asks for
};

// Sessions for clients without connections: one for each X-Session, given up when idle.
class HttpSessions {
 public:
  explicit HttpSessions(PolicyService* service) : service_(service) {}
  Result<PolicyService::ClientId> Of(const std::string& name);
  // It has none any more.
  void Forget(const std::string& name, PolicyService::ClientId id);

 private:
  PolicyService* service_;
  std::mutex mutex_;
  std::map<std::string, PolicyService::ClientId> ids_;
};

class HttpApi {
 public:
  // `service` and `monitor` must outlive it; `service` may be null where there is no /predict. `name`: of the policy.
  HttpApi(PolicyService* service, Monitor& monitor, std::string name, HttpSettings settings);

  // The answer that the head alone decides: 401, 403, 404, 405. Then the body need not be read.
  std::optional<HttpResponse> Refuse(const HttpHead& head) const;
  // Whether answering takes a while (a picture is encoded): then not on the thread of sockets.
  bool IsSlow(const HttpHead& head) const;
  // `respond` is called once, on any thread, for a head that was not refused. The body as it came.
  void Handle(const HttpHead& head, std::string body, Respond respond);

 private:
  struct Route;
  const Route* Find(const HttpHead& head) const;
  static const std::vector<Route>& Routes();
  void Predict(const HttpHead& head, std::string body, const Respond& respond);
  void Reset(const HttpHead& head, const std::string& body, const Respond& respond);
  // What is asked of the service, and how its answer is told.
  struct Question {
    std::function<void(PolicyService::ClientId, OnAnswer)> ask;
    std::function<Json(const Answer&)> tell;
  };
  // A client whose session was given to another gets a new one, once.
  void Ask(const std::string& session, const Respond& respond, const Question& question, bool again = true);
  Json Prediction(const Answer& answer) const;
  HttpResponse Camera() const;

  PolicyService* service_;
  Monitor& monitor_;
  const std::string name_;
  const HttpSettings settings_;
  HttpSessions sessions_;
};

// The page, one HTML document that asks for nothing from elsewhere (page.html).
extern const char* const kPage;

}  // namespace vlaq::serve
