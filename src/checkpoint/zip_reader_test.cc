#include "checkpoint/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Little;
using ::testing::StartsWith;
using testing::ZipEntry;
using testing::ZipFile;
using testing::ZipOptions;

// Opens the file and asks for every record, as a reader of the whole file would. Empty, or the error's text.
std::string ZipError(const std::string& file) {
  const auto zip = ZipReader::Open(AsBytes(file), "f.pth");
  if (!zip.ok()) return zip.error().ToString();
  for (const ZipRecord& record : zip->records()) {
    const auto data = zip->Data(record);
    if (!data.ok()) return data.error().ToString();
  }
  return "";
}

std::string RecordText(const std::string& file, std::string_view name) {
  const auto zip = ZipReader::Open(AsBytes(file), "f.pth");
  if (!zip.ok()) return zip.error().ToString();
  const ZipRecord* record = zip->Find(name);
  if (record == nullptr) return "absent";
  const auto data = zip->Data(*record);
  return data.ok() ? std::string(AsText(*data)) : data.error().ToString();
}

TEST(ZipReader, ReadsRecordsInAllLegalForms) {
  const std::vector<ZipEntry> entries = {
      {"a/descriptor", "one"},
      {"a/sizes in the header", "two!", 0, 0x0800},
      {"a/padded", "three", 0, 0x0808, "FB" + Little<uint16_t>(7) + "ZZZZZZZ"},
      {"a/zip64", "four", 0, 0x0808, "", true},
      {"a/empty", ""},
  };
  for (const bool saturate : {false, true}) {
    ZipOptions options;
    options.saturate_end = saturate;
    options.comment = "a comment PK\x05\x06 with a signature";
    const std::string file = ZipFile(entries, options);
    EXPECT_EQ(ZipError(file), "");
    EXPECT_EQ(RecordText(file, "a/descriptor"), "one");
    EXPECT_EQ(RecordText(file, "a/sizes in the header"), "two!");
    EXPECT_EQ(RecordText(file, "a/padded"), "three");
    EXPECT_EQ(RecordText(file, "a/zip64"), "four");
    EXPECT_EQ(RecordText(file, "a/empty"), "");
    EXPECT_EQ(RecordText(file, "a/none"), "absent");
  }
  ZipOptions plain;
  plain.zip64_end = false;
  EXPECT_EQ(RecordText(ZipFile({{"a/b", "x"}}, plain), "a/b"), "x");
}

TEST(ZipReader, Zip64FieldHoldsOnlyWhatIsSaturated) {
  // Only the offset is too large for 32 bits here, so it is the first value in the field.
  ZipEntry entry{"a/b", "data"};
  entry.central_extra = Little<uint16_t>(0x7075) + Little<uint16_t>(2) + "??" + Little<uint16_t>(1) +
                        Little<uint16_t>(8) + Little<uint64_t>(0);
  entry.offset = 0xFFFFFFFF;
  EXPECT_EQ(RecordText(ZipFile({entry}), "a/b"), "data");
  entry.central_extra = Little<uint16_t>(1) + Little<uint16_t>(4) + "1234";
  EXPECT_THAT(ZipError(ZipFile({entry})), AllOf(StartsWith("f.pth: record 'a/b'"), HasSubstr("zip64 field")));
}

TEST(ZipReader, RefusesCompressedAndEncryptedRecords) {
  EXPECT_THAT(ZipError(ZipFile({{"a/b", "x", 8}})), HasSubstr("record 'a/b': is compressed (zip method 8)"));
  EXPECT_THAT(ZipError(ZipFile({{"a/b", "x", 0, 0x0809}})), HasSubstr("is encrypted"));
  EXPECT_THAT(ZipError(ZipFile({{"a/b", "x", 0, 0x2808}})), HasSubstr("is encrypted"));
  const std::string mixed = ZipFile({{"a/b", "x"}, {"a/c", "x", 8}});  // one that nobody asks for
  EXPECT_THAT(ZipReader::Open(AsBytes(mixed), "f.pth")->RequireStored().error().ToString(),
              HasSubstr("'a/c': is comp"));
  // Stored in the directory, compressed in the local header.
  std::string file = ZipFile({{"a/b", "x"}});
  file[8] = 8;
  EXPECT_THAT(ZipError(file), HasSubstr("local header says"));
}

TEST(ZipReader, RefusesBadNames) {
  for (const std::string name : {"/etc/passwd", "a/../b", "..", "C:x", "a\\b", "", "a\xFF"}) {
    EXPECT_THAT(ZipError(ZipFile({{name, "x"}})), HasSubstr("the name is")) << name;
  }
  EXPECT_THAT(ZipError(ZipFile({{std::string("a\0b", 3), "x"}})), HasSubstr("'a\\x00b': the name is"));
  EXPECT_THAT(ZipError(ZipFile({{std::string(1025, 'x'), "x"}})), HasSubstr("the name is empty, too long"));
  EXPECT_EQ(ZipError(ZipFile({{"a/..b/c..", "x"}})), "");
  EXPECT_THAT(ZipError(ZipFile({{"a/b", "x"}, {"a/c", "x"}, {"a/b", "y"}})), HasSubstr("record 'a/b': occurs twice"));
}

