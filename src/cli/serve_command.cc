#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "base/interrupt.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/listen_arguments.h"
#include "serve/server.h"
#include "serve/service_monitor.h"

namespace vlaq::cli {
namespace {

struct ServeArguments {
  serve::ServiceOptions service;
  serve::ServerOptions server;
  ListenArguments listen;
  std::string protocol = "both", instruction;
  bool has_instruction = false;
  std::vector<std::string> aliases, ignored;
  BackendChoice backend;
};

// KEY=INPUT, each key once.
Result<std::map<std::string, std::string>> ReadAliases(const std::vector<std::string>& words) {
  std::map<std::string, std::string> aliases;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(fmt::format("--alias {} is not KEY=INPUT", word));
    }
    if (!aliases.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return UsageError(fmt::format("--alias {}: the key has an alias already", word));
    }
  }
  return aliases;
}

std::string WhereItListens(const ServeArguments& a, const serve::Server& server, const serve::PolicyService& service) {
  const std::string http = UrlOf("http", a.server, server);
  std::string text;
  if (a.server.has_openpi) text += fmt::format("openpi   {}\n", UrlOf("ws", a.server, server));
  text += fmt::format("HTTP     {}{}\n", http, a.server.http.has_predict ? "/predict" : "/health");
  if (a.server.http.has_page) text += fmt::format("page     {}/\n", http);
  text += fmt::format("key      {}\n", a.listen.KeyText());
  text += fmt::format("clients  {} at a time\n", a.service.sessions);
  text += fmt::format("policy   {}\n", service.description());
  return text;
}

// Until Ctrl-C or SIGTERM.
class StopSign {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_up_; });
  }
  void Raise() {
    const std::lock_guard lock(mutex_);
    is_up_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_up_ = false;
};

Status Complete(ServeArguments& a, Log& log) {
  VLAQ_RETURN_IF_ERROR(a.backend.Check());
  PolicyOptions options = a.backend.ForPolicy();
  options.schedule = a.service.policy.schedule;
  options.tokenizer = a.service.policy.tokenizer;
  a.service.policy = std::move(options);
  if (a.has_instruction) a.service.task = a.instruction;
  VLAQ_ASSIGN_OR_RETURN(a.service.keys.aliases, ReadAliases(a.aliases));
  a.service.keys.ignored = {a.ignored.begin(), a.ignored.end()};
  a.server.has_openpi = a.protocol != "http";
  a.server.http.has_predict = a.protocol != "openpi";
  return a.listen.Complete(a.server, log);
}

Status Serve(ServeArguments& a, Context& context) {
  VLAQ_RETURN_IF_ERROR(Complete(a, context.log));
  StopSign sign;
  // Before the server listens, so that whoever sees it can end it.
  const WhenInterrupted interrupted([&sign] { sign.Raise(); });
  VLAQ_ASSIGN_OR_RETURN(const auto service, serve::PolicyService::Open(a.service));
  std::error_code ignored;
  const std::filesystem::path place = std::filesystem::weakly_canonical(a.service.bundle, ignored);
  const std::string name = Printable(place.filename().string());
  serve::ServiceMonitor monitor(*service, name);
  VLAQ_ASSIGN_OR_RETURN(const auto server, serve::Server::Start(service.get(), monitor, name, a.server));
  context.out << WhereItListens(a, *server, *service) << std::flush;
  sign.Wait();
  server->Stop();
  const serve::ServiceStatistics statistics = service->statistics();
  context.out << fmt::format("ended after {}, {} late\n", Counted(statistics.done, "step"), statistics.misses);
  return {};
}

}  // namespace

Action AddServe(CLI::App& app, Context& context) {
  auto a = std::make_shared<ServeArguments>();
  app.add_option("bundle", a->service.bundle, "The bundle that `vlaq export` or `vlaq import` made")->required();
  OneOf(app.add_option("--protocol", a->protocol,
                       "What clients may ask actions by, all on one port: openpi's websocket protocol, HTTP")
            ->capture_default_str(),
        {"openpi", "http", "both"});
  app.add_flag("--ui", a->server.http.has_page, "Serve a page at / that shows what happens and has a stop button");
  app.add_option("--sessions", a->service.sessions, "Clients at a time; each has a policy of its own, with its memory")
      ->check(CLI::Range(1, 64))
      ->type_name("N")
      ->capture_default_str();
  const std::string policy = "Policy";
  auto* instruction = app.add_option("--instruction", a->instruction,
                                     "What clients that send no instruction are served with; default: that of export")
                          ->group(policy);
  app.add_option("--tokenizer", a->service.policy.tokenizer, "SentencePiece model; default: the bundle's own")
      ->type_name("FILE")
      ->group(policy);
  app.add_option("--schedule", a->service.policy.schedule,
                 "Schedule of the policy to run; default: as policy.json says")
      ->type_name("NAME")
      ->group(policy);
  app.add_option("--alias", a->aliases, "A client's key and the policy's input that it is")
      ->type_name("KEY=INPUT")
      ->group(policy);
  app.add_option("--ignore", a->ignored, "Keys that clients send and the policy does not take; others are an error")
      ->type_name("KEY")
      ->group(policy);
  a->listen.AddTo(app, a->server, "Where it listens");
  const std::string limits = "Limits";
  AsSize(app.add_option("--max-message", a->server.max_message_bytes, "Largest message or body; default: 32MiB"))
      ->group(limits);
  app.add_option("--max-side", a->server.http.pictures.max_side, "Longest side of a picture sent over HTTP, pixels")
      ->check(CLI::Range(1, 65535))
      ->type_name("N")
      ->capture_default_str()
      ->group(limits);
  app.add_option("--max-connections", a->server.max_connections, "Connections at a time")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str()
      ->group(limits);
  a->backend.AddTo(app);
  app.footer(
      "Ctrl-C ends it.\n\n"
      "Examples:\n"
      "  vlaq serve policy\n"
      "  vlaq serve policy --ui --api-key-file key.txt --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n"
      "  curl -d '{\"image\": \"'$(base64 -w0 frame.png)'\"}' http://127.0.0.1:8000/predict");
  return [a, instruction, &context]() -> Status {
    a->has_instruction = instruction->count() > 0;
    return Serve(*a, context);
  };
}

}  // namespace vlaq::cli
