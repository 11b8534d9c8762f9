#include "base/json.h"
#include "cli/commands.h"
#include "cli/inspect_text.h"
#include "image/preprocess.h"
#include "inspection/inspect.h"

namespace vlaq::cli {
namespace {

struct InspectArguments {
  std::filesystem::path path;
  inspection::InspectOptions options;
  std::string channel_order;
  bool operators = false;
  bool json = false;
};

}  // namespace

Action AddInspect(CLI::App& app, Context& context) {
  auto a = std::make_shared<InspectArguments>();
  app.add_option("path", a->path,
                 "A checkpoint (.pth, .pt, .safetensors, model.safetensors.index.json, or a folder that holds one), an "
                 ".onnx file, a bundle, recorded episodes (.h5, or a folder of them), a recording (.mcap), or one of "
                 "vlaq's JSON documents")
      ->required();
  app.add_flag("--tensors", a->options.tensors, "List every tensor");
  app.add_flag(
      "--hash", a->options.hash,
      "SHA-256 of every file, of episodes of their content, and every weight that is NaN or infinite (reads all)");
  app.add_flag("--operators", a->operators, "List the operators of a bundle's graphs");
  app.add_option("--state-dict", a->options.state_dict,
                 "Key of the state dict to describe, where a .pth holds several, such as ema_state_dict")
      ->type_name("KEY");
  app.add_flag("--skip-bad", a->options.skip_bad, "Go on past broken episodes, and list them");
  OneOf(app.add_option("--channel-order", a->channel_order, "Channel order of the episodes' frames"),
        image::ChannelOrderNames());
  AddJsonFlag(app, a->json);
  app.footer(
      "Examples:\n"
      "  vlaq inspect model.pth\n"
      "  vlaq inspect policy --json\n"
      "  vlaq inspect policy/encoder.onnx --tensors\n"
      "  vlaq inspect episodes/ --skip-bad\n"
      "  vlaq inspect incident.mcap");
  return [a, &context]() -> Status {
    if (!a->channel_order.empty()) a->options.channel_order = image::FindChannelOrder(a->channel_order);
    VLAQ_ASSIGN_OR_RETURN(const Json document, inspection::Inspect(a->path, a->options, context.log));
    if (a->json) {
      PrintJson(document, context.out);
    } else {
      context.out << InspectText(document, a->operators);
    }
    return {};
  };
}

}  // namespace vlaq::cli
