// Whole .pth files through Checkpoint::Open: containers, what else they hold, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

using ::testing::AllOf;
using testing::BytesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Pickle;
using testing::PthFile;
using ::testing::StartsWith;
using testing::ZipFile;

class PthReaderTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<const Checkpoint>> Open(const std::string& file, bool check_crc = false) {
    testing::WriteTestFile(path_, file);
    return Checkpoint::Open(path_, {check_crc});
  }
  std::string ErrorOf(const std::string& file) {
    const auto checkpoint = Open(file);
    if (checkpoint.ok()) return "";
    EXPECT_EQ(checkpoint.error().code, ErrorCode::kInput);
    EXPECT_THAT(checkpoint.error().where, StartsWith(path_.string()));
    return checkpoint.error().ToString();
  }
  std::vector<std::string> NamesOf(const std::string& pickle) {
    const auto checkpoint = Open(PthFile(pickle, {{"0", BytesOf<float>({1, 2})}}));
    if (!checkpoint.ok()) return {checkpoint.error().ToString()};
    std::vector<std::string> names = {(*checkpoint)->container()};
    for (const Entry& entry : (*checkpoint)->entries()) names.push_back(entry.name);
    return names;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "model.pth";
};

const Pickle::TensorArgs kTwo = {.elements = 2, .shape = {2}};

std::string Item(std::string_view key, const std::string& value) { return Pickle().Text(key).Fragment() + value; }
std::string TwoFloats() { return Pickle().Tensor(kTwo).Fragment(); }
std::string Dict(const std::vector<std::string>& items) {
  std::string all;
  for (const std::string& item : items) all += item;
  return "}(" + all + "u";
}
std::string Stop(const std::string& opcodes) { return Pickle().Raw(opcodes).Stop(); }

TEST_F(PthReaderTest, FindsTheStateDictWhereverItIs) {
  const std::string tensors = Dict({Item("b", TwoFloats()), Item("a", TwoFloats())});
  EXPECT_THAT(NamesOf(Stop(tensors)), ElementsAre("", "b", "a"));
  for (const std::string key : {"model_state_dict", "state_dict", "model", "module"}) {
    EXPECT_THAT(NamesOf(Stop(Dict({Item("epoch", "K\x01"), Item(key, tensors)}))), ElementsAre(key, "b", "a"));
  }
  const std::string two = Dict({Item("model", tensors), Item("state_dict", Dict({Item("c", TwoFloats())}))});
  EXPECT_THAT(NamesOf(Stop(two)), ElementsAre("state_dict", "c"));
  const std::string config = Dict({Item("model", Dict({Item("name", "N")})), Item("w", TwoFloats())});
  EXPECT_THAT(NamesOf(Stop(config)), ElementsAre("", "w")) << "a container without tensors is none";
}

TEST_F(PthReaderTest, NestedModulesAreJoinedWithDots) {
  const std::string nested = Dict({Item("layer", Dict({Item("w", TwoFloats())})), Item("bias", TwoFloats())});
  EXPECT_THAT(NamesOf(Stop(Dict({Item("model", nested)}))), ElementsAre("model", "layer.w", "bias"));
  const std::string optimizer = Dict({Item("state", "}K\x01" + TwoFloats() + "s")});
  EXPECT_THAT(NamesOf(Stop(Dict({Item("head", nested), Item("opt", optimizer), Item("optimizer", nested)}))),
              ElementsAre("", "head.layer.w", "head.bias"))
      << "optimizer state is no module";
}

