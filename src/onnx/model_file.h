// ONNX files: reading, writing, checking. The only header between the Graph value and protobuf.
#pragma once

#include <filesystem>
#include <string>

#include "onnx/graph.h"

namespace vlaq::onnx {

// Reads a model. Weights in external files stay external (ExternalData with its range checked against the file: inside,
// no absolute location, no ".."); inline ones become Tensors that share one copy of the file.
// Errors: kInput naming the file and what is wrong.
Result<Model> ReadModel(const std::filesystem::path& path);

// The protobuf bytes of a model; the same model always gives the same bytes. Errors: kInternal above protobuf's 2 GB.
Result<std::string> Serialize(const Model& model);

// The bytes of an initializer: the Tensor itself, or a view of the mapped external file.
// `folder` is the folder of the model file. Maps of one file are shared between calls on the same thread's cache.
Result<Tensor> LoadInitializer(const Initializer& initializer, const std::filesystem::path& folder);

// Runs onnx's own checker (with shape inference, strict) on a model file with its external data in place.
// Errors: kInput with the checker's message.
Status CheckModelFile(const std::filesystem::path& path);

}  // namespace vlaq::onnx
