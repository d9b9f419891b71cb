// Shape rules and sizes from C++: any number in any place gives an Error or the right shape, at once.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include "cnnfast/network.h"
#include "core/sizes.h"
#include "ops/conv/conv.h"

using namespace cnnfast;

namespace {

constexpr int kMax = std::numeric_limits<int>::max();

class Numbers {
 public:
  explicit Numbers(unsigned seed) : random_(seed), wild_(static_cast<int>(random_() % 40)) {}
  int one(int least = 1) {
    static const int small[] = {1, 1, 2, 3, 5, 7};
    static const int extreme[] = {-1,       0,       1 << 14, 1 << 16,       (1 << 24) - 1,
                                  1 << 27,  1 << 28, 1 << 29, (1 << 28) + 1, 1 << 30,
                                  kMax - 1, kMax,    -kMax};
    if (static_cast<int>(random_() % 100) < wild_) return extreme[random_() % std::size(extreme)];
    return std::max(least, small[random_() % std::size(small)]);
  }
  bool coin() { return random_() % 2; }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  Spatial axes(int rank) { return {rank > 1 ? one() : 1, one(), rank > 2 ? one() : 1}; }
  Padding padding(int rank) {
    if (coin()) return {coin() ? PadMode::same : PadMode::valid};
    Padding p{PadMode::explicit_};
    p.left = one(0) - 1, p.right = one(0) - 1;
    if (rank > 1) p.top = one(0) - 1, p.bottom = one(0) - 1;
    if (rank > 2) p.front = one(0) - 1, p.back = one(0) - 1;
    return p;
  }

