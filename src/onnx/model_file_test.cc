#include "onnx/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include "base/output.h"
#include "base/testing.h"
#include "onnx/builder.h"
#include "onnx/random_model_for_test.h"
#include "tensor/convert.h"

namespace vlaq::onnx {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string weights(RandomModel::kWeightBytes, '\0');
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<char>(i * 7);
    ASSERT_TRUE(WriteFile(folder_.path() / "weights.bin", weights, Existing::kReplace).ok());
  }
  fs::path path() const { return folder_.path() / "model.onnx"; }
  void Write(std::string_view bytes) { ASSERT_TRUE(WriteFile(path(), bytes, Existing::kReplace).ok()); }
  // The error of reading a model, or "ok".
  std::string ReadError(const ::onnx::ModelProto& proto) {
    Write(proto.SerializeAsString());
    const auto model = ReadModel(path());
    return model.ok() ? "ok" : model.error().ToString();
  }

  TemporaryFolder folder_;
};

::onnx::ModelProto MinimalProto() {
  ::onnx::ModelProto proto;
  proto.set_ir_version(8);
  proto.mutable_graph()->set_name("g");
  return proto;
}

::onnx::TensorProto* AddTensor(::onnx::ModelProto& proto, int32_t type, std::initializer_list<int64_t> dims) {
  auto* tensor = proto.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->set_data_type(type);
  for (const int64_t dim : dims) tensor->add_dims(dim);
  return tensor;
}

void SetExternal(::onnx::TensorProto* tensor, std::initializer_list<std::pair<const char*, std::string>> entries) {
  tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto* entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
}

TEST_F(ModelFile, ReadsBackWhatItWrites) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Model model = RandomModel(seed).Make();
    const auto bytes = Serialize(model);
    ASSERT_TRUE(bytes.ok()) << bytes.error().ToString();
    Write(*bytes);
    const auto again = ReadModel(path());
    ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.error().ToString();
    ASSERT_EQ(Describe(model), Describe(*again)) << "seed " << seed;
    EXPECT_EQ(*bytes, *Serialize(*again)) << "seed " << seed;
  }
}

// Truncations, flipped bits, overwritten and removed runs of a real file must give a model or a clean error, never a
// crash; whatever still reads must also serialize or say why not.
TEST_F(ModelFile, SurvivesCorruption) {
  int refused = 0;
  int variants = 0;
  for (uint64_t seed = 1000; seed < 1010; ++seed) {
    const std::string good = *Serialize(RandomModel(seed).Make());
    Random random(seed);
    for (int i = 0; i < 100; ++i, ++variants) {
      std::string bad = good;
      const size_t at = random.Below(bad.size());
      switch (i % 4) {
        case 0:
          bad.resize(at);
          break;
        case 1:
          bad[at] = static_cast<char>(bad[at] ^ (1 << random.Below(8)));
          break;
        case 2:
          for (size_t k = at; k < std::min(bad.size(), at + 8); ++k) bad[k] = static_cast<char>(random.Next());
          break;
        default:
          bad.erase(at, 1 + random.Below(16));
      }
      Write(bad);
      const auto model = ReadModel(path());
      if (!model.ok()) {
        EXPECT_EQ(model.error().code, ErrorCode::kInput);
        EXPECT_THAT(model.error().ToString(), HasSubstr("model.onnx"));
        ++refused;
      } else {
        const auto bytes = Serialize(*model);
        EXPECT_TRUE(bytes.ok() || !bytes.error().what.empty());
      }
    }
  }
  EXPECT_EQ(variants, 1000);
  EXPECT_GT(refused, 500);  // most damage hits the structure
}

TEST_F(ModelFile, RefusesWhatIsNotAModel) {
  for (const std::string& text : {std::string(), std::string("hello, this is not a model"), std::string(1000, '\0')}) {
    Write(text);
    const auto model = ReadModel(path());
    ASSERT_FALSE(model.ok());
    EXPECT_EQ(model.error().code, ErrorCode::kInput);
    // What is recognized is named for what it is: empty, zeros.
    EXPECT_THAT(model.error().ToString(),
                ::testing::AnyOf(HasSubstr("not an ONNX model"), HasSubstr("copy or download it again")));
  }
  EXPECT_EQ(ReadModel(folder_.path() / "absent.onnx").error().code, ErrorCode::kInput);
}

