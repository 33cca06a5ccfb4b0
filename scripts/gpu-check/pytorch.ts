// The same work by PyTorch on the same GPU, where Python has it: what our speeds are to be read beside.
import { spawnSync } from "node:child_process";

/** PyTorch's version and times by our names, or why there are none. */
export interface PyTorchTimes {
  readonly version?: string;
  readonly missing?: string;
  readonly milliseconds: Readonly<Record<string, number>>;
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
for n in ${small ? "[48]" : "[1024, 4096, 8192]"}:
    a, b = torch.randn(n, n, device="cuda"), torch.randn(n, n, device="cuda")
    best(f"matmul, float32 [{n}, {n}, {n}]", lambda: a @ b)
print(json.dumps({"version": torch.__version__, "milliseconds": out}))
`;

/** Times of PyTorch in eager mode. */
export function measurePyTorch(small: boolean): PyTorchTimes {
  const child = spawnSync("python3", ["-c", script(small)], { encoding: "utf8", timeout: 600_000 });
  if (child.error) return { missing: "python3 cannot be run", milliseconds: {} };
  if (child.status !== 0) return { missing: child.stderr.trim().split("\n").at(-1) ?? "", milliseconds: {} };
  return JSON.parse(child.stdout.trim().split("\n").at(-1)!) as PyTorchTimes;
}
