"""One training step of each system in PyTorch, at the sizes of the rows: the work that torchium-steps.ts does."""
import math
import torch
from torch import nn
from torch.nn import functional as F


def ids(count, limit):
    return (torch.arange(count) * 7919) % limit


def zipf(count, limit):
    at = (torch.arange(count, dtype=torch.float64) * 0.6180339887498949) % 1
    return ((limit + 1) ** at - 1).floor().long().clamp_(max=limit - 1)


def padded(batch, length, limit, first=3):
    words = ids(batch * length, limit - first).view(batch, length) + first
    mask = torch.arange(length) < (length - torch.arange(batch) % 6)[:, None]
    return words * mask, mask


def embedding(size, d):
    table = nn.Embedding(size, d)
    nn.init.normal_(table.weight, std=d ** -0.5)
    return table


def step(loss, optimizer, clipped=None):
    def run():
        loss().backward()
        if clipped is not None:
            nn.utils.clip_grad_norm_(clipped, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return run


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = (nn.Parameter(torch.ones(d)) for _ in range(2))
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.up, self.down = nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (y.view(b, t, self.heads, -1).transpose(1, 2)
                   for y in self.qkv(F.layer_norm(x, (d,), self.ln1)).split(d, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(F.layer_norm(x, (d,), self.ln2))))


def gpt(s):
    d, vocabulary = s['width'], s['vocabulary']
    tokens, positions = nn.Embedding(vocabulary, d), nn.Embedding(s['block'], d)
    blocks, ln = nn.ModuleList(Block(d, s['heads']) for _ in range(s['layers'])), nn.Parameter(torch.ones(d))
    parameters = [*tokens.parameters(), *positions.parameters(), *blocks.parameters(), ln]
    for p in parameters:
        if p.dim() > 1:
            nn.init.normal_(p, std=0.02)
    groups = [dict(params=[p for p in parameters if p.dim() > 1], weight_decay=0.1),
              dict(params=[p for p in parameters if p.dim() < 2], weight_decay=0.0)]
    text = ids(s['batch'] * s['block'] + 1, vocabulary)

    def loss():
        x = tokens(text[:-1].view(s['batch'], s['block'])) + positions.weight
        for block in blocks:
            x = block(x)
        logits = F.linear(F.layer_norm(x, (d,), ln), tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), text[1:])
    return step(loss, torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-8), parameters)


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2."""
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01, clamp=10.0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, clamp=clamp))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group['betas']
            for p in group['params']:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state['t'] += 1
                m, v = state['m'], state['v']
                m.mul_(b1).add_(p.grad, alpha=1 - b1)
                v.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                root = v.sqrt().div_(math.sqrt(1 - b2 ** state['t'])).add_(group['eps'])
                update = (m / root).div_(1 - b1 ** state['t']).add_(p, alpha=group['weight_decay'])
                size, length = p.norm().clamp_(max=group['clamp']), update.norm()
                ratio = torch.where((size > 0) & (length > 0), size / length, torch.ones_like(size))
                p.sub_(update.mul_(ratio * group['lr']))


class NovoGrad(torch.optim.Optimizer):
    """Ginsburg et al. 2019."""
    def __init__(self, params, lr, betas=(0.95, 0.98), eps=1e-8, weight_decay=0.001):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group['betas']
            for p in group['params']:
                state, square = self.state[p], p.grad.pow(2).sum()
                if not state:
                    state.update(m=torch.zeros_like(p), v=square.clone())
                else:
                    state['v'].mul_(b2).add_(square, alpha=1 - b2)
                g = (p.grad / state['v'].sqrt().add_(group['eps'])).add_(p, alpha=group['weight_decay'])
                state['m'].mul_(b1).add_(g, alpha=1 - b1)
                p.sub_(state['m'], alpha=group['lr'])


class Text(nn.Module):
    """Words and places, and a stack over them."""
    def __init__(self, s, vocabulary, longest, stack=True):
        super().__init__()
        d = self.d = s['width']
        self.tokens, self.positions, self.dropout = embedding(vocabulary, d), embedding(longest, d), nn.Dropout(0.1)
        if stack:
            layer = nn.TransformerEncoderLayer(d, s['heads'], s['feedforward'], 0.1, batch_first=True)
            self.stack = nn.TransformerEncoder(layer, s['layers'], enable_nested_tensor=False)

    def embed(self, words):
        return self.dropout((self.tokens(words) + self.positions.weight[:words.shape[1]]) * math.sqrt(self.d))

    def forward(self, words, mask=None, padding=None):
        return self.stack(self.embed(words), mask=mask, src_key_padding_mask=padding)


def future(n):
    return torch.ones(n, n).triu(1).bool()


def language_model(s):
    model, out = Text(s, s['vocabulary'], s['block']), nn.Linear(s['width'], s['vocabulary'])
    parameters = [*model.parameters(), *out.parameters()]
    text, mask = zipf(s['batch'] * s['block'] + 1, s['vocabulary']), future(s['block'])

    def loss():
        logits = out(model(text[:-1].view(s['batch'], s['block']), mask))
        return F.cross_entropy(logits.flatten(0, 1), text[1:], label_smoothing=0.1)
    return step(loss, Lamb(parameters, lr=1e-2), parameters)


def translator(s):
    d = s['width']
    encoder, target = Text(s, s['sources'], 64), Text(s, s['targets'], 64, stack=False)
    layer = nn.TransformerDecoderLayer(d, s['heads'], s['feedforward'], 0.1, batch_first=True)
    decoder, out = nn.TransformerDecoder(layer, s['layers']), nn.Linear(d, s['targets'])
    parameters = [p for m in (encoder, target, decoder, out) for p in m.parameters()]
    source, there = padded(s['batch'], s['source'], s['sources'])
    words, real = padded(s['batch'], s['target'], s['targets'])
    labels, mask = words.masked_fill(~real, -100).flatten(), future(s['target'])

    def loss():
        hidden = decoder(target.embed(words), encoder(source, padding=~there), tgt_mask=mask,
                         memory_key_padding_mask=~there)
        return F.cross_entropy(out(hidden).flatten(0, 1), labels, label_smoothing=0.03)
    return step(loss, NovoGrad(parameters, lr=0.1), parameters)


def classifier(s):
    d = s['width']
    model, segments = Text(s, s['vocabulary'], 64), embedding(2, d)
    head = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Dropout(0.1), nn.Linear(d, 2))
    parameters = [p for m in (model, segments, head) for p in m.parameters()]
    words, mask = padded(s['batch'], s['length'], s['vocabulary'])
    labels, parts = ids(s['batch'], 2), torch.zeros_like(words)

    def loss():
        x = (model.tokens(words) + model.positions.weight[:words.shape[1]] + segments(parts)) * math.sqrt(d)
        hidden = model.stack(model.dropout(x), src_key_padding_mask=~mask)
        return F.cross_entropy(head(hidden[:, 0]), labels, label_smoothing=0.1)
    return step(loss, torch.optim.AdamW(parameters, lr=5e-4, weight_decay=0.01), parameters)


class CRF(nn.Module):
    """Linear-chain CRF. scores: batch x time x tags, tags: batch x time, mask: a prefix of each row."""
    def __init__(self, tags):
        super().__init__()
        self.first, self.last = (nn.Parameter(torch.empty(tags).uniform_(-0.1, 0.1)) for _ in range(2))
        self.move = nn.Parameter(torch.empty(tags, tags).uniform_(-0.1, 0.1))

    def forward(self, scores, tags, mask):
        keep = mask.to(scores.dtype)
        steps = self.move[tags[:, :-1], tags[:, 1:]]
        emitted = scores.gather(2, tags[:, :, None])[:, :, 0] * keep
        ends = tags.gather(1, mask.sum(1, keepdim=True) - 1)[:, 0]
        path = self.first[tags[:, 0]] + emitted.sum(1) + (steps * keep[:, 1:]).sum(1) + self.last[ends]
        alpha = self.first + scores[:, 0]
        for t in range(1, scores.shape[1]):
            new = torch.logsumexp(alpha[:, :, None] + self.move, 1) + scores[:, t]
            alpha = torch.where(mask[:, t, None], new, alpha)
        return (torch.logsumexp(alpha + self.last, 1) - path).mean()


def tagger(s):
    words, dropout = nn.Embedding(s['vocabulary'], s['width']), nn.Dropout(0.3)
    lstm = nn.LSTM(s['width'], s['hidden'], batch_first=True, bidirectional=True)
    out, crf = nn.Linear(2 * s['hidden'], s['tags']), CRF(s['tags'])
    parameters = [p for m in (words, lstm, out, crf) for p in m.parameters()]
    text, mask = padded(s['batch'], s['length'], s['vocabulary'])
    tags = ids(text.numel(), s['tags']).view_as(text)

    def loss():
        packed = nn.utils.rnn.pack_padded_sequence(dropout(words(text)), mask.sum(1), batch_first=True, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True)
        return crf(out(dropout(hidden)), tags, mask)
    return step(loss, torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-4), parameters)


def pcgrad(losses, shared, own):
    """Yu et al. 2020, algorithm 1."""
    flat = []
    for loss in losses:
        grads = torch.autograd.grad(loss, shared + own, allow_unused=True)
        flat.append(torch.cat([torch.zeros_like(p).flatten() if g is None else g.flatten() for p, g in zip(shared, grads)]))
        for p, g in zip(own, grads[len(shared):]):
            if g is not None:
                p.grad = g
    total, norms = torch.zeros_like(flat[0]), [g.dot(g) for g in flat]
    for i, g in enumerate(flat):
        g = g.clone()
        for j in range(len(flat)):
            dot = g.dot(flat[j])
            if j != i and dot < 0:
                g.sub_(flat[j], alpha=(dot / norms[j]).item())
        total += g
    for p, g in zip(shared, total.split([p.numel() for p in shared])):
        p.grad = g.view_as(p)


def tasks(s):
    d, tags = s['width'], s['tags']
    model, crf = Text(s, s['vocabulary'], 128), CRF(tags)
    heads = [nn.Linear(d, 2), nn.Linear(d, tags), nn.Linear(d, 2)]
    variances = [nn.Parameter(torch.zeros(())) for _ in heads]
    shared = [*model.parameters()]
    own = [p for m in (*heads, crf) for p in m.parameters()] + variances
    optimizer = torch.optim.Adam(shared + own, lr=1e-3)
    words, mask = padded(s['batch'], s['length'], s['vocabulary'])
    truth = ids(s['batch'] * (s['length'] - 1), tags).view(s['batch'], -1)
    labels = ids(s['batch'], 2)

    def loss(task):
        hidden = model(words, padding=~mask)
        if task == 1:
            raw = crf(heads[1](hidden[:, 1:]), truth, mask[:, 1:])
        else:
            raw = F.cross_entropy(heads[task](hidden[:, 0]), labels)
        return torch.exp(-variances[task]) * raw + 0.5 * variances[task]

    def run():
        pcgrad([loss(task) for task in range(3)], shared, own)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return run


def lstm(s):
    model = nn.LSTM(s['width'], s['hidden'])
    count = s['length'] * s['batch'] * s['width']
    x = torch.sin(torch.arange(count, dtype=torch.float64)).float().view(s['length'], s['batch'], s['width'])

    def loss():
        return model(x.clone().requires_grad_())[0].sum()
    return step(loss, torch.optim.SGD(model.parameters(), lr=1e-3))


STEPS = dict(gptStep=gpt, languageModelStep=language_model, translatorStep=translator, classifierStep=classifier,
             taggerStep=tagger, tasksStep=tasks, lstm=lstm)
