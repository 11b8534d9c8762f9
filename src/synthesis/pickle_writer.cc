#include "synthesis/pickle_writer.h"

#include <bit>

#include "synthesis/little.h"

namespace vlaq::synthesis {

PickleWriter::PickleWriter() : bytes_("\x80\x02") {}

void PickleWriter::Text(std::string_view text) {
  bytes_ += 'X' + Little(static_cast<uint32_t>(text.size()));
  bytes_ += text;
}

void PickleWriter::Integer(int64_t number) {
  if (number >= 0 && number < 0x100) {
    bytes_ += 'K' + Little(static_cast<uint8_t>(number));
  } else if (number >= 0 && number < 0x10000) {
    bytes_ += 'M' + Little(static_cast<uint16_t>(number));
  } else if (number >= INT32_MIN && number <= INT32_MAX) {
    bytes_ += 'J' + Little(static_cast<int32_t>(number));
  } else {
    bytes_ += "\x8a\x08" + Little(number);
  }
}

void PickleWriter::Float(double number) {
  bytes_ += 'G' + Little(__builtin_bswap64(std::bit_cast<uint64_t>(number)));  // big-endian
}

void PickleWriter::Bool(bool value) { bytes_ += value ? '\x88' : '\x89'; }

void PickleWriter::Integers(std::span<const int64_t> numbers) {
  bytes_ += '(';
  for (const int64_t number : numbers) Integer(number);
  bytes_ += 't';
}

void PickleWriter::Floats(std::span<const double> numbers) {
  bytes_ += '(';
  for (const double number : numbers) Float(number);
  bytes_ += 't';
}

void PickleWriter::Global(std::string_view module, std::string_view name) {
  bytes_ += 'c';
  bytes_ += module;
  bytes_ += '\n';
  bytes_ += name;
  bytes_ += '\n';
}

void PickleWriter::OpenDict() { bytes_ += "}("; }
void PickleWriter::CloseDict() { bytes_ += 'u'; }
void PickleWriter::OpenList() { bytes_ += "]("; }
void PickleWriter::CloseList() { bytes_ += 'e'; }

void PickleWriter::OpenOrderedDict() {
  Global("collections", "OrderedDict");
  bytes_ += ")R(";
}

void PickleWriter::OpenNamespace() {
  Global("argparse", "Namespace");
  bytes_ += ")\x81}(";
}

void PickleWriter::CloseNamespace() { bytes_ += "ub"; }

void PickleWriter::FloatTensor(std::string_view storage_key, const Shape& shape) {
  Global("torch._utils", "_rebuild_tensor_v2");
  bytes_ += "((";
  Text("storage");
  Global("torch", "FloatStorage");
  Text(storage_key);
  Text("cpu");
  Integer(*ElementCount(shape));
  bytes_ += "tQ";
  Integer(0);  // offset
  Integers(shape);
  Integers(RowMajorStrides(shape));
  Bool(false);  // requires_grad
  Global("collections", "OrderedDict");
  bytes_ += ")RtR";
}

std::string PickleWriter::Finish() { return std::move(bytes_) + '.'; }

}  // namespace vlaq::synthesis