TEST(ZipReader, RefusesOverlap) {
  ZipEntry second{"a/c", "yyyy"};
  second.offset = 0;  // both records share one local header
  EXPECT_THAT(ZipError(ZipFile({{"a/b", "xxxx"}, second})), HasSubstr("where the next record or the directory begins"));
  ZipEntry longer{"a/b", "xxxx"};
  longer.size = 100;  // runs into the next
  EXPECT_THAT(ZipError(ZipFile({longer, {"a/c", std::string(500, 'y')}})), HasSubstr("where the next record"));
  // Fits by the directory, but the local extra field pushes the data into the next record.
  std::string file = ZipFile({{"a/b", "xxxx"}, {"a/c", std::string(500, 'y')}});
  file[28] = 100;
  EXPECT_THAT(ZipError(file), AllOf(HasSubstr("'a/b'"), HasSubstr("run into the next record")));
}

TEST(ZipReader, RefusesContradictions) {
  ZipEntry entry{"a/b", "xxxx"};
  entry.packed_size = 3;
  EXPECT_THAT(ZipError(ZipFile({entry})), HasSubstr("packed and unpacked sizes differ"));
  entry = {"a/b", "xxxx"};
  entry.local_name = "a/c";
  EXPECT_THAT(ZipError(ZipFile({entry})), HasSubstr("its local header has another name"));
  entry = {"a/b", "xxxx", 0, 0x0800};
  entry.size = 3;
  EXPECT_THAT(ZipError(ZipFile({entry})), HasSubstr("its local header has another size"));
  std::string file = ZipFile({{"a/b", "xxxx"}});
  file[0] = 'Q';
  EXPECT_THAT(ZipError(file), HasSubstr("its local header is damaged"));
}

TEST(ZipReader, ChecksTheEndRecords) {
  const std::vector<ZipEntry> entries = {{"a/b", "x"}, {"a/c", "y"}};
  const auto with = [&](auto set) {
    ZipOptions options;
    set(options);
    return ZipError(ZipFile(entries, options));
  };
  EXPECT_THAT(with([](ZipOptions& o) { o.count = 1; }), HasSubstr("bytes left over in the zip directory"));
  EXPECT_THAT(with([](ZipOptions& o) { o.count = 3; }), HasSubstr("3 zip records cannot stand"));
  EXPECT_THAT(with([](ZipOptions& o) { o.directory_size = 97; }), HasSubstr("cut short"));
  EXPECT_THAT(with([](ZipOptions& o) { o.count = 60000; }), HasSubstr("60000 zip records cannot stand"));
  EXPECT_THAT(with([](ZipOptions& o) { o.directory_offset = 1 << 20; }), HasSubstr("does not fit"));
  EXPECT_THAT(with([](ZipOptions& o) { o.directory_size = INT64_MAX, o.saturate_end = true; }), HasSubstr("not fit"));
  EXPECT_THAT(with([](ZipOptions& o) { o.directory_offset = INT64_MAX, o.saturate_end = true; }), HasSubstr("not fit"));
  EXPECT_THAT(with([](ZipOptions& o) { o.directory_offset = 3; }), HasSubstr("not a zip directory entry"));
  EXPECT_THAT(with([](ZipOptions& o) { o.disk = 1; }), HasSubstr("several disks"));
  EXPECT_THAT(with([](ZipOptions& o) { o.zip64_end = false, o.saturate_end = true; }), HasSubstr("locator is missing"));
  std::string long_extra = ZipFile(entries);
  long_extra[long_extra.rfind("PK\x01\x02") + 31] = '\x7F';  // an extra field of 32 kB
  EXPECT_THAT(ZipError(long_extra), HasSubstr("cut short"));
  const std::string whole = ZipFile(entries);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(ZipError(whole.substr(0, size)), HasSubstr("no zip directory at the end of the file")) << size;
  }
  EXPECT_THAT(ZipError(whole + "x"), HasSubstr("no zip directory"));
  std::string other = whole;
  other[other.size() - 22 - 20 - 56 + 32] = 7;  // the zip64 count, now unlike the 16-bit one
  EXPECT_THAT(ZipError(other), HasSubstr("contradicts"));
  other = whole;
  other[other.size() - 22 - 20 + 15] = '\x7F';  // the locator's offset
  EXPECT_THAT(ZipError(other), HasSubstr("does not point at a zip64 end record"));
}

TEST(ZipReader, CrcIsCheckedOnDemand) {
  std::string file = ZipFile({{"a/b", std::string(100, 'x')}});
  const auto check = [&] {
    const auto zip = ZipReader::Open(AsBytes(file), "f.pth");
    const Status status = zip->CheckCrc(*zip->Find("a/b"));
    return status.ok() ? "" : status.error().ToString();
  };
  EXPECT_EQ(check(), "");
  file[60] = 'y';
  EXPECT_THAT(check(), HasSubstr("f.pth: record 'a/b': CRC-32 is"));
}

}  // namespace
}  // namespace vlaq::checkpoint
