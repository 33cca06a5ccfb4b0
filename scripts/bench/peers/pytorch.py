"""PyTorch on the processor: `pytorch.py THREADS`. Speaks the same lines as the peers in serve.ts."""
import sys
import torch
from torch import nn
from torch.nn import functional as F
from peer import serve
from pytorch_steps import STEPS, ids
from pytorch_words import WORDS

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


def linear_gelu(s):
    x, weight, bias = wave(0, s['m'], s['k']), wave(1, s['n'], s['k']), wave(2, s['n'])
    return lambda: F.gelu(F.linear(x, weight, bias))


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

    def run():
        optimizer.step()
        return p
    return run


def permute(s):
    x = wave(0, s['batch'], s['length'], s['heads'], s['width'])
    return lambda: x.transpose(1, 2).contiguous()


def chain(s):
    x = wave(0, s['count'])

    def run():
        y = x
        for _ in range(s['nodes'] // 2):
            y = y * 0.999 + 0.001
        return y
    return run


WORKS = dict(
    matmul=matmul, linearGelu=linear_gelu, permute=permute, add=add, exp=unary(torch.exp), log=unary(torch.log),
    tanh=unary(torch.tanh), sigmoid=unary(torch.sigmoid), gelu=unary(F.gelu), sum=unary(torch.sum),
    dropout=unary(lambda x: F.dropout(x, 0.1, True)), softmax=on_rows(lambda x: x.softmax(-1)),
    columnSum=on_rows(lambda x: x.sum(0)), transpose=on_rows(lambda x: x.T.contiguous()), layerNorm=layer_norm,
    layerNormBackward=layer_norm_backward, crossEntropy=cross_entropy, gather=gather, scatterAdd=scatter_add,
    attention=attention, attentionBackward=lambda s: attention(s, True), adamw=adamw, chain=chain, **STEPS, **WORDS)


def size(result):
    """Mean of |x|, not more than the first million elements; a number stands for itself."""
    if isinstance(result, torch.Tensor):
        return result.detach().flatten()[:1 << 20].abs().double().mean().item()
    return result


serve(torch.__version__, THREADS, WORKS, size)
