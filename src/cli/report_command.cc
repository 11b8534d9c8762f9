#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bundle/bundle.h"
#include "cli/commands.h"
#include "report/compose.h"
#include "report/render.h"

namespace vlaq::cli {
namespace {

struct ReportArguments {
  std::vector<std::filesystem::path> documents;
  std::filesystem::path output;
  std::string title;
  bool markdown = false, summary = false, force = false;
};

Status WriteReport(const ReportArguments& a, Context& context) {
  if (a.output.empty() && !a.markdown && !a.summary) {
    return UsageError("-o FILE is missing", "only --markdown and --summary may go to standard output");
  }
  if (!a.output.empty()) VLAQ_RETURN_IF_ERROR(OutputFile::Create(a.output, WhenExisting(a.force)));  // gone at once
  std::vector<report::Document> documents;
  for (const auto& path : a.documents) {
    if (bundle::IsBundle(path)) {
      return InputError(path, "is a bundle, and a report is made of documents about bundles",
                        "vlaq verify BUNDLE -o receipt.json makes one");
    }
    VLAQ_ASSIGN_OR_RETURN(report::Document document, report::ReadDocument(path));
    documents.push_back(std::move(document));
  }
  VLAQ_ASSIGN_OR_RETURN(const report::Page page, report::Compose(documents, a.title));
  if (a.summary) context.out << report::SummaryText(page);
  if (a.output.empty() && !a.markdown) return {};
  const std::string text = a.markdown ? report::Markdown(page) : report::Html(page);
  if (a.output.empty()) {
    context.out << text;
    return {};
  }
  VLAQ_RETURN_IF_ERROR(WriteFile(a.output, text, WhenExisting(a.force)));
  context.out << fmt::format("{}: {} sections of {} documents\n", a.output.string(), page.sections.size(),
                             documents.size());
  return {};
}

}  // namespace

Action AddReport(CLI::App& app, Context& context) {
  auto a = std::make_shared<ReportArguments>();
  app.add_option("document", a->documents, "JSON that vlaq wrote; what it may be stands below")
      ->type_name("FILE")
      ->required();
  app.add_option("-o,--output", a->output, "The page to write: one file that needs no network")->type_name("FILE");
  app.add_flag("--markdown", a->markdown, "Markdown, for a pull request; without -o on standard output");
  app.add_flag("--summary", a->summary,
               "Print what most readers ask, with the answers of these documents; -o is not needed then");
  app.add_option("--title", a->title, "Title of the page; default: the verdict")->type_name("TEXT");
  AddForceFlag(app, a->force);
  app.footer(
      fmt::format("Documents:\n  {}\n\n"
                  "Examples:\n"
                  "  vlaq report receipt.json results.json -o report.html\n"
                  "  vlaq report receipt.json results.json --summary\n"
                  "  vlaq report results.json --markdown >comment.md",
                  fmt::join(report::KnownKinds(), "\n  ")));
  return [a, &context]() -> Status { return WriteReport(*a, context); };
}

}  // namespace vlaq::cli
