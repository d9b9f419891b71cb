#include "graph/draft.h"

namespace cnnfast {

void drop_dropout(Draft& draft) {
  draft.rewrite([&](size_t i) {
    if (draft.nodes[i].as<DropoutAttrs>()) draft.bypass(i);
  });
}

}  // namespace cnnfast