TEST_F(ModelFile, RefusesDeepNesting) {
  ::onnx::ModelProto proto = MinimalProto();
  auto* graph = proto.mutable_graph();
  for (int depth = 0; depth < 1000; ++depth) {
    auto* attribute = graph->add_node()->add_attribute();
    attribute->set_name("body");
    attribute->set_type(::onnx::AttributeProto::GRAPH);
    graph = attribute->mutable_g();
  }
  EXPECT_THAT(ReadError(proto), HasSubstr("not an ONNX model"));
}

// Every typed field, by hand: *_data instead of raw_data, as other exporters write them.
TEST_F(ModelFile, ReadsTypedData) {
  using Proto = ::onnx::TensorProto;
  const auto read = [&](int32_t type, auto fill) {
    ::onnx::ModelProto proto = MinimalProto();
    fill(*AddTensor(proto, type, {2}));
    Write(proto.SerializeAsString());
    const auto model = ReadModel(path());
    EXPECT_TRUE(model.ok()) << model.error().ToString();
    return std::get<Tensor>(model->graph.initializers.at(0).data);
  };
  const auto int32s = [](int32_t a, int32_t b) {
    return [=](Proto& p) {
      p.add_int32_data(a);
      p.add_int32_data(b);
    };
  };
  EXPECT_THAT(read(Proto::INT32, int32s(-7, 1 << 30)).data<int32_t>(), ElementsAre(-7, 1 << 30));
  EXPECT_THAT(read(Proto::INT16, int32s(-7, 300)).data<int16_t>(), ElementsAre(-7, 300));
  EXPECT_THAT(read(Proto::UINT16, int32s(65535, 3)).data<uint16_t>(), ElementsAre(65535, 3));
  EXPECT_THAT(read(Proto::INT8, int32s(-128, 127)).data<int8_t>(), ElementsAre(-128, 127));
  EXPECT_THAT(read(Proto::UINT8, int32s(255, 1)).data<uint8_t>(), ElementsAre(255, 1));
  EXPECT_THAT(read(Proto::BOOL, int32s(1, 0)).data<uint8_t>(), ElementsAre(1, 0));
  for (const int32_t type : {Proto::FLOAT16, Proto::BFLOAT16}) {
    const Tensor half = read(type, int32s(0x3C00, 0xBF80));
    EXPECT_EQ(LoadLittle<uint16_t>(half.bytes(), 0), 0x3C00);
    EXPECT_EQ(LoadLittle<uint16_t>(half.bytes(), 2), 0xBF80);
  }
  EXPECT_EQ(read(17, int32s(0x7E, 0)).dtype(), DType::kF8E4M3FN);
  EXPECT_THAT(read(Proto::FLOAT,
                   [](Proto& p) {
                     p.add_float_data(1.5F);
                     p.add_float_data(-2);
                   })
                  .data<float>(),
              ElementsAre(1.5F, -2));
  EXPECT_THAT(read(Proto::DOUBLE,
                   [](Proto& p) {
                     p.add_double_data(0.1);
                     p.add_double_data(2);
                   })
                  .data<double>(),
              ElementsAre(0.1, 2));
  EXPECT_THAT(read(Proto::INT64,
                   [](Proto& p) {
                     p.add_int64_data(-1);
                     p.add_int64_data(1LL << 60U);
                   })
                  .data<int64_t>(),
              ElementsAre(-1, 1LL << 60U));
  const auto uint64s = [](Proto& p) {
    p.add_uint64_data(1);
    p.add_uint64_data(4000000000U);
  };
  EXPECT_THAT(read(Proto::UINT32, uint64s).data<uint32_t>(), ElementsAre(1U, 4000000000U));
  EXPECT_THAT(read(Proto::UINT64, uint64s).data<uint64_t>(), ElementsAre(1U, 4000000000U));
  const Tensor complex = read(Proto::COMPLEX64, [](Proto& p) {
    for (const float x : {1.0F, 2.0F, 3.0F, 4.0F}) p.add_float_data(x);
  });
  EXPECT_EQ(LoadLittle<float>(complex.bytes(), 12), 4.0F);
}

