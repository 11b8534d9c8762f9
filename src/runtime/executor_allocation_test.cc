// How often a step of the executor asks for memory. This file counts for the whole test program.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/executor.h"
#include "runtime/executor_testing.h"

namespace {

std::atomic<size_t> g_allocations{0};
std::atomic<size_t> g_largest_allocation{0};

void* CountedAllocation(size_t size, size_t alignment) {
  ++g_allocations;
  if (size > g_largest_allocation) g_largest_allocation = size;
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    memory = std::malloc(size == 0 ? 1 : size);
  } else if (::posix_memalign(&memory, alignment, size == 0 ? 1 : size) != 0) {
    memory = nullptr;
  }
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return CountedAllocation(size, 1); }
void* operator new[](size_t size) { return CountedAllocation(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) {
  return CountedAllocation(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return CountedAllocation(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept { std::free(memory); }

namespace vlaq::runtime {
namespace {

// Streaming with a window of 8 features of 2048 floats, and graphs that copy nothing.
TEST(ExecutorAllocations, AStepAsksForNoMoreThanItsTensorsNeed) {
  testing::FakeGraphs graphs;
  policy::Policy policy = testing::StreamingOfNothing(graphs, 8, 2048);
  auto executor = Executor::Open(policy, "", testing::OpenerOf(graphs));
  ASSERT_TRUE(executor.ok()) << executor.error().ToString();
  const NamedTensors inputs = testing::StreamingInputs();
  const auto of_graphs = [&] {  // what the graphs alone take: their answers are maps
    const size_t before = g_allocations;
    for (auto& graph : graphs) EXPECT_TRUE(graph.second.run({}).ok());
    return g_allocations - before;
  }();
  size_t most = 0;
  for (int t = 0; t < 100; ++t) {
    const size_t before = g_allocations;
    if (t == 1) g_largest_allocation = 0;
    {
      const auto outputs = executor->Step(inputs);
      ASSERT_TRUE(outputs.ok()) << outputs.error().ToString();
    }
    if (t > 0) most = std::max(most, g_allocations - before - of_graphs);
  }
  RecordProperty("allocations_per_step", static_cast<int>(most));
  RecordProperty("allocations_of_graphs", static_cast<int>(of_graphs));
  // All are shapes, and the map of outputs: for each of two inputs the shape with a batch axis, and the one that
  // Tensor::Reshaped() copies first; for the window its shape and that of an empty Tensor; of the output a node of the
  // map, and again two shapes.
  EXPECT_LE(most, 10U);
  EXPECT_LE(g_largest_allocation, 512U) << "no bytes of tensors: the window's block was taken with the first step";
}

}  // namespace
}  // namespace vlaq::runtime
