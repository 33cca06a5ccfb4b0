"""PyTorch on the processor: `pytorch.py THREADS`. Speaks the same lines as the peers in serve.ts."""
import json
import os
import sys
import time
import torch
from torch import nn
from torch.nn import functional as F
from pytorch_steps import STEPS, ids

THREADS = int(sys.argv[1])
torch.set_num_threads(THREADS)


def wave(seed, *shape, grad=False):
    count = 1
    for size in shape:
        count *= size
    x = torch.sin(torch.arange(count, dtype=torch.float64) + seed).float().view(shape)
    return x.requires_grad_(grad)


def unary(op):
    def make(s):
        x = wave(0, s['count']) + 1.5
        return lambda: op(x)
    return make


def on_rows(op):
    def make(s):
        x = wave(0, s['rows'], s['columns'])
        return lambda: op(x)
    return make


def matmul(s):
    a = wave(0, s['batch'], s['k'], s['m']).mT if s['transposeA'] else wave(0, s['batch'], s['m'], s['k'])
    b = wave(1, s['batch'], s['n'], s['k']).mT if s['transposeB'] else wave(1, s['batch'], s['k'], s['n'])
    return lambda: a @ b


def add(s):
    a, b = wave(0, s['count']), wave(1, s['count'])
    return lambda: a + b


def layer_norm(s):
    d = s['columns']
    x, weight, bias = wave(0, s['rows'], d), wave(1, d), wave(2, d)
    return lambda: F.layer_norm(x, (d,), weight, bias)


def layer_norm_backward(s):
    d = s['columns']
    inputs = wave(0, s['rows'], d, grad=True), wave(1, d, grad=True), wave(2, d, grad=True)
    gradient = wave(3, s['rows'], d)
    return lambda: torch.autograd.grad(F.layer_norm(inputs[0], (d,), *inputs[1:]), inputs, gradient)[0]


def cross_entropy(s):
    logits, target = wave(0, s['rows'], s['columns'], grad=True), ids(s['rows'], s['columns'])
    return lambda: torch.autograd.grad(F.cross_entropy(logits, target), logits)[0]


def gather(s):
    table, at = wave(0, s['vocabulary'], s['width']), ids(s['count'], s['vocabulary'])
    return lambda: F.embedding(at, table)


def scatter_add(s):
    rows, at = wave(0, s['count'], s['width']), ids(s['count'], s['vocabulary'])
    return lambda: torch.zeros(s['vocabulary'], s['width']).index_add_(0, at, rows)


def attention(s, grad=False):
    shape = s['batch'], s['heads'], s['length'], s['width']
    q, k, v = (wave(seed, *shape, grad=grad) for seed in range(3))
    if not grad:
        return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    gradient = wave(3, *shape)
    return lambda: torch.autograd.grad(
        F.scaled_dot_product_attention(q, k, v, is_causal=True), (q, k, v), gradient)[0]


def adamw(s):
    p = nn.Parameter(wave(0, s['count']))
    p.grad = wave(1, s['count'])
    optimizer = torch.optim.AdamW([p], lr=1e-3, weight_decay=0.01)
    return optimizer.step


def chain(s):
    x = wave(0, s['count'])

    def run():
        y = x
        for _ in range(s['nodes'] // 2):
            y = y * 0.999 + 0.001
        return y
    return run


WORKS = dict(
    matmul=matmul, add=add, exp=unary(torch.exp), log=unary(torch.log), tanh=unary(torch.tanh),
    sigmoid=unary(torch.sigmoid), gelu=unary(F.gelu), sum=unary(torch.sum),
    dropout=unary(lambda x: F.dropout(x, 0.1, True)), softmax=on_rows(lambda x: x.softmax(-1)),
    columnSum=on_rows(lambda x: x.sum(0)), transpose=on_rows(lambda x: x.T.contiguous()), layerNorm=layer_norm,
    layerNormBackward=layer_norm_backward, crossEntropy=cross_entropy, gather=gather, scatterAdd=scatter_add,
    attention=attention, attentionBackward=lambda s: attention(s, True), adamw=adamw, chain=chain, **STEPS)


def sample(run, milliseconds, state):
    times, until = [], time.perf_counter() + milliseconds / 1e3
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        for _ in range(state['turns']):
            run()
        elapsed = time.perf_counter() - start
        times.append(elapsed * 1e9 / state['turns'])
        state['turns'] = max(1, min(round(state['turns'] * 5e-3 / max(elapsed, 1e-5)), 100_000))
    return times


def memory(field):
    """VmRSS or, for the most so far, VmHWM of this process in bytes; None where the system does not tell."""
    if not os.path.exists('/proc/self/status'):
        return None
    with open('/proc/self/status') as f:
        return next((int(line.split()[1]) * 1024 for line in f if line.startswith(field)), None)


def send(x):
    print(json.dumps(x), flush=True)


def main():
    send(dict(name='PyTorch', version=torch.__version__, threads=THREADS))
    name, run, state, idle = None, None, None, memory('VmRSS')
    if idle is not None:
        with open('/proc/self/clear_refs', 'w') as f:
            f.write('5')
    for line in sys.stdin:
        request = json.loads(line)
        row = request['row']
        answer = {}
        try:
            if row['name'] != name:
                name, run = None, None
                if row['op'] not in WORKS:
                    send(dict(missing='not offered'))
                    continue
                run, state = WORKS[row['op']](row['sizes']), dict(turns=1)
                result = run()
                if isinstance(result, torch.Tensor):
                    answer['check'] = result.detach().flatten()[:1 << 20].abs().double().mean().item()
                name = row['name']
            elif 'tokens' in row and idle is not None:
                answer['peakBytes'] = memory('VmHWM') - idle
            send(dict(answer, times=sample(run, request['milliseconds'], state)))
        except Exception as error:
            name = None
            send(dict(missing=str(error).split('\n')[0]))


main()
