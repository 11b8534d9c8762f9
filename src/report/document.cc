#include "report/document.h"

#include "base/json.h"
#include "report/older.h"

namespace vlaq::report {

Result<Document> ReadDocument(const std::filesystem::path& path) {
  VLAQ_ASSIGN_OR_RETURN(Json json, ReadJsonFile(path));
  Document document{path, "", std::make_shared<const Json>(InWordsOfToday(std::move(json)))};
  const JsonField root = document.root();
  document.kind = root["schema"].Text();
  VLAQ_RETURN_IF_ERROR(root.status());
  if (const auto mode = root.Find("mode")) {
    document.kind += " " + mode->Text();
    VLAQ_RETURN_IF_ERROR(root.status());
  }
  return document;
}

}  // namespace vlaq::report
