// What a network is trained for: a graph that continues the network's.
#pragma once
#include <vector>

#include "cnnfast/graph.h"

namespace cnnfast {

// The graph's first inputs are the network's, in their order; what else losses need (targets, weights of
// samples) are further inputs. It may be another graph than the one that predicts, of the same weights:
// layers may do otherwise in training.
//
// The loss is the sum of the penalties of trained weights and, over `losses`, of factor * the mean (or the
// sum) of the value's numbers. Of each metric the sum over the rows is reported, for each of its numbers.
struct Objective {
  struct Term {
    int value;
    double factor = 1;
    bool sum = false;  // of the numbers, not their mean
  };
  Graph graph;
  std::vector<Term> losses;
  std::vector<int> metrics = {};
};

enum class Loss {
  none,
  sparse_categorical_crossentropy,
  categorical_crossentropy,
  binary_crossentropy,
  mean_squared_error
};

// Of a graph with one input and one output, whose targets are an input after it: class numbers, one a vector
// of the output, for sparse_categorical_crossentropy, otherwise values of the output's dims. Unless
// from_logits, the graph ends with the softmax or sigmoid of a cross-entropy. Metrics are of the output.
Objective make_objective(Graph graph, int output, Loss loss, bool from_logits,
                         const std::vector<Metric>& metrics);

}  // namespace cnnfast
