// ONNX files: reading, writing, checking. The only header between the Graph value and protobuf.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/mapped_file.h"
#include "onnx/graph.h"

namespace vlaq::onnx {

// Reads a model. Weights in external files stay external (ExternalData with its range checked against the file: inside,
// no absolute location, no ".."); inline ones become Tensors that share one copy of the file. A Constant node with its
// tensor in an external file becomes an initializer. What is read is a valid graph: names, order, arity.
// Errors: kInput naming the file and what is wrong.
Result<Model> ReadModel(const std::filesystem::path& path);

// The same from bytes in memory; external data is looked for in `folder`, and `name` stands in errors.
Result<Model> ReadModelBytes(const std::shared_ptr<const std::string>& bytes, const std::filesystem::path& folder,
                             const std::string& name);

// The protobuf bytes of a model; the same model always gives the same bytes. Errors: kInput above protobuf's 2 GB, and
// for what was read but cannot be written: functions of the model's own, inputs and outputs that are no tensors.
Result<std::string> Serialize(const Model& model);

// The external files of one model, mapped when first used. Use from one thread at a time.
class WeightFiles {
 public:
  // `folder` is the folder of the model file.
  explicit WeightFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The bytes of an initializer: its own Tensor, or a view of the mapped external file, which the view keeps alive.
  // Errors: kInput naming the initializer and the file.
  Result<Tensor> Load(const Initializer& initializer);
  // The mapped file that holds an external initializer, once Load() has given it; null otherwise.
  std::shared_ptr<const MappedFile> FileOf(const Initializer& initializer) const;
  // The pages of an external initializer are not needed again (MappedFile::Release).
  void Release(const Initializer& initializer) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

// Holds a model file, with its external data in place, against onnx's own checker as far as that knows its opset
// (17) and against our shape inference. Errors: kInput with the checker's message.
Status CheckModelFile(const std::filesystem::path& path);

}  // namespace vlaq::onnx
