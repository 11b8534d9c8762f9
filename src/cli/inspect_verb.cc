#include "base/json.h"
#include "cli/inspect_text.h"
#include "cli/verbs.h"
#include "inspection/inspect.h"

namespace vlaq::cli {
namespace {

struct Arguments {
  std::filesystem::path path;
  inspection::InspectOptions options;
  bool json = false;
};

}  // namespace

Action AddInspect(CLI::App& app, Context& context) {
  auto a = std::make_shared<Arguments>();
  app.add_option("path", a->path,
                 "A checkpoint (.pth, .pt, .safetensors, model.safetensors.index.json), an .onnx file, or a bundle")
      ->required();
  app.add_flag("--tensors", a->options.tensors, "List every tensor");
  app.add_flag("--hash", a->options.hash, "SHA-256 of every file (reads them whole)");
  AddJsonFlag(app, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq inspect best_simple_lstm_model.pth\n"
      "  vlaq inspect mae0222 --json\n"
      "  vlaq inspect mae0222/encoder.onnx --tensors");
  return [a, &context]() -> Status {
    VLAQ_ASSIGN_OR_RETURN(const Json document, inspection::Inspect(a->path, a->options, context.log));
    if (a->json) {
      PrintJson(document, context.out);
    } else {
      context.out << InspectText(document);
    }
    return {};
  };
}

}  // namespace vlaq::cli
