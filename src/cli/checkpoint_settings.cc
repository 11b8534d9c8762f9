#include "cli/checkpoint_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "cli/command.h"
#include "families/family.h"

namespace vlaq::cli {

std::string FamilyHelp(const families::Family& family) {
  TextTable table({"setting", "meaning", "values"});
  for (const families::SettingInfo& info : family.settings()) {
    if (info.help.empty()) continue;
    table.AddRow({std::string(info.key), std::string(info.help), fmt::format("{}", fmt::join(info.values, ", "))});
  }
  return fmt::format(
      "{}: {}\n\nSettings: --set KEY=VALUE, or in --policy policy.json\n{}\nWhat is not listed follows from the "
      "checkpoint.\n",
      family.name(), family.description(), table.ToString(2));
}

void CheckpointSettings::AddTo(CLI::App& app) {
  app.add_option("checkpoint", checkpoint,
                 "The checkpoint: .pth, .pt, .safetensors, model.safetensors.index.json, or a folder that holds one; "
                 "config.json, policy.json and sentencepiece.bpe.model beside it are taken unless others are given")
      ->required();
  const std::string model = "What the checkpoint does not say";
  app.add_option(
         "--config", config,
         "The model's own configuration, as transformers writes it; default: the published one, if shapes agree")
      ->type_name("config.json")
      ->group(model);
  app.add_option("--policy", policy, "Settings of the policy: preprocessing, window, chunk, scale, ...")
      ->type_name("policy.json")
      ->group(model);
  app.add_option("--set", set, "A setting of the checkpoint's family; --help-family lists them")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group(model);
  std::vector<std::string> names;
  for (const families::Family* family : families::All()) names.emplace_back(family->name());
  OneOf(app.add_option_function<std::string>(
            "--help-family",
            [](const std::string& name) {
              if (const auto* family = families::FindOrNull(name)) throw CLI::CallForVersion(FamilyHelp(*family), 0);
            },
            "Print the settings of a family and exit"),
        names)
      ->trigger_on_parse()
      ->group(model);
  // Spellings from before --set, kept for one version.
  for (const families::Family* family : families::All()) {
    for (const families::SettingInfo& info : family->settings()) {
      if (info.option.empty()) continue;
      CLI::Option* option = app.add_option_function<std::string>(
          std::string(info.option),
          [this, key = std::string(info.key)](const std::string& value) { spelled[key] = value; },
          fmt::format("The same as --set {}=", info.key));
      option->group(model);
      if (!info.values.empty()) OneOf(option, info.values);
    }
  }
  app.add_option("--state-dict", state_dict,
                 "Key of the state dict to take, where a .pth holds several, such as ema_state_dict")
      ->type_name("KEY")
      ->group(model);
  app.add_option(
         "--override", overrides,
         "Setting of policy.json for which the given or default value holds although the checkpoint says another")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->group(model);
  const std::string task(kTaskGroup);
  auto* told = app.add_option("--instruction", instruction, "The instruction; needs --tokenizer")->group(task);
  app.add_option("--tokenizer", tokenizer, "SentencePiece model of the checkpoint")
      ->type_name("sentencepiece.bpe.model")
      ->group(task);
  app.add_option("--prompt-ids", ids, "The instruction as token ids")
      ->type_name("ID,ID,...")
      ->excludes(told)
      ->group(task);
}

Result<exporting::ExportOptions> CheckpointSettings::Options() const {
  if (bundle::IsBundle(checkpoint)) {
    return InputError(checkpoint.string(), "is a bundle, and this takes the checkpoint that one is made from",
                      "vlaq run, vlaq verify and vlaq quantize take bundles");
  }
  exporting::ExportOptions options;
  options.checkpoint = checkpoint;
  options.state_dict = state_dict;
  options.settings.overrides = overrides;
  options.settings.config = config;
  options.settings.policy = policy;
  options.settings.set = spelled;
  for (const std::string& text : set) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return UsageError(fmt::format("--set {} is no KEY=VALUE", text), "--help-family lists the keys");
    }
    options.settings.set[text.substr(0, equals)] = text.substr(equals + 1);
  }
  options.settings.tokenizer = tokenizer;
  options.settings.task = instruction;
  if (!ids.empty()) {
    VLAQ_ASSIGN_OR_RETURN(options.settings.ids, ParseIds(ids, "--prompt-ids"));
  }
  return options;
}

}  // namespace vlaq::cli
