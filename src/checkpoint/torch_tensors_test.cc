#include "checkpoint/torch_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/pickle_reader.h"
#include "checkpoint/testing.h"

namespace vlaq::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Pickle;

Result<TorchTensor> ReadPickled(const std::string& pickle) {
  const auto document = ReadPickle(AsBytes(pickle), "f");
  if (!document.ok()) return document.error();
  if (!IsTensor(*document, document->root())) return InputError("f", "no tensor");
  auto tensor = ReadTorchTensor(*document, document->root(), "f: tensor 'x'");
  if (tensor.ok()) tensor->storage_key = {};  // a view into the pickle, which ends here
  return tensor;
}

Result<TorchTensor> ReadOne(const Pickle::TensorArgs& args) { return ReadPickled(Pickle().Tensor(args).Stop()); }

std::string TensorError(const Pickle::TensorArgs& args) {
  const auto tensor = ReadOne(args);
  return tensor.ok() ? "" : tensor.error().ToString();
}

std::string PickledError(const std::string& pickle) {
  const auto tensor = ReadPickled(pickle);
  return tensor.ok() ? "" : tensor.error().ToString();
}

TEST(TorchTensors, EveryStorageClass) {
  const std::vector<std::pair<std::string, DType>> rows = {
      {"FloatStorage", DType::kF32},  {"HalfStorage", DType::kF16},         {"BFloat16Storage", DType::kBF16},
      {"DoubleStorage", DType::kF64}, {"CharStorage", DType::kI8},          {"ByteStorage", DType::kU8},
      {"ShortStorage", DType::kI16},  {"IntStorage", DType::kI32},          {"LongStorage", DType::kI64},
      {"BoolStorage", DType::kBool},  {"ComplexFloatStorage", DType::kC64}, {"ComplexDoubleStorage", DType::kC128},
  };
  for (const auto& [cls, dtype] : rows) {
    const auto tensor = ReadOne({.cls = cls, .elements = 6, .shape = {2, 3}, .strides = {3, 1}});
    ASSERT_TRUE(tensor.ok()) << tensor.error().ToString();
    EXPECT_EQ(tensor->dtype, dtype);
    EXPECT_EQ(tensor->storage_bytes, 6 * DTypeBits(dtype) / 8);
  }
  EXPECT_THAT(TensorError({.cls = "QUInt8Storage"}), HasSubstr("storage class torch.QUInt8Storage is not supported"));
}

TEST(TorchTensors, UntypedStoragesCountBytes) {
  for (const std::string dtype : {"uint16", "float8_e4m3fn", "float32", "complex128", "bool"}) {
    const int64_t item = DTypeBits(*FindDType(dtype)) / 8;
    const auto tensor = ReadOne({.elements = 4 * item, .offset = 1, .shape = {3}, .strides = {1}, .dtype = dtype});
    ASSERT_TRUE(tensor.ok()) << tensor.error().ToString();
    EXPECT_EQ(DTypeName(tensor->dtype), dtype);
    EXPECT_THAT(TensorError({.elements = 4 * item - 1, .offset = 1, .shape = {3}, .strides = {1}, .dtype = dtype}),
                HasSubstr("leaves its storage"));
  }
  EXPECT_THAT(TensorError({.elements = 4, .dtype = "float4_e2m1fn_x2"}),
              HasSubstr("'float4_e2m1fn_x2' is not supported"));
  EXPECT_THAT(TensorError({.cls = "UntypedStorage", .elements = 4}), HasSubstr("no element type"));
}

TEST(TorchTensors, Wrappers) {
  const std::string inner = Pickle().Tensor({.elements = 2, .shape = {2}}).Fragment();
  const std::string parameter = "ctorch._utils\n_rebuild_parameter\n(" + inner + "\x88NtR";
  EXPECT_THAT(ReadPickled(Pickle().Raw(parameter).Stop())->shape, ElementsAre(2));
  const std::string with_state = "ctorch._utils\n_rebuild_parameter_with_state\n(" + inner + "\x88N}tR";
  EXPECT_THAT(ReadPickled(Pickle().Raw(with_state).Stop())->shape, ElementsAre(2));
  // (function, subclass, arguments, state): the arguments are those of the inner call.
  const std::string arguments = inner.substr(inner.find('('), inner.size() - inner.find('(') - 1);
  const std::string typed =
      "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncm\nMine\n" + arguments + "}tR";
  EXPECT_THAT(ReadPickled(Pickle().Raw(typed).Stop())->shape, ElementsAre(2));
  EXPECT_THAT(PickledError(Pickle().Raw("ctorch._utils\n_rebuild_parameter\n)R").Stop()), HasSubstr("wraps a tensor"));
  EXPECT_THAT(PickledError(Pickle().Raw("ctorch._utils\n_rebuild_parameter\nN\x85R").Stop()), HasSubstr("no tensor"));
}

