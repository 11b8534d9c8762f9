// Writes a pickle of protocol 2, the one torch.save() uses: only what a checkpoint needs, as a sequence of opcodes.
// The caller keeps the order: a container is opened, filled and closed. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensor/shape.h"

namespace vlaq::synthesis {

class PickleWriter {
 public:
  PickleWriter();

  void Text(std::string_view text);
  void Integer(int64_t number);
  void Float(double number);
  void Bool(bool value);
  void Integers(std::span<const int64_t> numbers);  // a tuple
  void Floats(std::span<const double> numbers);     // a tuple

  // Between these two: key, value, key, value ...
  void OpenDict();
  void CloseDict();
  void OpenList();
  void CloseList();
  // collections.OrderedDict instead of dict; closed by CloseDict().
  void OpenOrderedDict();
  // argparse.Namespace: between these two its attributes as key, value.
  void OpenNamespace();
  void CloseNamespace();

  // A packed float32 tensor that fills the storage with this key.
  void FloatTensor(std::string_view storage_key, const Shape& shape);

  // The finished pickle.
  std::string Finish();

 private:
  void Global(std::string_view module, std::string_view name);

  std::string bytes_;
};

}  // namespace vlaq::synthesis
