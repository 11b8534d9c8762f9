#include "base/file_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlaq {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::string_literals;

std::string NameOf(const std::string& bytes, const std::filesystem::path& path = {}) {
  const auto kind = RecognizeFile(AsBytes(bytes), path);
  return kind ? kind->name : "?";
}

std::string Padded(const std::string& start, size_t size = 400) {
  std::string bytes = start;
  bytes.resize(size, '\x01');
  return bytes;
}

TEST(FileKind, KnowsWhatPeopleName) {
  std::string tar(600, '\0');
  tar.replace(0, 5, "x.pth");
  tar.replace(257, 5, "ustar");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "empty"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7096345921\n", "Git LFS pointer"},
      {"/annex/objects/SHA256E-s12--00\n", "git-annex pointer"},
      {"\n<!DOCTYPE html><html>", "web page"},
      {"<html><body>", "web page"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "web page"},
      {"<?xml version=\"1.0\"?><net name=\"x\">", "XML"},
      {Padded("\x1f\x8b\x08"), "gzip"},
      {Padded("\xfd"
              "7zXZ\0"s),
       "xz"},
      {Padded("\x28\xb5\x2f\xfd"), "zstd"},
      {tar, "tar archive"},
      {Padded("GGUF"), "GGUF"},
      {Padded("ftrt"), "TensorRT engine"},
      {Padded("\x20\0\0\0TFL3"s), "TensorFlow Lite"},
      {Padded("\x93NUMPY"), "NumPy"},
      {Padded("PAR1"), "Parquet"},
      {Padded("\x89HDF\r\n\x1a\n"), "HDF5"},
      {std::string(512, ' ') + Padded("\x89HDF\r\n\x1a\n"), "HDF5"},
      {Padded("\xff\xd8\xff\xe0"), "JPEG"},
      {Padded("\x89PNG\r\n\x1a\n"), "PNG"},
      {Padded("GIF89a"), "GIF"},
      {Padded("RIFF\x10\0\0\0WEBP"s), "WebP"},
      {Padded("RIFF\x10\0\0\0AVI "s), "AVI"},
      {Padded("\0\0\0\x18"
              "ftypheic"s),
       "HEIC"},
      {Padded("\0\0\0\x18"
              "ftypisom"s),
       "MP4"},
      {Padded("II*\0"s), "TIFF"},
      {Padded("\x1a\x45\xdf\xa3"), "Matroska"},
      {"BM"s + std::string("\x30\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x01\0\x01\0\x01\0\x18\0\0\0\0\0"s), "BMP"},
      {Padded("\x08\x08\x12\x07pytorch"), "ONNX"},
      {Padded("\n\x0e\n\x05<unk>\x15"), "SentencePiece"},
      {Padded("\x80\x04\x95\x10"), "Python pickle"},
      {std::string(64, '\0'), "zeros"},
      {"{\"a\": 1}", "JSON"},
      {"val_mae 0.222, keep this one", "text"},
      {"#!/bin/sh\n", "script"},
      {Padded("\x7f"
              "ELF"),
       "program"},
  };
  for (const auto& [bytes, name] : cases) EXPECT_THAT(NameOf(bytes), HasSubstr(name));
  EXPECT_EQ(NameOf(Padded("\x01\x02\x03")), "?");
  EXPECT_THAT(NameOf(Padded("\x01\x02\x03"), "model.engine"), HasSubstr("TensorRT"));
}

std::string ZipEntry(const std::string& name) {
  std::string entry = "PK\x03\x04" + std::string(26, '\0') + name;
  entry[26] = static_cast<char>(name.size());
  return entry;
}

TEST(FileKind, LooksIntoZips) {
  EXPECT_THAT(NameOf(ZipEntry("archive/data.pkl")), HasSubstr("PyTorch"));
  EXPECT_THAT(NameOf(ZipEntry("a.npy") + ZipEntry("b.npy")), HasSubstr(".npz"));
  EXPECT_THAT(NameOf(ZipEntry("run7/model.pth")), AllOf(HasSubstr("zip archive"), HasSubstr("run7/model.pth")));
  // Sizes that lie do not lead outside.
  std::string lies = ZipEntry("x");
  lies[26] = '\xff';
  lies[27] = '\xff';
  EXPECT_THAT(NameOf(lies), HasSubstr("zip archive"));
}

TEST(FileKind, TheErrorSaysWhatItIsAndWhatHelps) {
  const auto error = [](const std::string& bytes) {
    return WrongFile("model.pth", AsBytes(bytes), "a checkpoint", "name a .pth file", "is nothing known").ToString();
  };
  const std::string pointer = error("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7096345921\n");
  EXPECT_THAT(pointer, AllOf(HasSubstr("model.pth: is a Git LFS pointer, not the file"), HasSubstr("git lfs pull"),
                             HasSubstr("7.10 GB"), Not(HasSubstr("a checkpoint"))));
  EXPECT_EQ(error(Padded("GIF89a")), "model.pth: is a GIF picture, not a checkpoint; convert it to PNG or JPEG");
  EXPECT_EQ(error("a note"), "model.pth: is text, not a checkpoint; name a .pth file");
  EXPECT_EQ(error(Padded("\x01\x02")), "model.pth: is nothing known; name a .pth file");
}

}  // namespace
}  // namespace vlaq
