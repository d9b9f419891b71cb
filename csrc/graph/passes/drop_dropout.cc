#include "graph/draft.h"

namespace cnnfast {

void drop_dropout(Draft& draft) {
  for (size_t i = 0; i < draft.nodes.size(); ++i)
    if (draft.nodes[i].as<DropoutAttrs>()) draft.bypass(static_cast<int>(i));
  draft.drop_unused();
}

}  // namespace cnnfast