TEST_F(ModelFile, RefusesTensorsWhoseSizesDisagree) {
  const auto error = [&](auto fill) {
    ::onnx::ModelProto proto = MinimalProto();
    fill(proto);
    return ReadError(proto);
  };
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 1, {3})->set_raw_data("12345678"); }), HasSubstr("needs 12 bytes"));
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 1, {3})->add_float_data(1); }), HasSubstr("1 entries"));
  // Claims 4 TB without holding anything: no allocation may follow.
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 1, {1LL << 40U}); }), HasSubstr("0 entries"));
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 1, {1LL << 40U, 1LL << 40U}); }), HasSubstr("impossible shape"));
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 1, {-1}); }), HasSubstr("impossible shape"));
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 8, {1}); }), HasSubstr("type string"));
  EXPECT_THAT(error([](auto& p) { AddTensor(p, 99, {1}); }), HasSubstr("type 99"));
  EXPECT_THAT(error([](auto& p) {
                AddTensor(p, 1, {0});
                AddTensor(p, 1, {0});
              }),
              HasSubstr("initializer 'w': stands twice"));
}

TEST_F(ModelFile, DescribesTypesItDoesNotKnow) {
  ::onnx::ModelProto proto = MinimalProto();
  auto* text = proto.mutable_graph()->add_input();
  text->set_name("text");
  text->mutable_type()->mutable_tensor_type()->set_elem_type(8);
  auto* list = proto.mutable_graph()->add_input();
  list->set_name("list");
  list->mutable_type()->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  proto.mutable_graph()->add_output()->set_name("bare");
  auto* node = proto.mutable_graph()->add_node();
  node->set_op_type("Identity");
  node->add_input("text");
  node->add_output("bare");
  ASSERT_EQ(ReadError(proto), "ok");
  const Model model = *ReadModel(path());
  EXPECT_EQ(model.graph.inputs[0].other_type, "tensor of string");
  EXPECT_EQ(model.graph.inputs[1].other_type, "sequence");
  EXPECT_EQ(model.graph.outputs[0].other_type, "untyped");
  EXPECT_THAT(Serialize(model).error().ToString(), HasSubstr("value 'text'"));
}

TEST_F(ModelFile, ChecksExternalData) {
  const auto error = [&](std::initializer_list<std::pair<const char*, std::string>> entries) {
    ::onnx::ModelProto proto = MinimalProto();
    SetExternal(AddTensor(proto, 1, {4}), entries);
    return ReadError(proto);
  };
  EXPECT_EQ(error({{"location", "weights.bin"}}), "ok");
  EXPECT_EQ(error({{"location", "weights.bin"}, {"offset", "4080"}, {"length", "16"}}), "ok");
  EXPECT_THAT(error({{"location", "weights.bin"}, {"offset", "4081"}}), HasSubstr("outside weights.bin"));
  EXPECT_THAT(error({{"location", "weights.bin"}, {"offset", "18446744073709551615"}}), HasSubstr("outside"));
  EXPECT_THAT(error({{"location", "weights.bin"}, {"offset", "99999999999999999999"}}), HasSubstr("not a number"));
  EXPECT_THAT(error({{"location", "weights.bin"}, {"offset", "-1"}}), HasSubstr("not a number"));
  EXPECT_THAT(error({{"location", "weights.bin"}, {"length", "17"}}), HasSubstr("17 bytes"));
  EXPECT_THAT(error({{"location", "absent.bin"}}), HasSubstr("absent.bin is missing"));
  for (const char* location : {"../weights.bin", "a/../../weights.bin", "/etc/passwd", "", "..", "a/"}) {
    EXPECT_THAT(error({{"location", location}}), HasSubstr("not a file inside the model's folder")) << location;
  }
  EXPECT_THAT(error({{"location", std::string("weights.bin\0x", 13)}}), HasSubstr("not a file inside"));
}

