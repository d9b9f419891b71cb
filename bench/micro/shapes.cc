#include "micro/shapes.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace cnnfast::bench {
namespace {

using nlohmann::json;

json read(const std::string& name) {
  std::ifstream file(std::string(CNNFAST_SHAPES) + "/" + name + ".json");
  if (!file) throw std::runtime_error("cannot read bench/shapes/" + name + ".json");
  return json::parse(file);
}

// Walks a network's chain, keeping the shape of one sample.
class Walk {
 public:
  Walk(const json& network, Shapes& out) : name_(network["name"]), out_(out) {
    const auto shape = network["input_shape"].get<std::vector<int>>();
    if (shape.size() == 1) {
      features_ = shape[0];
    } else {
      const bool last = network["data_format"] == "channels_last";
      c_ = shape[last ? 2 : 0], h_ = shape[last ? 0 : 1], w_ = shape[last ? 1 : 2];
    }
    const json& layers = network["layers"];
    for (size_t i = 0; i < layers.size(); ++i) {
      const bool pooled = i + 1 < layers.size() && layers[i + 1]["type"] == "max_pool2d";
      step(layers[i], pooled);
    }
  }

 private:
  void step(const json& layer, bool pooled) {
    const std::string type = layer["type"];
    if (type == "conv2d") {
      const ConvShape conv{name_ + "/conv" + std::to_string(++convs_),
                           c_,
                           h_,
                           w_,
                           layer["filters"],
                           layer["kernel_size"],
                           1,
                           true,
                           pooled};
      c_ = conv.oc, h_ = conv.oh(), w_ = conv.ow();
      out_.convs.push_back(conv);
    } else if (type == "max_pool2d" || type == "average_pool2d") {
      h_ /= layer["pool_size"].get<int>(), w_ /= layer["pool_size"].get<int>();
    } else if (type == "flatten") {
      features_ = c_ * h_ * w_;
    } else if (type == "dense") {
      out_.denses.push_back({name_ + "/dense" + std::to_string(++denses_), features_, layer["units"]});
      features_ = layer["units"];
    } else if (type != "dropout") {
      throw std::runtime_error("bench/shapes knows no layer type " + type);
    }
  }

  std::string name_;
  Shapes& out_;
  int c_ = 0, h_ = 0, w_ = 0, features_ = 0, convs_ = 0, denses_ = 0;
};

}  // namespace

Shapes read_shapes() {
  Shapes out;
  for (const char* name : {"lenet5", "mnist_cnn", "mnist_mlp", "cifar_cnn"}) Walk(read(name), out);
  const json list = read("layers");
  for (const json& layer : list["layers"]) {
    if (layer["groups"] != 1 || layer["transposed"]) continue;
    const int size = layer["size"].get<int>() + 2 * layer["padding"].get<int>();
    out.convs.push_back({"layers/" + layer["name"].get<std::string>(), layer["ic"], size, size, layer["oc"],
                         layer["kernel"], layer["stride"], false, false});
  }
  return out;
}

}  // namespace cnnfast::bench
