// CUDA graphs: nodes with copies of their arguments, capture of a stream, and executable graphs, which are copies that no
// longer see the graph they came from. Nodes that do not wait for each other run in any order.
#include <string.h>

#include <random>

#include "state.h"

struct Graph;

struct Node {
  Work work;
  std::unique_ptr<Graph> child;
  std::vector<Node*> after;
};

struct Graph {
  std::vector<std::unique_ptr<Node>> nodes;
  Graph() { setting("live_graphs")++; }
  ~Graph() { setting("live_graphs")--; }
};

namespace {

/** CUDA_KERNEL_NODE_PARAMS_v2. */
struct KernelParams {
  Function* function;
  unsigned grid[3], block[3], shared_bytes;
  void** arguments;
  void** extra;
  void *kernel, *context;
};
static_assert(sizeof(KernelParams) == 72, "the driver's own size");

std::unique_ptr<Graph> copy_of(const Graph& graph, std::map<const Node*, Node*>& twins) {
  auto out = std::make_unique<Graph>();
  for (auto& node : graph.nodes) {
    auto twin = std::make_unique<Node>();
    twin->work = node->work;
    if (node->child) twin->child = copy_of(*node->child, twins);
    for (Node* before : node->after) twin->after.push_back(twins.at(before));
    twins[node.get()] = twin.get();
    out->nodes.push_back(std::move(twin));
  }
  return out;
}

std::unique_ptr<Graph> copy_of(const Graph& graph) {
  std::map<const Node*, Node*> twins;
  return copy_of(graph, twins);
}

/** Whether two graphs have the same nodes in the same order: arguments may differ. */
bool same_shape(const Graph& a, const Graph& b) {
  if (a.nodes.size() != b.nodes.size()) return false;
  for (size_t i = 0; i < a.nodes.size(); i++) {
    const Node &x = *a.nodes[i], &y = *b.nodes[i];
    if (x.work.kind != y.work.kind || x.after.size() != y.after.size() || !x.child != !y.child) return false;
    if (x.child && !same_shape(*x.child, *y.child)) return false;
  }
  return true;
}

std::mt19937 order_of_nodes{1};

/** Puts a run of the graph on a stream, as it is now: what is set later is for later runs. */
void enqueue(const Graph& graph, Stream* stream) {
  std::vector<const Node*> left;
  for (auto& node : graph.nodes) left.push_back(node.get());
  std::map<const Node*, bool> done;
  while (!left.empty()) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < left.size(); i++) {
      bool waits = false;
      for (Node* before : left[i]->after) waits |= !done[before];
      if (!waits) ready.push_back(i);
    }
    const size_t at = ready[order_of_nodes() % ready.size()];
    const Node* node = left[at];
    left.erase(left.begin() + at);
    if (node->child) enqueue(*node->child, stream);
    else stream->push(node->work.run, node->work.kind.c_str());
    done[node] = true;
  }
}

int add(Graph* graph, Node* const* before, size_t count, std::unique_ptr<Node> node, Node** out) {
  for (size_t i = 0; i < count; i++) {
    bool known = false;
    for (auto& other : graph->nodes) known |= other.get() == before[i];
    if (!known) return invalid_value;
    node->after.push_back(before[i]);
  }
  *out = node.get();
  graph->nodes.push_back(std::move(node));
  return success;
}

}  // namespace

/** What is launched: a copy of a graph, and which of its nodes stands for which of the graph's. */
struct GraphExec {
  std::map<const Node*, Node*> twins;
  std::unique_ptr<Graph> graph;
};

extern "C" {

int cuStreamBeginCapture_v2(Stream* stream, int mode) {
  if (int bad = check()) return bad;
  if (mode < 0 || mode > 2) return invalid_value;
  if (stream->capture) return illegal_state;
  stream->capture = std::make_unique<Capture>();
  return success;
}
int cuStreamEndCapture(Stream* stream, Graph** graph) {
  if (int bad = check()) return bad;
  *graph = nullptr;
  if (!stream->capture) return illegal_state;
  std::unique_ptr<Capture> capture = std::move(stream->capture);
  if (capture->invalid) return capture_invalidated;
  auto made = std::make_unique<Graph>();
  Node* before = nullptr;
  for (Work& work : capture->works) {
    auto node = std::make_unique<Node>();
    node->work = std::move(work);
    add(made.get(), &before, before ? 1 : 0, std::move(node), &before);
  }
  *graph = made.release();
  return success;
}

int cuGraphCreate(Graph** graph, unsigned flags) {
  if (int bad = check()) return bad;
  if (flags != 0) return invalid_value;
  *graph = new Graph();
  return success;
}
int cuGraphDestroy(Graph* graph) {
  if (!graph) return invalid_value;
  delete graph;
  return success;
}
int cuGraphAddKernelNode_v2(Node** out, Graph* graph, Node* const* before, size_t count, const KernelParams* params) {
  if (int bad = check()) return bad;
  auto node = std::make_unique<Node>();
  if (int bad = kernel_work(params->function, params->grid, params->block, params->shared_bytes, params->arguments,
                            node->work))
    return bad;
  return add(graph, before, count, std::move(node), out);
}
int cuGraphAddChildGraphNode(Node** out, Graph* graph, Node* const* before, size_t count, Graph* child) {
  if (int bad = check()) return bad;
  auto node = std::make_unique<Node>();
  node->work.kind = "child";
  node->child = copy_of(*child);
  return add(graph, before, count, std::move(node), out);
}

int cuGraphInstantiateWithFlags(GraphExec** executable, Graph* graph, unsigned long long) {
  if (int bad = check()) return bad;
  // A test asks for a driver that takes none.
  if (!setting("graphs")) return not_supported_here;
  auto made = std::make_unique<GraphExec>();
  made->graph = copy_of(*graph, made->twins);
  *executable = made.release();
  return success;
}
int cuGraphExecDestroy(GraphExec* executable) {
  delete executable;
  return success;
}
int cuGraphExecKernelNodeSetParams_v2(GraphExec* executable, Node* node, const KernelParams* params) {
  if (int bad = check()) return bad;
  auto twin = executable->twins.find(node);
  if (twin == executable->twins.end() || twin->second->work.kind != "kernel") return invalid_value;
  return kernel_work(params->function, params->grid, params->block, params->shared_bytes, params->arguments,
                     twin->second->work);
}
int cuGraphExecChildGraphNodeSetParams(GraphExec* executable, Node* node, Graph* child) {
  if (int bad = check()) return bad;
  auto twin = executable->twins.find(node);
  if (twin == executable->twins.end() || !twin->second->child) return invalid_value;
  if (!same_shape(*twin->second->child, *child)) return update_failure;
  twin->second->child = copy_of(*child);
  return success;
}
int cuGraphLaunch(GraphExec* executable, Stream* stream) {
  if (int bad = check()) return bad;
  enqueue(*executable->graph, stream);
  setting("graph_launches")++;
  return success;
}

}  // extern "C"