TEST(TorchTensors, UnreadableKindsAreNamed) {
  for (const std::string kind : {"_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage"}) {
    EXPECT_THAT(PickledError(Pickle().Global("torch._utils", kind).Raw(")R").Stop()),
                HasSubstr("f: tensor 'x': is of a kind that is not supported (torch._utils." + kind));
  }
  EXPECT_THAT(TensorError({.metadata = "conj"}), HasSubstr("lazy 'conj' view"));
  EXPECT_THAT(TensorError({.metadata = "neg"}), HasSubstr("lazy 'neg' view"));
  EXPECT_EQ(TensorError({.metadata = "other"}), "");
}

TEST(TorchTensors, RefusesShapesThatLeaveTheStorage) {
  EXPECT_EQ(TensorError({.elements = 6, .shape = {2, 3}, .strides = {3, 1}}), "");
  EXPECT_EQ(TensorError({.elements = 6, .shape = {3, 2}, .strides = {1, 3}}), "");
  EXPECT_EQ(TensorError({.elements = 6, .offset = 3, .shape = {3}}), "");
  EXPECT_EQ(TensorError({.elements = 1, .shape = {}, .strides = {}}), "") << "rank 0";
  EXPECT_EQ(TensorError({.elements = 0, .shape = {0, 5}, .strides = {5, 1}}), "") << "no last element";
  EXPECT_EQ(TensorError({.elements = 0, .offset = 9, .shape = {0}}), "");
  EXPECT_THAT(TensorError({.elements = 0, .shape = {}, .strides = {}}), HasSubstr("leaves its storage '0' of 0 bytes"));
  EXPECT_THAT(TensorError({.elements = 5, .shape = {2, 3}, .strides = {3, 1}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = 6, .offset = 4, .shape = {3}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = 6, .offset = 6, .shape = {1}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = 6, .shape = {2}, .strides = {INT64_MAX}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = 6, .shape = {3}, .strides = {INT64_MAX}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = 6, .offset = INT64_MAX, .shape = {2}}), HasSubstr("leaves its storage"));
  EXPECT_THAT(TensorError({.elements = INT64_MAX}), HasSubstr("size of its storage overflows"));
  EXPECT_THAT(TensorError({.elements = 6, .shape = {INT64_MAX, 2}, .strides = {0, 0}}), HasSubstr("overflows"));
  EXPECT_THAT(TensorError({.elements = 6, .shape = {INT64_MAX}, .strides = {0}}), HasSubstr("overflows"));
}

TEST(TorchTensors, RefusesMalformedArguments) {
  EXPECT_THAT(TensorError({.shape = {-1}}), HasSubstr("shape holds the negative number -1"));
  EXPECT_THAT(TensorError({.strides = {-1}}), HasSubstr("strides holds the negative number -1"));
  EXPECT_THAT(TensorError({.offset = -1}), HasSubstr("storage offset"));
  EXPECT_THAT(TensorError({.elements = -1}), HasSubstr("no valid size"));
  EXPECT_THAT(TensorError({.shape = {1, 1}}), HasSubstr("has shape [1, 1] but strides [1]"));
  const std::vector<int64_t> nine(9, 1);
  EXPECT_THAT(TensorError({.shape = nine, .strides = nine}), HasSubstr("9 dimensions, more than the limit of 8"));
  EXPECT_THAT(TensorError({.key = std::string(256, '0')}), HasSubstr("the key of its storage is too long"));
  const auto call = [](std::string_view args) {
    return PickledError(Pickle().Global("torch._utils", "_rebuild_tensor_v2").Raw(args).Raw("R").Stop());
  };
  EXPECT_THAT(call(")"), HasSubstr("it has no storage"));
  EXPECT_THAT(call("NQ\x85"), HasSubstr("not one that PyTorch writes"));
  EXPECT_THAT(call("(NNNNNtQ\x85"), HasSubstr("not one that PyTorch writes"));
  EXPECT_THAT(call(Pickle().Raw("(").Storage("FloatStorage", "0", 1).Raw("t").Fragment()), HasSubstr("storage offset"));
  EXPECT_THAT(
      call(Pickle().Raw("(").Storage("FloatStorage", "0", 1).Raw("K").Raw(std::string(1, '\0')).Raw("NNt").Fragment()),
      HasSubstr("its shape is not a tuple"));
}

TEST(TorchTensors, Contiguity) {
  EXPECT_TRUE(IsContiguous({2, 3}, {3, 1}));
  EXPECT_TRUE(IsContiguous({}, {}));
  EXPECT_TRUE(IsContiguous({2, 1, 3}, {3, 77, 1})) << "an extent of 1 may have any stride";
  EXPECT_TRUE(IsContiguous({0, 3}, {9, 9}));
  EXPECT_FALSE(IsContiguous({3, 2}, {1, 3}));
  EXPECT_FALSE(IsContiguous({2, 3}, {4, 1}));
  EXPECT_FALSE(IsContiguous({2}, {0}));
}

}  // namespace
}  // namespace vlaq::checkpoint
