// The same work by PyTorch on the same GPU, where Python has it: what our speeds are to be read beside.
import { spawnSync } from "node:child_process";
import { type GptSize, gptSize } from "./gpt.js";

/** PyTorch's version and times by our names, or why there are none. */
export interface PyTorchTimes {
  readonly version?: string;
  readonly missing?: string;
  readonly milliseconds: Readonly<Record<string, number>>;
  /** Training by our names: eager, and by `torch.compile` where it works. */
  readonly training: Readonly<
    Record<string, { readonly eager?: PyTorchTraining; readonly compiled?: PyTorchTraining }>
  >;
}

/** Tokens a second and bytes at the most, or why there are none. */
export interface PyTorchTraining {
  readonly tokensPerSecond?: number;
  readonly peakBytes?: number;
  readonly failure?: string;
}

const script = (small: boolean): string => `
import json, torch
assert torch.cuda.is_available(), "torch sees no GPU"
torch.backends.cuda.matmul.allow_tf32 = False
out = {}
def best(name, body):
    for _ in range(3): body()
    least = float("inf")
    for _ in range(10):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(5): body()
        end.record(); torch.cuda.synchronize()
        least = min(least, start.elapsed_time(end) / 5)
    out[name] = least
F = torch.nn.functional
for rows, n in ${small ? "[(8, 64)]" : "[(65536, 1024), (8192, 8192), (4096, 50304)]"}:
    x = torch.randn(rows, n, device="cuda")
    b, r = torch.randn(n, device="cuda"), torch.randn(rows, n, device="cuda")
    shape = f" [{rows}, {n}]"
    best("GELU" + shape, lambda: F.gelu(x))
    best("bias and residual" + shape, lambda: x + b + r)
    best("softmax" + shape, lambda: torch.softmax(x, -1))
    best("layer norm" + shape, lambda: F.layer_norm(x, (n,)))
    best("sum of rows" + shape, lambda: x.sum(-1))
    best("sum over rows" + shape, lambda: x.sum(0))
    del x, b, r
n = ${small ? "140000" : "38597376"}
x = torch.randn(1, n, device="cuda")
best(f"sum of rows [1, {n}]", lambda: x.sum(-1))
best(f"softmax [1, {n}]", lambda: torch.softmax(x, -1))
del x
for n in ${small ? "[48]" : "[1024, 4096, 8192]"}:
    a, b = torch.randn(n, n, device="cuda"), torch.randn(n, n, device="cuda")
    best(f"matmul, float32 [{n}, {n}, {n}]", lambda: a @ b)
    a, b = a.bfloat16(), b.bfloat16()
    best(f"matmul, bfloat16 [{n}, {n}, {n}]", lambda: a @ b)
    c = torch.randn(n, device="cuda").bfloat16()
    best(f"matmul, bfloat16, bias and GELU [{n}, {n}, {n}]", lambda: F.gelu(torch.addmm(c, a, b), approximate="tanh"))
    del a, b, c
for batch, heads, length, width in ${small ? "[(1, 2, 40, 16)]" : "[(32, 12, 1024, 64), (4, 16, 4096, 128)]"}:
    for dtype in (torch.float32, torch.bfloat16):
        packed = torch.randn(batch, length, 3, heads, width, device="cuda", dtype=dtype, requires_grad=True)
        q, k, v = (x.transpose(1, 2) for x in packed.unbind(2))
        name = f"causal attention, {str(dtype)[6:]} [{batch}, {heads}, {length}, {width}]"
        with torch.no_grad(): best(name, lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        g = torch.randn_like(y)
        best(name + ", gradient", lambda: torch.autograd.grad(y, (q, k, v), g, retain_graph=True))
        del packed, q, k, v, y, g
print(json.dumps({"version": torch.__version__, "milliseconds": out}))
`;

/** GPT-2 small as PyTorch users write it: fused AdamW, scaled dot-product attention, bfloat16 autocast. */
const training = ({ vocabulary, width, heads, layers, time, batches, warmUp, steps }: GptSize): string => `
import json, time, torch
nn, F = torch.nn, torch.nn.functional
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(${width}), nn.LayerNorm(${width})
        self.qkv, self.out = nn.Linear(${width}, ${3 * width}), nn.Linear(${width}, ${width})
        self.up, self.down = nn.Linear(${width}, ${4 * width}), nn.Linear(${4 * width}, ${width})
    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (z.view(b, t, ${heads}, c // ${heads}).transpose(1, 2) for z in self.qkv(self.norm1(x)).split(c, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, c))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))
class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(${vocabulary}, ${width}), nn.Embedding(${time}, ${width})
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(${layers})), nn.LayerNorm(${width})
        self.head = nn.Linear(${width}, ${vocabulary}, bias=False)
        self.head.weight = self.tokens.weight
    def forward(self, ids, targets):
        x = self.tokens(ids) + self.places(torch.arange(${time}, device=ids.device))
        for block in self.blocks: x = block(x)
        return F.cross_entropy(self.head(self.norm(x)).view(-1, ${vocabulary}), targets.view(-1))
def train(batch, compiled):
    torch.manual_seed(1); torch.cuda.empty_cache(); torch.cuda.reset_peak_memory_stats()
    model = GPT().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1, fused=True)
    run = torch.compile(model) if compiled else model
    ids = torch.randint(${vocabulary}, (batch, ${time}), device="cuda")
    def step():
        with torch.autocast("cuda", torch.bfloat16): loss = run(ids, ids)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
    for _ in range(${warmUp}): step()
    torch.cuda.synchronize(); start = time.perf_counter()
    for _ in range(${steps}): step()
    torch.cuda.synchronize(); seconds = (time.perf_counter() - start) / ${steps}
    return {"tokensPerSecond": batch * ${time} / seconds, "peakBytes": torch.cuda.max_memory_allocated()}
trained = {}
torch.backends.cuda.matmul.allow_tf32 = True
for batch in ${JSON.stringify(batches)}:
    row = trained[f"GPT-2 small, bfloat16, batch {batch}, ${time} tokens"] = {}
    for kind in ("eager", "compiled"):
        try: row[kind] = train(batch, kind == "compiled")
        except Exception as error: row[kind] = {"failure": str(error).split("\\n")[0][:200]}
print(json.dumps(trained))
`;

/** Python with PyTorch. */
const python = process.env["TORCH_PYTHON"] ?? "python3";

/** Runs a script; gives the last line it prints, or why there is none. */
function runPython(text: string): { readonly line?: string; readonly failure?: string } {
  const child = spawnSync(python, ["-c", text], { encoding: "utf8", timeout: 600_000 });
  if (child.error) return { failure: `${python}: ${child.error.message}` };
  if (child.status !== 0) return { failure: child.stderr.trim().split("\n").at(-1) ?? "" };
  return { line: child.stdout.trim().split("\n").at(-1) ?? "" };
}

/** Times of PyTorch in eager mode, and its training. */
export function measurePyTorch(small: boolean): PyTorchTimes {
  const { line, failure } = runPython(script(small));
  if (line === undefined) return { missing: failure ?? "", milliseconds: {}, training: {} };
  const trained = runPython(training(gptSize(small)));
  const times = JSON.parse(line) as Omit<PyTorchTimes, "training">;
  if (trained.line !== undefined) return { ...times, training: JSON.parse(trained.line) as PyTorchTimes["training"] };
  return { ...times, missing: `training: ${trained.failure}`, training: {} };
}
