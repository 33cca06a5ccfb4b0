"""Word vectors in PyTorch: single steps at the sizes of the rows, and whole trainings from a text or from pairs."""
from collections import Counter
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from peer import text
from pytorch_steps import step, zipf


class SkipGram(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.centres, self.contexts = (nn.Embedding(vocabulary, width, sparse=True) for _ in range(2))
        nn.init.uniform_(self.centres.weight, -0.5 / width, 0.5 / width)
        nn.init.zeros_(self.contexts.weight)

    def forward(self, centre, context, negative):
        both = torch.cat([context[:, None], negative], 1)
        scores = (self.contexts(both) * self.centres(centre)[:, None]).sum(-1)
        signs = torch.where(torch.arange(both.shape[1]) == 0, -1.0, 1.0)
        return F.softplus(scores * signs).sum()


def word2vec(s):
    batch, negatives = s['batch'], s['negatives']
    model = SkipGram(s['vocabulary'], s['width'])
    words = zipf(batch * (2 + negatives), s['vocabulary'])
    centre, context, negative = words[:batch], words[batch:2 * batch], words[2 * batch:].view(batch, negatives)
    return step(lambda: model(centre, context, negative), torch.optim.SGD(model.parameters(), lr=0.025))


class GloVe(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        sizes = dict(words=width, contexts=width, word_bias=1, context_bias=1)
        for name, size in sizes.items():
            setattr(self, name, nn.Embedding(vocabulary, size, sparse=True))
            nn.init.uniform_(getattr(self, name).weight, -0.5 / width, 0.5 / width)

    def forward(self, i, j, log_x, weight):
        dot = (self.words(i) * self.contexts(j)).sum(1)
        return 0.5 * (weight * (dot + self.word_bias(i)[:, 0] + self.context_bias(j)[:, 0] - log_x) ** 2).sum()


def counted(pairs, vocabulary):
    """Two words of each pair, the logarithm of its count and its weight."""
    at, counts = zipf(2 * pairs, vocabulary), 2 + torch.sin(torch.arange(pairs).double()).float()
    return at[:pairs], at[pairs:], counts.log(), (counts / 10).clamp(max=1).pow(0.75)


def glove(s):
    model, batch = GloVe(s['vocabulary'], s['width']), counted(s['batch'], s['vocabulary'])
    return step(lambda: model(*batch), torch.optim.SparseAdam(model.parameters(), lr=0.01))


def glove_training(s):
    model, pairs = GloVe(s['vocabulary'], s['width']), counted(s['pairs'], s['vocabulary'])
    if s['adagrad']:
        optimizer = torch.optim.Adagrad(model.parameters(), lr=0.2, initial_accumulator_value=1.0)
    else:
        optimizer = torch.optim.SparseAdam(model.parameters(), lr=0.01)

    def run():
        for at in torch.randperm(s['pairs']).split(s['batch']):
            loss = model(*(x[at] for x in pairs))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        loss.item()
    return run


def pairs_of(ids, line, keep, window, rng):
    """All (centre, context) pairs of an epoch in random order: thinned-out words, a window of 1..window a centre."""
    kept = rng.random(len(ids)) < keep[ids]
    ids, line = ids[kept], line[kept]
    reach, sides = rng.integers(1, window + 1, len(ids)), ([], [])
    for d in range(1, window + 1):
        same = line[:-d] == line[d:]
        for a, b in ((slice(None, -d), slice(d, None)), (slice(d, None), slice(None, -d))):
            take = same & (reach[a] >= d)
            sides[0].append(ids[a][take])
            sides[1].append(ids[b][take])
    order = rng.permutation(sum(map(len, sides[0])))
    return (torch.from_numpy(np.concatenate(side)[order]) for side in sides)


def word2vec_training(s):
    given, places = text(s), 1 << 20

    def run():
        lines = [line.split() for line in given]
        ranked = [(w, n) for w, n in Counter(w for words in lines for w in words).most_common() if n >= s['minCount']]
        index, counts = {w: i for i, (w, _) in enumerate(ranked)}, np.array([n for _, n in ranked], np.float64)
        lines = [[index[w] for w in words if w in index] for words in lines]
        ids = np.array([i for words in lines for i in words])
        line = np.repeat(np.arange(len(lines)), [len(words) for words in lines])
        share = s['sample'] / 1000 * counts.sum() / counts
        power = np.cumsum(counts ** 0.75)
        table = torch.from_numpy(np.searchsorted(power, (np.arange(places) + 0.5) / places * power[-1]))
        model, rng = SkipGram(len(index), s['width']), np.random.default_rng(1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.025)
        for epoch in range(s['epochs']):
            sides = pairs_of(ids, line, np.sqrt(share) + share, s['window'], rng)
            batches = list(zip(*(side.split(s['batch']) for side in sides)))
            for i, (centre, context) in enumerate(batches):
                done = (epoch + i / len(batches)) / s['epochs']
                optimizer.param_groups[0]['lr'] = 0.025 * max(1e-4, 1 - done)
                negative = table[torch.randint(places, (len(centre), s['negatives']))]
                model(centre, context, negative).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return len(index)
    return run


WORDS = dict(word2vecStep=word2vec, gloveStep=glove, word2vecTraining=word2vec_training, gloveTraining=glove_training)