TEST_F(PthReaderTest, DescribesTheRest) {
  const std::string numbered = "}(K\x01" + Dict({Item("exp_avg", TwoFloats()), Item("step", TwoFloats())}) + "u";
  const std::string scalar = Pickle().Tensor({.key = "1", .elements = 1, .shape = {}, .strides = {}}).Fragment();
  const std::string pickle =
      Stop(Dict({Item("epoch", "K\x04"), Item("state_dict", Dict({Item("w", TwoFloats()), Item("note", "K\x09")})),
                 Item("optimizer_state_dict", Dict({Item("state", numbered)})), Item("val_mae", scalar),
                 Item("args", "cargparse\nNamespace\n)\x81}U\x02lrG?\x1a\x36\xe2\xeb\x1c\x43\x2dsb"),
                 Item("gone", Pickle().Tensor({.key = "absent"}).Fragment())}));
  const auto checkpoint = Open(PthFile(pickle, {{"0", BytesOf<float>({1, 2})}, {"1", BytesOf<float>({0.222F})}}));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().ToString();
  std::vector<std::pair<std::string, std::string>> extras;
  for (const Extra& extra : (*checkpoint)->extras()) extras.emplace_back(extra.name, extra.text);
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(extras,
              ElementsAre(Pair("epoch", "4"), Pair("optimizer_state_dict", "dict: 2 tensors, 16 bytes (not read)"),
                          Pair("val_mae", "0.222"), Pair("args", "Namespace(lr=0.0001)"),
                          Pair("gone", "tensor float32 [1]"), Pair("note", "9")));
}

TEST_F(PthReaderTest, ViewsOfOneStorage) {
  const std::vector<float> values = {0, 1, 2, 3, 4, 5};
  const auto tensor = [](int64_t offset, std::vector<int64_t> shape, std::vector<int64_t> strides) {
    return Pickle()
        .Tensor({.elements = 6, .offset = offset, .shape = std::move(shape), .strides = std::move(strides)})
        .Fragment();
  };
  const auto opened =
      Open(PthFile(Stop(Dict({Item("whole", tensor(0, {2, 3}, {3, 1})), Item("transposed", tensor(0, {3, 2}, {1, 3})),
                              Item("tail", tensor(4, {2}, {1})), Item("every second", tensor(1, {3}, {2})),
                              Item("repeated", tensor(5, {2, 2}, {0, 0})), Item("empty", tensor(0, {0}, {1}))})),
                   {{"0", BytesOf(values)}}));
  ASSERT_TRUE(opened.ok()) << opened.error().ToString();
  const Checkpoint& checkpoint = **opened;
  const auto read = [&](std::string_view name) {
    const Tensor packed = checkpoint.Read(*checkpoint.Find(name));
    std::vector<float> numbers(static_cast<size_t>(packed.size()));
    if (!numbers.empty()) std::memcpy(numbers.data(), packed.bytes().data(), packed.bytes().size());
    return numbers;
  };
  EXPECT_EQ(checkpoint.storages().size(), 1U);
  EXPECT_THAT(read("whole"), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(read("transposed"), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(read("tail"), ElementsAre(4, 5));
  EXPECT_THAT(read("every second"), ElementsAre(1, 3, 5));
  EXPECT_THAT(read("repeated"), ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(read("empty"), ElementsAre());
  EXPECT_EQ(checkpoint.Raw(*checkpoint.Find("tail")).size(), 8U);
  EXPECT_TRUE(checkpoint.Raw(*checkpoint.Find("transposed")).empty());
  // Zero-copy: the tensor's bytes are those of the map.
  const Entry& tail = *checkpoint.Find("tail");
  EXPECT_EQ(checkpoint.Read(tail).bytes().data(), checkpoint.Raw(tail).data());
  EXPECT_EQ(checkpoint.Find("none"), nullptr);
}

TEST_F(PthReaderTest, RefusesStoragesThatAreNotWhatThePickleSays) {
  const std::string pickle = Stop(Dict({Item("w", TwoFloats())}));
  EXPECT_EQ(ErrorOf(PthFile(pickle, {{"0", "12345678"}})), "");
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"1", "12345678"}})),
              HasSubstr("tensor 'w': its storage 'top/data/0' is missing"));
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"0", "1234567"}})), HasSubstr("has 7 bytes, the pickle says 8"));
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"0", "123456789"}})), HasSubstr("has 9 bytes, the pickle says 8"));
}

