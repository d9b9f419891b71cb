// The emulation of a GPU's blocks tells what a GPU would let pass by chance, and lets pass what is right.
#include <doctest/doctest.h>
#include <mma.h>

#include <cmath>

#include "cuda/launch.h"

using namespace cnnfast::cuda;

namespace {

constexpr unsigned kTwoWarps = 64;
using Numbers = SharedArray<float, kTwoWarps>;

int own() {
  return static_cast<int>(threadIdx.x);
}

template <class... Parameters, class... Arguments>
std::string fault_of_grid(dim3 grid, void (*kernel)(Parameters...), unsigned threads,
                          Arguments... arguments) {
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  launch(stream, kernel, grid, threads, arguments...);
  const cudaError_t error = cudaStreamSynchronize(stream);
  const std::string told = error == cudaSuccess ? "" : cudaGetErrorString(error);
  cudaStreamDestroy(stream);
  return told;
}
template <class... Parameters, class... Arguments>
std::string fault_of(void (*kernel)(Parameters...), unsigned threads, Arguments... arguments) {
  return fault_of_grid(dim3(1), kernel, threads, arguments...);
}
bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

__global__ void turned_around(float* to, bool waits) {
  __shared__ Numbers numbers;
  numbers[own()] = static_cast<float>(own());
  if (waits) __syncthreads();
  to[own()] = numbers[static_cast<int>(kTwoWarps) - 1 - own()];
}

__global__ void written_over(float* to, bool waits) {
  __shared__ Numbers numbers;
  numbers[own()] = 1;
  __syncthreads();
  to[own()] = numbers[own() ^ 32];
  if (waits) __syncthreads();
  numbers[own()] = 2;
}

__global__ void within_a_warp(float* to, bool waits) {
  __shared__ Numbers numbers;
  numbers[own()] = static_cast<float>(own());
  if (waits) __syncwarp();
  to[own()] = numbers[own() ^ 1];
}

__global__ void two_writers() {
  __shared__ Numbers numbers;
  numbers[own() / 2] = 1;
}

__global__ void never_written(float* to) {
  __shared__ Numbers numbers;
  to[own()] = numbers[own()];
}

__global__ void beyond() {
  __shared__ Numbers numbers;
  numbers[own() + 1] = 1;
}

__global__ void half_of_them_wait() {
  if (own() < 32) __syncthreads();
}

__global__ void wait_at_different_places() {
  if (own() < 32)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void copied(const float* from, float* to, bool waits, bool meets) {
  __shared__ Numbers numbers;
  copy_async<1>(numbers, own(), own() == 3 ? nullptr : from + own());
  __pipeline_commit();
  if (waits) __pipeline_wait_prior(0);
  if (meets) __syncthreads();
  to[own()] = numbers[own() ^ 1];
}

// Copies by four: of the own four, from `shift` on, to where the own four begin plus `off`.
__global__ void copied_by_four(const float* from, float* to, int shift, int off) {
  __shared__ SharedArray<float, 4 * kTwoWarps + 4> numbers;
  const int first = 4 * own();
  copy_async<4>(numbers, first + off, own() == 3 ? nullptr : from + shift + first);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncthreads();
  const auto four = read_vector<4>(numbers, 4 * (own() ^ 1));
  for (int i = 0; i < 4; ++i) to[first + i] = four.x[i];
}

__global__ void read_by_two(float* to, int shift) {
  auto& numbers = shared_memory<SharedArray<float, 2 * kTwoWarps + 1>>();
  write_vector(numbers, 2 * own(), cuda_emulation::Vector<float, 2>{{1, static_cast<float>(own())}});
  __syncthreads();
  to[own()] = read_vector<2>(numbers, (2 * own() + 2) % 128 + shift).x[1];
}

__global__ void shuffled(int* to) {
  const int down = __shfl_down_sync(0xffffffffu, own(), 3);
  const int around = __shfl_xor_sync(0xffffffffu, own(), 5);
  to[own()] = 1000 * down + around + __shfl_sync(0xffffffffu, own(), 7);
}

__global__ void nothing() {}

__global__ void copied_on(const float* from, float* to) {
  to[0] = from[0];
}

// Three streams and an event.
struct Streams {
  cudaStream_t a, b, c;
  cudaEvent_t event;
  Streams() {
    for (cudaStream_t* const each : {&a, &b, &c}) cudaStreamCreateWithFlags(each, cudaStreamNonBlocking);
    cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  }
  ~Streams() {
    for (const cudaStream_t each : {a, b, c}) cudaStreamDestroy(each);
    cudaEventDestroy(event);
  }
};
void copy_on(cudaStream_t stream, const float& from, float& to) {
  launch(stream, copied_on, dim3(1), 1, &from, &to);
}

__global__ void multiplied(const float* a, const float* b, float* to, bool rounds) {
  using namespace nvcuda::wmma;
  fragment<matrix_a, 16, 16, 8, precision::tf32, row_major> x;
  fragment<matrix_b, 16, 16, 8, precision::tf32, col_major> y;
  fragment<accumulator, 16, 16, 8, float> sums;
  load_matrix_sync(x, a, 8);
  load_matrix_sync(y, b, 8);
  if (rounds)
    for (int i = 0; i < x.num_elements; ++i) x.x[i] = __float_to_tf32(x.x[i]);
  fill_fragment(sums, 1.0f);
  mma_sync(sums, x, y, sums);
  store_matrix_sync(to, sums, 16, mem_row_major);
}

}  // namespace

TEST_CASE("a race between barriers is told, whatever the order of the threads") {
  float to[kTwoWarps];
  CHECK(fault_of(turned_around, kTwoWarps, to, true).empty());
  CHECK(to[5] == 58);
  CHECK(has(fault_of(turned_around, kTwoWarps, to, false), "wrote"));
  CHECK(fault_of(written_over, kTwoWarps, to, true).empty());
  CHECK(has(fault_of(written_over, kTwoWarps, to, false), "no barrier between"));
  CHECK(has(fault_of(two_writers, kTwoWarps), "writes where thread"));
}

TEST_CASE("a warp has barriers of its own") {
  float to[kTwoWarps];
  CHECK(fault_of(within_a_warp, kTwoWarps, to, true).empty());
  CHECK(to[6] == 7);
  CHECK(has(fault_of(within_a_warp, kTwoWarps, to, false), "wrote"));
}

TEST_CASE("shared memory begins with nothing, and ends") {
  float to[kTwoWarps];
  CHECK(has(fault_of(never_written, kTwoWarps, to), "nobody wrote"));
  CHECK(has(fault_of(beyond, kTwoWarps), "has no 64"));
}

TEST_CASE("a barrier is for all threads") {
  CHECK(has(fault_of(half_of_them_wait, kTwoWarps), "not all threads reach"));
  CHECK(has(fault_of(wait_at_different_places, kTwoWarps), "different barriers"));
}

TEST_CASE("an asynchronous copy is there for its thread when waited for, for others behind a barrier") {
  float from[kTwoWarps], to[kTwoWarps];
  for (unsigned i = 0; i < kTwoWarps; ++i) from[i] = static_cast<float>(i);
  CHECK(fault_of(copied, kTwoWarps, from, to, true, true).empty());
  CHECK(to[9] == 8);
  CHECK(to[2] == 0);
  CHECK(has(fault_of(copied, kTwoWarps, from, to, false, true), "has not brought"));
  CHECK(!fault_of(copied, kTwoWarps, from, to, true, false)
             .empty());  // by the order: nobody wrote, or another wrote
}

TEST_CASE("copies and reads of several numbers begin at multiples of them") {
  constexpr unsigned kNumbers = 4 * kTwoWarps;
  alignas(16) float from[kNumbers + 4];
  float to[kNumbers];
  for (unsigned i = 0; i < kNumbers + 4; ++i) from[i] = static_cast<float>(i);
  CHECK(fault_of(copied_by_four, kTwoWarps, from, to, 0, 0).empty());
  CHECK(to[4 * 9 + 2] == 4 * 8 + 2);
  CHECK(to[4 * 2 + 1] == 0);
  CHECK(fault_of(copied_by_four, kTwoWarps, from, to, 4, 0).empty());
  CHECK(to[4 * 9 + 2] == 4 * 9 + 2);
  for (const int off : {1, 2, 3}) {
    CHECK(has(fault_of(copied_by_four, kTwoWarps, from, to, off, 0), "16 bytes begins at no multiple"));
    CHECK(has(fault_of(copied_by_four, kTwoWarps, from, to, 0, off), "16 bytes begins at no multiple"));
  }
  CHECK(has(fault_of(copied_by_four, kTwoWarps + 1, from, to, 0, 4), "beyond the end"));
  CHECK(fault_of(read_by_two, kTwoWarps, to, 0).empty());
  CHECK(to[5] == 6);
  CHECK(has(fault_of(read_by_two, kTwoWarps, to, 1), "no multiple of that"));
}

TEST_CASE("lanes give one another numbers") {
  int to[kTwoWarps];
  CHECK(fault_of(shuffled, kTwoWarps, to).empty());
  CHECK(to[40] == 1000 * 43 + 45 + 39);
  CHECK(to[31] == 1000 * 31 + 26 + 7);
}

TEST_CASE("a grid and its blocks have limits") {
  CHECK(fault_of_grid(dim3(1, 3, 2), nothing, 1024).empty());
  CHECK(has(fault_of_grid(dim3(1, 65536), nothing, 32), "1 x 65536 x 1 blocks"));
  CHECK(has(fault_of_grid(dim3(1, 1, 65536), nothing, 32), "no GPU takes"));
  CHECK(has(fault_of_grid(dim3(0), nothing, 32), "no GPU takes"));
  CHECK(has(fault_of(nothing, 1025), "of 1025 threads"));
}

TEST_CASE("what a stream has is done when somebody waits for it, not before") {
  const Streams streams;
  float from = 1, between = 0, to = 0;
  copy_on(streams.a, from, between);
  cudaMemcpyAsync(&to, &between, sizeof(float), cudaMemcpyDeviceToHost, streams.a);
  from = 2;  // the copy finds it
  CHECK(to == 0);
  CHECK(cudaStreamSynchronize(streams.a) == cudaSuccess);
  CHECK(to == 2);
}

TEST_CASE("streams wait for one another only by events") {
  const Streams streams;
  int early = 0;
  for (int i = 0; i < 200; ++i) {
    const bool waits = i % 2 == 1;
    const float from = 1;
    float between = 0, to = 0;
    copy_on(streams.a, from, between);
    cudaEventRecord(streams.event, streams.a);
    if (waits) cudaStreamWaitEvent(streams.b, streams.event, 0);
    copy_on(streams.b, between, to);
    CHECK(cudaStreamSynchronize(streams.b) == cudaSuccess);
    CHECK(cudaStreamSynchronize(streams.a) == cudaSuccess);
    if (waits)
      CHECK(to == 1);
    else
      early += to == 0;
  }
  CHECK(early > 20);
  CHECK(early < 80);
}

TEST_CASE("an event is what was recorded before the wait") {
  const Streams streams;
  const float one = 1, two = 2;
  float between = 0, to = 0;
  CHECK(cudaEventSynchronize(streams.event) == cudaSuccess);  // never recorded: nothing to wait for
  cudaStreamWaitEvent(streams.b, streams.event, 0);
  CHECK(cudaStreamSynchronize(streams.b) == cudaSuccess);
  copy_on(streams.a, one, between);
  cudaEventRecord(streams.event, streams.a);
  cudaStreamWaitEvent(streams.b, streams.event, 0);
  copy_on(streams.b, between, to);
  cudaEventRecord(streams.event, streams.b);
  cudaStreamWaitEvent(streams.c, streams.event, 0);
  copy_on(streams.c, two, between);  // over what b has read
  CHECK(cudaEventSynchronize(streams.event) == cudaSuccess);
  CHECK(to == 1);
  CHECK(cudaStreamSynchronize(streams.c) == cudaSuccess);
  CHECK(between == 2);
}

TEST_CASE("a graph is done as often as it is launched, and may be gone by then") {
  const Streams streams;
  float number = 1, sum = 0;
  cudaStreamBeginCapture(streams.a, cudaStreamCaptureModeThreadLocal);
  each(streams.a, 1, [&](int64_t) { sum += number; });
  cudaGraph_t graph;
  cudaStreamEndCapture(streams.a, &graph);
  CHECK(cudaStreamSynchronize(streams.a) == cudaSuccess);
  CHECK(sum == 0);
  cudaGraphExec_t made;
  cudaGraphInstantiate(&made, graph, 0);
  cudaGraphDestroy(graph);
  cudaGraphLaunch(made, streams.a);
  cudaGraphLaunch(made, streams.a);
  cudaGraphExecDestroy(made);
  number = 3;
  CHECK(cudaStreamSynchronize(streams.a) == cudaSuccess);
  CHECK(sum == 6);
}

TEST_CASE("behind a fault nothing runs, and memory is given back when all is done") {
  const Streams streams;
  const float from = 1;
  float to = 0;
  launch(streams.a, two_writers, dim3(1), kTwoWarps);
  copy_on(streams.a, from, to);
  CHECK(cudaStreamSynchronize(streams.a) == cudaErrorLaunchFailure);
  CHECK(has(cudaGetErrorString(cudaErrorLaunchFailure), "writes where thread"));
  CHECK(cudaStreamSynchronize(streams.a) == cudaSuccess);
  CHECK(to == 0);
  void* memory = nullptr;
  cudaMalloc(&memory, sizeof(float));
  copy_on(streams.b, from, *static_cast<float*>(memory));
  copy_on(streams.b, *static_cast<float*>(memory), to);
  cudaFree(memory);
  CHECK(to == 1);
}

TEST_CASE("tensor cores load from multiples of 32 bytes") {
  alignas(32) float a[16 * 8 + 4] = {}, b[16 * 8] = {}, to[16 * 16];
  CHECK(fault_of(multiplied, 32, a, b, to, true).empty());
  CHECK(has(fault_of(multiplied, 32, a + 4, b, to, true), "multiple of 32 bytes"));
}

TEST_CASE("tensor cores see nineteen bits") {
  alignas(32) float a[16 * 8], b[16 * 8], to[16 * 16];
  for (int i = 0; i < 16 * 8; ++i) a[i] = std::sin(static_cast<float>(i)), b[i] = std::cos(3.0f * i);
  for (const bool rounds : {false, true}) {
    CHECK(fault_of(multiplied, 32, a, b, to, rounds).empty());
    double worst = 0;
    for (int i = 0; i < 16; ++i)
      for (int j = 0; j < 16; ++j) {
        double sum = 1;
        for (int k = 0; k < 8; ++k) sum += double{a[i * 8 + k]} * b[j * 8 + k];
        worst = std::max(worst, std::abs(sum - to[i * 16 + j]));
      }
    CHECK(worst < 8 * std::ldexp(1.0, rounds ? -9 : -8));
    CHECK(worst > std::ldexp(1.0, -16));  // not float32's
  }
  CHECK(nvcuda::wmma::__float_to_tf32(1 + std::ldexp(1.0f, -11)) == 1 + std::ldexp(1.0f, -10));
}