TEST_F(ModelFile, LoadsWeights) {
  const auto byte = [](uint64_t i) { return static_cast<std::byte>(i * 7); };
  Initializer initializer{"w", DType::kF32, {4}, ExternalData{"weights.bin", 64, 16}};
  Tensor tensor;
  {
    WeightFiles files(folder_.path());
    tensor = *files.Load(initializer);
  }  // the view keeps the file mapped
  EXPECT_EQ(tensor.bytes()[0], byte(64));
  EXPECT_EQ(tensor.shape(), Shape{4});

  WeightFiles files(folder_.path());
  initializer.data = ExternalData{"weights.bin", 61, 16};  // unaligned: copied, so typed access works
  tensor = *files.Load(initializer);
  EXPECT_EQ(tensor.bytes()[15], byte(76));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes().data()) % alignof(float), 0U);

  initializer.data = Tensor::From<float>({1}, std::vector<float>{3});
  EXPECT_EQ(files.Load(initializer)->data<float>()[0], 3);

  initializer.data = ExternalData{"weights.bin", 4090, 16};
  EXPECT_THAT(files.Load(initializer).error().ToString(), HasSubstr("initializer 'w'"));
  initializer.data = ExternalData{"../weights.bin", 0, 16};
  EXPECT_THAT(files.Load(initializer).error().ToString(), HasSubstr("not a file inside"));
}

Model SmallModel(ExternalData weight) {
  GraphBuilder builder("small");
  const std::string x = builder.Input("x", DType::kF32, {Dim::Named("batch"), Dim::Fixed(4)});
  const std::string w = builder.External("w", DType::kF32, {4, 3}, std::move(weight));
  builder.Output(builder.Op("MatMul", {x, w}), "y", DType::kF32, {Dim::Named("batch"), Dim::Fixed(3)});
  return MakeModel(*builder.Finish(), "test");
}

TEST_F(ModelFile, ChecksModels) {
  const auto check = [&](const Model& model) {
    Write(*Serialize(model));
    const Status status = CheckModelFile(path());
    return status.ok() ? "ok" : status.error().ToString();
  };
  const Model good = SmallModel({"weights.bin", 0, 48});
  EXPECT_EQ(check(good), "ok");

  EXPECT_THAT(check(SmallModel({"absent.bin", 0, 48})), HasSubstr("absent.bin"));

  Model wrong_operator = good;
  wrong_operator.graph.nodes[0].op_type = "MatMull";
  EXPECT_THAT(check(wrong_operator), HasSubstr("MatMull"));

  Model wrong_shape = good;
  wrong_shape.graph.inputs[0].dims[1] = Dim::Fixed(5);
  EXPECT_THAT(check(wrong_shape), HasSubstr("cannot multiply"));  // found through the external weight

  Model wrong_output = good;
  wrong_output.graph.outputs[0].dims[1] = Dim::Fixed(7);
  EXPECT_THAT(check(wrong_output), HasSubstr("model.onnx"));

  Model wrong_attribute = good;
  wrong_attribute.graph.nodes[0].attributes["nonsense"] = int64_t{1};
  EXPECT_THAT(check(wrong_attribute), HasSubstr("nonsense"));

  Write("not a model");
  EXPECT_THAT(CheckModelFile(path()).error().ToString(), HasSubstr("not an ONNX model"));
}

TEST(Serialize, RefusesWhatDoesNotFitAFile) {
  GraphBuilder builder("large");
  const auto nothing = std::make_shared<int>(0);
  Graph graph = *builder.Finish();
  // 3 GB that are never touched: the size is looked at before anything is copied.
  const Bytes bytes(reinterpret_cast<const std::byte*>(nothing.get()), size_t{3} << 30U);
  const Shape shape{3, 1 << 30};
  graph.initializers.push_back({"w", DType::kU8, shape, Tensor::View(DType::kU8, shape, bytes, nothing)});
  EXPECT_THAT(Serialize(MakeModel(std::move(graph), "")).error().ToString(), HasSubstr("2 GB"));
}

}  // namespace
}  // namespace vlaq::onnx