TEST_F(PthReaderTest, RefusesTensorsThatGrowBeyondTheFile) {
  const std::string pickle = Stop(Dict({Item("w", Pickle().Tensor({.shape = {1 << 30}, .strides = {0}}).Fragment())}));
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"0", "1234"}})), HasSubstr("needs 4294967296 bytes, more than the whole file"));
}

TEST_F(PthReaderTest, RefusesAmbiguousNames) {
  EXPECT_THAT(NamesOf(Stop(Dict({Item("w", TwoFloats()), Item("w", TwoFloats())}))),
              ElementsAre(HasSubstr("tensor 'w': the name occurs twice")));
  EXPECT_THAT(
      NamesOf(Stop(Dict({Item("model", Dict({Item("a.b", TwoFloats()), Item("a", Dict({Item("b", TwoFloats())}))}))}))),
      ElementsAre(HasSubstr("tensor 'a.b': the name occurs twice")));
}

TEST_F(PthReaderTest, RefusesNestingThatIsNotOfModules) {
  // A dict that contains itself beside a tensor.
  const std::string loop = "}q\x01(" + Item("w", TwoFloats()) + Item("self", "h\x01") + "u";
  EXPECT_THAT(NamesOf(Stop(Dict({Item("model", loop)}))), ElementsAre(HasSubstr("'self': occurs in two places")));
  std::string deep = Dict({Item("w", TwoFloats())});
  for (int i = 0; i < 40; ++i) deep = Dict({Item("m", deep)});
  EXPECT_THAT(NamesOf(Stop(Dict({Item("model", deep)}))), ElementsAre(HasSubstr("deeper than 32 levels")));
  const std::string name(2000, 'x');
  EXPECT_THAT(NamesOf(Stop(Dict({Item(name, TwoFloats()), Item("model", Dict({Item(name, TwoFloats())}))}))),
              ElementsAre(HasSubstr("a name of 2000 bytes")));
}

TEST_F(PthReaderTest, RefusesAbsurdlyManyTensors) {
  std::string items = Item("w", TwoFloats() + "q\x01");
  for (int i = 0; i < 200'000; ++i) items += Item(std::to_string(i), "h\x01");
  EXPECT_THAT(NamesOf(Stop("}(" + items + "u")), ElementsAre(HasSubstr("more than 200000 tensors")));
}

// A million tensors that share one metadata dict of a million entries: looked at for each, it would take for ever.
TEST_F(PthReaderTest, RefusesLargeTensorMetadata) {
  std::string metadata = "}(";
  for (int i = 0; i < 100; ++i) metadata += Item(std::to_string(i), "N");
  std::string tensor = Pickle().Tensor({.elements = 2, .shape = {2}, .metadata = "x"}).Fragment();
  tensor.replace(tensor.rfind('}'), std::string::npos, metadata + "utR");
  EXPECT_THAT(NamesOf(Stop(Dict({Item("w", tensor)}))), ElementsAre(HasSubstr("its metadata is too large")));
}

TEST_F(PthReaderTest, SaysWhatTheFileIsInstead) {
  testing::ZipOptions no_zip64;
  no_zip64.zip64_end = false;
  EXPECT_THAT(NamesOf(Stop("cmy.net\nNet\n)\x81}b")),
              ElementsAre(AllOf(HasSubstr("an object of class my.net.Net"), HasSubstr("save model.state_dict()"))));
  EXPECT_THAT(NamesOf(Stop(Dict({Item("cfg", "N"), Item("names", "]")}))),
              ElementsAre(HasSubstr("the top level has 'cfg', 'names'")));
  EXPECT_THAT(NamesOf(Stop("]")), ElementsAre(HasSubstr("the top level is no dict")));
  EXPECT_THAT(ErrorOf(ZipFile({{"a/data.pkl", "x"}, {"a/constants.pkl", "x"}})),
              AllOf(HasSubstr("TorchScript"), HasSubstr("torch.jit.load")));
  EXPECT_THAT(ErrorOf(ZipFile({{"word/document.xml", "x"}})),
              HasSubstr("is a zip archive (of word/document.xml ...), not a checkpoint"));
  EXPECT_THAT(ErrorOf(ZipFile({}, no_zip64)), HasSubstr("the zip is empty"));
  EXPECT_THAT(ErrorOf(ZipFile({{"a/data.pkl", "x"}, {"b/version", "x"}})), HasSubstr("lies outside the folder 'a/'"));
  EXPECT_THAT(ErrorOf("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.more"),
              AllOf(HasSubstr("before version 1.6"), HasSubstr("torch.save(torch.load")));
  EXPECT_THAT(ErrorOf("something else"), HasSubstr("is text, not a checkpoint"));
  EXPECT_THAT(ErrorOf("\x01\x02"), HasSubstr("neither a PyTorch zip"));
  EXPECT_THAT(Checkpoint::Open(folder_.path()).error().ToString(), HasSubstr("neither a PyTorch zip"));
  EXPECT_THAT(Checkpoint::Open(folder_.path() / "none.pth").error().ToString(), HasSubstr("none.pth: cannot open"));
}

TEST_F(PthReaderTest, ByteOrder) {
  const std::string pickle = Stop(Dict({Item("w", TwoFloats())}));
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"0", "12345678"}}, "big")), HasSubstr("byte order 'big' is not supported"));
  EXPECT_THAT(ErrorOf(PthFile(pickle, {{"0", "12345678"}}, "middle")), HasSubstr("'middle'"));
  EXPECT_EQ(ErrorOf(ZipFile({{"t/data.pkl", pickle}, {"t/data/0", "12345678"}})), "") << "absent: little";
}

