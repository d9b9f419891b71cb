// Learns MNIST's digits and tells how many it reads right. FOLDER has the four files as they are published.
#include <cnnfast/network.h>
#include <zlib.h>

#include <iostream>

using namespace cnnfast;
using Step = void (Network::*)(const Samples&, const Targets&, int, std::vector<double>&);

struct Digits {
  std::vector<float> pixels;
  std::vector<int32_t> labels;
  explicit Digits(const std::string& path) {
    read(path + "-images-idx3-ubyte.gz", 16, [&](uint8_t byte) { pixels.push_back(byte / 255.0f); });
    read(path + "-labels-idx1-ubyte.gz", 8, [&](uint8_t byte) { labels.push_back(byte); });
    if (pixels.size() != labels.size() * 28 * 28) fail(path, ": images and labels do not fit.");
  }
  static void read(const std::string& path, z_off_t header, const auto& take) {
    const gzFile file = gzopen(path.c_str(), "rb");
    if (!file || gzseek(file, header, SEEK_SET) != header) fail("cannot read ", path, ".");
    for (int byte; (byte = gzgetc(file)) >= 0;) take(static_cast<uint8_t>(byte));
    gzclose(file);
  }
  // Runs a step for one batch after the other; returns the share of digits that were read right.
  double run(Network& network, Step step) const {
    double right = 0;
    for (size_t at = 0; at < labels.size(); at += 128) {
      const int n = static_cast<int>(std::min<size_t>(128, labels.size() - at));
      std::vector<double> means;  // of the batch: its loss, then its metrics
      (network.*step)({pixels.data() + at * 28 * 28}, {labels.data() + at}, n, means);
      right += means[1] * n;
    }
    return right / static_cast<double>(labels.size());
  }
};

int main(int argc, char** argv) try {
  if (argc < 2) fail("usage: mnist FOLDER [EPOCHS]");
  const Digits train(std::string(argv[1]) + "/train"), test(std::string(argv[1]) + "/t10k");
  const DataFormat last = DataFormat::channels_last;
  Graph graph(1);  // the seed of its kernels, which begin by Glorot's rule
  int v = graph.input({28, 28, 1}, "digits");
  for (const int filters : {16, 32}) {
    v = graph.conv(v, {.filters = filters, .kernel = {3, 3}}, last, "conv");
    v = graph.activation(v, ActivationKind::relu, "relu");
    v = graph.pool(v, {.maximum = true, .window = {2, 2}, .stride = {2, 2}}, last, "pool");
  }
  v = graph.dense(graph.flatten(v, last, "flatten"), {.units = 10}, "dense");
  Network network(graph, graph.activation(v, ActivationKind::softmax, "softmax"));
  network.configure(Loss::sparse_categorical_crossentropy, false, {{MetricKind::accuracy}},
                    {.kind = OptimizerConfig::Kind::adam, .learning_rate = 1e-3});
  for (int epoch = 0; epoch < (argc > 2 ? std::stoi(argv[2]) : 2); ++epoch) {
    train.run(network, &Network::train_step);
    std::cout << "test accuracy " << test.run(network, &Network::evaluate_step) << std::endl;
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