 private:
  std::mt19937 random_;
  int wild_;  // per cent of extreme numbers
};

using Whole = __int128;

Whole outputs(Whole size, Whole kernel, Whole stride, Whole dilation, PadMode mode, Whole before,
              Whole after) {
  if (mode == PadMode::same) return (size + stride - 1) / stride;
  if (mode == PadMode::valid) before = after = 0;
  return (size + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

// Plans both directions of what was accepted, and runs what is small: the sanitizers look on.
void try_network(const Graph& g, int value) {
  if (g.weight_elems() > 1 << 16) return;
  Network network(g, value);
  int64_t bytes = 0;
  try {
    bytes = network.memory(2, Mode::predict) + network.memory(2, Mode::vjp);
  } catch (const Error&) {
    return;  // more than there may be
  }
  const int64_t in = g.node(0).elems(), out = g.node(value).elems();
  if (bytes > 1 << 22 || g.multiply_adds(value) > 1 << 18) return;
  const size_t weights = static_cast<size_t>(g.weight_elems());
  std::vector<float> x(static_cast<size_t>(2 * in), 0.5f), y(static_cast<size_t>(2 * out)), grad(weights);
  network.predict({x.data()}, 2, y.data());
  for (const float each : y) CHECK(std::isfinite(each));
  network.vjp({x.data()}, y.data(), 2, false, x.data(), grad.data());
}

// Describes one random layer; returns whether it was accepted.
bool try_layer(Numbers& n) {
  const int rank = 1 + n.below(3);
  Dims dims{n.one()};
  for (int i = 0; i < rank; ++i) dims.push_back(n.one());
  Graph g;
  ConvAttrs a{n.one(),      n.axes(rank),           n.axes(rank), n.padding(rank),
              n.axes(rank), n.coin() ? 1 : n.one(), n.coin(),     rank};
  a.transposed = n.below(3) == 0;
  const size_t before = g.params().size();
  int value = -1;
  try {
    value = g.conv(g.input(dims, "in"), a, DataFormat::channels_first, "layer");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::value);
    CHECK(g.params().size() == before);  // nothing is left of it
    return false;
  }
  const Node& node = g.node(value);
  CHECK(node.elems() >= 1);
  CHECK(node.elems() <= kMostOfSample);
  const ConvProblem p = conv_problem(g.node(0), node, 1);
  CHECK(count_taps(p.axes()) <= kMostTaps);
  const Image out = node.image();
  if (!a.transposed) {
    const Padding& pad = a.padding;
    CHECK(out.w == outputs(dims.back(), a.kernel.w, a.stride.w, a.dilation.w, pad.mode, pad.left, pad.right));
    CHECK(out.h == outputs(rank > 1 ? dims.end()[-2] : 1, a.kernel.h, a.stride.h, a.dilation.h, pad.mode,
                           pad.top, pad.bottom));
  } else if (a.padding.mode == PadMode::same) {
    CHECK(Whole{out.w} == Whole{dims.back()} * a.stride.w);
  }
  const double pixels = static_cast<double>(a.transposed ? g.node(0).elems() / dims[0] : out.pixels());
  const double madds = pixels * static_cast<double>(product(Dims{a.kernel.d, a.kernel.h, a.kernel.w})) *
                       static_cast<double>(dims[0]) * a.filters / a.groups;
  CHECK(static_cast<double>(g.multiply_adds(value)) == doctest::Approx(madds));
  try_network(g, value);
  return true;
}

bool try_pooling(Numbers& n) {
  const int rank = 1 + n.below(2);
  const Dims dims = rank == 1 ? Dims{n.one(), n.one()} : Dims{n.one(), n.one(), n.one()};
  const Spatial window = n.axes(rank), stride = n.axes(rank);
  const PoolAttrs a{n.coin(), {window.h, window.w}, {stride.h, stride.w}, n.padding(rank), n.coin(), n.coin(),
                    rank};
  Graph g;
  int value = -1;
  try {
    value = g.pool(g.input(dims, "in"), a, DataFormat::channels_last, "layer");
  } catch (const Error& error) {
    CHECK(error.kind() == Error::Kind::value);
    return false;
  }
  const Image out = g.node(value).image();
  if (!a.ceil_mode)
    CHECK(out.w ==
          outputs(dims.end()[-2], window.w, stride.w, 1, a.padding.mode, a.padding.left, a.padding.right));
  try_network(g, value);
  return true;
}

ConvAttrs conv(int filters, int kernel) {
  return {filters, {kernel, kernel}, {1, 1}, {PadMode::valid}, {1, 1}, 1, true};
}

template <class Describe>
void check_refused(const char* words, const Describe& describe) {
  Graph g;
  const int in = g.input({4, 4, 3}, "input");
  CHECK_THROWS_WITH_AS(describe(g, in), doctest::Contains(words), Error);
  CHECK(g.nodes().size() == 1);
  CHECK(g.params().empty());
}

}  // namespace

TEST_CASE("any number in any place") {
  int accepted = 0;
  const int kRounds = 20000;
  for (unsigned seed = 0; seed < kRounds; ++seed) {
    CAPTURE(seed);
    Numbers numbers(seed);
    const auto start = std::chrono::steady_clock::now();
    accepted += seed % 4 == 0 ? try_pooling(numbers) : try_layer(numbers);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  }
  CHECK(accepted > kRounds / 10);
  CHECK(accepted < kRounds * 9 / 10);
}

TEST_CASE("sizes out of proportion are refused before anything is taken") {
  check_refused("the limit is 268435456", [](Graph& g, int in) {
    return g.conv(in, conv(1 << 26, 1), DataFormat::channels_last, "wide");
  });
  check_refused("padding is 1073741824", [](Graph& g, int in) {
    ConvAttrs a = conv(1, 1);
    a.padding = {PadMode::explicit_, 1 << 30};
    return g.conv(in, a, DataFormat::channels_last, "padded");
  });
  check_refused("the input with its padding", [](Graph& g, int in) {
    ConvAttrs a = conv(1, 1);
    a.padding = {PadMode::explicit_, 1 << 28, 1 << 28, 0, 0};
    return g.conv(in, a, DataFormat::channels_last, "padded");
  });
  check_refused("elements of one sample's output", [](Graph& g, int) {
    return g.input({kMax, kMax, kMax}, "cube");
  });
  check_refused("depth_multiplier 1073741824 times 3 channels", [](Graph& g, int in) {
    return g.depthwise_conv(in, conv(0, 1), 1 << 30, DataFormat::channels_last, "many");
  });
  Graph g;
  const int flat = g.flatten(g.input({1 << 28}, "long"), DataFormat::channels_last, "flat");
  CHECK_THROWS_WITH_AS(
      g.dense(flat, {1 << 20, true}, "dense"),
      doctest::Contains("the number of all weights is 281474977759232; the limit is 1099511627776"), Error);
}

TEST_CASE("rows are counted in 64 bits") {
  Graph g;
  const int folded = g.input({4}, "folded", 1 << 30);
  Network network(g, folded);
  for (const Mode mode : {Mode::predict, Mode::vjp})
    CHECK_THROWS_WITH_AS(network.memory(4, mode), doctest::Contains("rows of this batch is 4294967296"),
                         Error);
  Graph many;
  const int out = many.input({1 << 10, 4}, "many", 1 << 22);
  CHECK_THROWS_WITH_AS(make_objective(many, out, Loss::mean_squared_error, false, {}),
                       doctest::Contains("one sample is judged by is 4294967296"), Error);
}

TEST_CASE("what a convolution takes besides its images is bounded") {
  // Each channel is repeated 2^26 times, in 2^27 pixels.
  Graph g;
  ConvAttrs attrs = conv(0, 1);
  attrs.stride = {1 << 13, 1 << 14}, attrs.use_bias = false;
  const int wide = g.depthwise_conv(g.input({1 << 13, 1 << 14, 2}, "in"), attrs, 1 << 26,
                                    DataFormat::channels_last, "wide");
  Network network(g, wide);
  network.force_algorithm("conv2d", "depthwise");
  CHECK_THROWS_WITH_AS(network.memory(1 << 10, Mode::predict),
                       doctest::Contains("a step of this batch needs"), Error);
  Graph images;
  const int in = images.input({1, 1 << 23, 16}, "in");
  ConvAttrs square = conv(16, 3);
  square.padding = {PadMode::same};
  const int out = images.conv(in, square, DataFormat::channels_last, "square");
  ConvProblem p = conv_problem(images.node(in), images.node(out), 1 << 10);
  p.precision = Precision::standard;
  CHECK(find_conv_algorithm("winograd")->refuse(p) == "a batch may have 2^31 tiles, has 2147483648");
  p.n = 1 << 9;
  CHECK(find_conv_algorithm("winograd")->refuse(p).empty());
}

TEST_CASE("a refused weight leaves the graph as it was") {
  Graph g;
  CHECK_THROWS_WITH_AS(g.weight(std::make_shared<Weight>("huge", Dims{1 << 29})),
                       doctest::Contains("elements of one sample's output"), Error);
  CHECK(g.params().empty());
  CHECK(g.weight_elems() == 0);
}

TEST_CASE("what Python cannot say is refused from C++") {
  check_refused("1 to 3 spatial axes, got 4", [](Graph& g, int in) {
    ConvAttrs a = conv(1, 1);
    a.rank = 4;
    return g.conv(in, a, DataFormat::channels_last, "rank");
  });
  check_refused("1 to 3 spatial axes, got 0", [](Graph& g, int in) {
    return g.pool(in, {true, {2, 2}, {2, 2}, {}, false, false, 0}, DataFormat::channels_last, "rank");
  });
  check_refused("for axes that are not there", [](Graph& g, int in) {
    ConvAttrs a = conv(1, 1);
    a.kernel.d = 2;
    return g.conv(in, a, DataFormat::channels_last, "deep");
  });
  check_refused("there is no value 7", [](Graph& g, int) { return g.dense(7, {1, true}, "nowhere"); });
  check_refused("there is no value -1",
                [](Graph& g, int) { return g.activation(-1, ActivationKind::relu, "nowhere"); });
}