// The records of a full-size checkpoint lie beyond 4 GiB; here behind a hole that takes no room on disk.
TEST_F(PthReaderTest, RecordsBeyondFourGiB) {
  constexpr uint64_t kHole = uint64_t{5} << 30U;
  testing::ZipOptions options;
  options.base = kHole;
  options.saturate_end = true;
  const std::string pickle = Stop(Dict({Item("w", TwoFloats())}));
  const std::string records =
      ZipFile({{"t/data.pkl", pickle, 0, 0x0808, "", true}, {"t/data/0", BytesOf<float>({1, 2}), 0, 0x0808, "", true}},
              options);
  {
    std::ofstream file(path_, std::ios::binary);
    file << "PK\x03\x04";
    file.seekp(kHole);
    file << records;
  }
  const auto checkpoint = Checkpoint::Open(path_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().ToString();
  EXPECT_GT((*checkpoint)->storages()[0].file_offset, kHole);
  EXPECT_EQ(AsText((*checkpoint)->Read(*(*checkpoint)->Find("w")).bytes()), BytesOf<float>({1, 2}));
}

TEST_F(PthReaderTest, CrcOnRequest) {
  std::string file = PthFile(Stop(Dict({Item("w", TwoFloats())})), {{"0", "12345678"}});
  EXPECT_TRUE(Open(file, true).ok());
  file[file.find("12345678")] = '9';
  EXPECT_TRUE(Open(file).ok());
  const auto checked = Open(file, true);
  ASSERT_FALSE(checked.ok());
  EXPECT_THAT(checked.error().ToString(), HasSubstr("record 'top/data/0': CRC-32 is"));
}

TEST_F(PthReaderTest, AnotherStateDictOfTheSameNamesIsSaidAndMayBeChosen) {
  const std::string tensors = Dict({Item("b", TwoFloats()), Item("a", TwoFloats())});
  const std::string prefixed = Dict({Item("module.b", TwoFloats()), Item("module.a", TwoFloats())});
  const std::string other = Dict({Item("x", TwoFloats()), Item("y", TwoFloats())});
  const std::string file =
      PthFile(Stop(Dict({Item("ema_state_dict", prefixed), Item("model_state_dict", tensors), Item("other", other),
                         Item("teacher", Dict({Item("state_dict", tensors)})), Item("optimizer_state", tensors)})),
              {{"0", BytesOf<float>({1, 2})}});
  const auto usual = Open(file);
  ASSERT_TRUE(usual.ok()) << usual.error().ToString();
  EXPECT_EQ((*usual)->container(), "model_state_dict");
  EXPECT_THAT((*usual)->other_state_dicts(), ElementsAre("ema_state_dict", "teacher"));

  const auto chosen = Checkpoint::Open(path_, {.state_dict = "ema_state_dict"});
  ASSERT_TRUE(chosen.ok()) << chosen.error().ToString();
  EXPECT_EQ((*chosen)->container(), "ema_state_dict");
  EXPECT_NE((*chosen)->Find("module.a"), nullptr);
  EXPECT_TRUE(Checkpoint::Open(path_, {.state_dict = "teacher.state_dict"}).ok());
  const auto wrong = Checkpoint::Open(path_, {.state_dict = "ema"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::kUsage);
  EXPECT_THAT(wrong.error().ToString(), AllOf(HasSubstr("no state dict 'ema'"), HasSubstr("ema_state_dict")));

  const auto alone = Open(PthFile(Stop(Dict({Item("state_dict", tensors)})), {{"0", BytesOf<float>({1, 2})}}));
  ASSERT_TRUE(alone.ok());
  EXPECT_TRUE((*alone)->other_state_dicts().empty());
}

TEST_F(PthReaderTest, WhatTheFileSaysOfItselfIsJson) {
  const std::string space = Pickle()
                                .Global("argparse", "Namespace")
                                .Raw(")\x81}(")
                                .Text("window")
                                .Integer(8)
                                .Text("action_scale")
                                .Float(0.6)
                                .Text("resume")
                                .Bool(false)
                                .Raw("ub")
                                .Fragment();
  const std::string nested = Dict({Item("act_head", Dict({Item("action_dim", Pickle().Integer(7).Fragment())})),
                                   Item("w", TwoFloats()), Item("sizes", Pickle().Integers({3, 4}).Fragment())});
  const std::string text = Pickle().Text(R"({"window_size": 4})").Fragment();
  const auto checkpoint =
      Open(PthFile(Stop(Dict({Item("state_dict", Dict({Item("w", TwoFloats())})), Item("args", space),
                              Item("hyper_parameters", nested), Item("config", text),
                              Item("val_mae", Pickle().Float(0.0599).Fragment())})),
                   {{"0", BytesOf<float>({1, 2})}}));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.error().ToString();
  EXPECT_EQ(
      (*checkpoint)->settings(),
      R"({"args":{"window":8,"action_scale":0.6,"resume":false},)"
      R"("hyper_parameters":{"act_head":{"action_dim":7},"sizes":[3,4]},"config":{"window_size":4},"val_mae":0.0599})");
}

TEST_F(PthReaderTest, OtherFilesAreNamedForWhatTheyAre) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7096345921\n";
  EXPECT_THAT(ErrorOf(pointer),
              AllOf(HasSubstr("is a Git LFS pointer, not the file"), HasSubstr("git lfs pull (7.10 GB)")));
  EXPECT_THAT(ErrorOf("<!DOCTYPE html><html>"), AllOf(HasSubstr("is a web page"), HasSubstr("download it again")));
  EXPECT_THAT(ErrorOf(""), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf(std::string("GGUF\x03\0\0\0", 8)), HasSubstr("GGUF"));
  EXPECT_THAT(ErrorOf("\x80\x04\x95\x10"), HasSubstr("a Python pickle that torch.save() did not write"));
  EXPECT_THAT(ErrorOf(ZipFile({{"run7/model.pth", "x"}, {"notes.txt", "x"}})),
              AllOf(HasSubstr("is a zip archive"), HasSubstr("unpack it")));
  EXPECT_THAT(ErrorOf(ZipFile({{"a.npy", "x"}})), HasSubstr("NumPy"));
  path_ = folder_.path() / "__0_0.distcp";
  EXPECT_THAT(ErrorOf(ZipFile({{"archive/data.pkl", "x"}}) + "more"),
              AllOf(HasSubstr("torch.distributed checkpoint"), HasSubstr("dcp_to_torch")));
}

}  // namespace
}  // namespace vlaq::checkpoint
