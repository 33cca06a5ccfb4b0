"""GPT-2 and BERT as Hugging Face stores them: tiny checkpoints under its names, and the logits its formulas give.

The formulas are written out from the papers and the documented layouts (GPT-2's matrices are [in, out], BERT's
[out, in]); no model library is used. `options` is the checkpoint's config.json.
"""

import math

import numpy as np
import torch

from golden import Draw, case, float32


def layer_norm(x, weight, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias


ACTIVATIONS = {
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "relu": lambda x: x.clamp(min=0),
    "tanh": torch.tanh,
}


def attention(query, key, value, heads, seen):
    """softmax(q k / sqrt(size)) v over each head; `seen` broadcasts to [batch, heads, queries, keys]."""
    batch, length, width = query.shape
    q, k, v = (x.reshape(batch, length, heads, width // heads).transpose(1, 2) for x in (query, key, value))
    scores = q @ k.transpose(2, 3) / math.sqrt(width // heads)
    weights = scores.masked_fill(~seen, -math.inf).softmax(-1)
    return (weights @ v).transpose(1, 2).reshape(batch, length, width)


def gpt2(config, prefix):
    def compute(x, state):
        get = lambda name: state[prefix + name]
        norm = lambda y, name: layer_norm(y, get(f"{name}.weight"), get(f"{name}.bias"), config["layer_norm_epsilon"])
        affine = lambda y, name: y @ get(f"{name}.weight") + get(f"{name}.bias")
        ids = x["inputIds"]
        length, width = ids.shape[1], config["n_embd"]
        seen = torch.ones(length, length, dtype=torch.bool).tril()[None, None]
        if "attentionMask" in x:
            seen = seen & (x["attentionMask"] != 0)[:, None, None, :]
        y = get("wte.weight")[ids] + get("wpe.weight")[:length]
        for i in range(config["n_layer"]):
            q, k, v = affine(norm(y, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn").split(width, -1)
            y = y + affine(attention(q, k, v, config["n_head"], seen), f"h.{i}.attn.c_proj")
            inner = ACTIVATIONS[config["activation_function"]](affine(norm(y, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc"))
            y = y + affine(inner, f"h.{i}.mlp.c_proj")
        head = state["lm_head.weight"] if "lm_head.weight" in state else get("wte.weight")
        return norm(y, "ln_f") @ head.T

    return compute


def gpt2_shapes(config, prefix):
    width, inner, positions = config["n_embd"], config.get("n_inner") or 4 * config["n_embd"], config["n_positions"]
    yield "wte.weight", (config["vocab_size"], width)
    yield "wpe.weight", (positions, width)
    for i in range(config["n_layer"]):
        for name, shape in (
            ("ln_1", (width,)),
            ("attn.c_attn", (width, 3 * width)),
            ("attn.c_proj", (width, width)),
            ("ln_2", (width,)),
            ("mlp.c_fc", (width, inner)),
            ("mlp.c_proj", (inner, width)),
        ):
            yield f"h.{i}.{name}.weight", shape
            yield f"h.{i}.{name}.bias", shape[-1:]
        if not prefix:  # older files carry the causal mask
            yield f"h.{i}.attn.bias", (1, 1, positions, positions)
    yield "ln_f.weight", (width,)
    yield "ln_f.bias", (width,)


def bert_hidden(config, state, x, weight, bias):
    """`weight` and `bias` are the names of a layer norm's two parameters, which changed over time."""
    get = lambda name: state[f"bert.{name}"]
    norm = lambda y, name: layer_norm(y, get(f"{name}.{weight}"), get(f"{name}.{bias}"), config["layer_norm_eps"])
    affine = lambda y, name: y @ get(f"{name}.weight").T + get(f"{name}.bias")
    ids = x["inputIds"]
    seen = (x["attentionMask"] != 0)[:, None, None, :]
    y = get("embeddings.word_embeddings.weight")[ids]
    y = y + get("embeddings.position_embeddings.weight")[: ids.shape[1]]
    y = norm(y + get("embeddings.token_type_embeddings.weight")[x["segmentIds"]], "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        q, k, v = (affine(y, f"{at}.attention.self.{name}") for name in ("query", "key", "value"))
        attended = affine(attention(q, k, v, config["num_attention_heads"], seen), f"{at}.attention.output.dense")
        y = norm(attended + y, f"{at}.attention.output.LayerNorm")
        inner = ACTIVATIONS[config["hidden_act"]](affine(y, f"{at}.intermediate.dense"))
        y = norm(affine(inner, f"{at}.output.dense") + y, f"{at}.output.LayerNorm")
    return y


def bert_classes(config):
    def compute(x, state):
        first = bert_hidden(config, state, x, "weight", "bias")[:, 0]
        pooled = torch.tanh(first @ state["bert.pooler.dense.weight"].T + state["bert.pooler.dense.bias"])
        return pooled @ state["classifier.weight"].T + state["classifier.bias"]

    return compute


def bert_tokens(config):
    def compute(x, state):
        get = lambda name: state[f"cls.predictions.{name}"]
        hidden = bert_hidden(config, state, x, "gamma", "beta") @ get("transform.dense.weight").T
        hidden = ACTIVATIONS[config["hidden_act"]](hidden + get("transform.dense.bias"))
        gamma, beta = get("transform.LayerNorm.gamma"), get("transform.LayerNorm.beta")
        hidden = layer_norm(hidden, gamma, beta, config["layer_norm_eps"])
        return hidden @ state["bert.embeddings.word_embeddings.weight"].T + get("bias")

    return compute


def bert_shapes(config, weight, bias):
    width, inner = config["hidden_size"], config["intermediate_size"]
    yield "bert.embeddings.word_embeddings.weight", (config["vocab_size"], width)
    yield "bert.embeddings.position_embeddings.weight", (config["max_position_embeddings"], width)
    yield "bert.embeddings.token_type_embeddings.weight", (config["type_vocab_size"], width)
    norms = ["bert.embeddings.LayerNorm"]
    affine = [("bert.pooler.dense", (width, width))]
    for i in range(config["num_hidden_layers"]):
        at = f"bert.encoder.layer.{i}"
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
        affine += [(f"{at}.attention.self.{name}", (width, width)) for name in ("query", "key", "value")]
        affine += [
            (f"{at}.attention.output.dense", (width, width)),
            (f"{at}.intermediate.dense", (inner, width)),
            (f"{at}.output.dense", (width, inner)),
        ]
    for name in norms:
        yield f"{name}.{weight}", (width,)
        yield f"{name}.{bias}", (width,)
    for name, shape in affine:
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]


def drawn(op, label, shapes):
    """Values by name: the weights of norms around one, all else around zero."""
    norms = ("ln_1.weight", "ln_2.weight", "ln_f.weight", "LayerNorm.weight", "gamma")
    around = lambda name: 1.0 if name.endswith(norms) else 0.0
    draw = lambda name, shape: Draw(f"{op} {label} {name}").normal(*shape, scale=0.3)
    return {name: float32(draw(name, shape) + around(name)) for name, shape in shapes}


GPT2 = {
    "model_type": "gpt2",
    "vocab_size": 13,
    "n_positions": 7,
    "n_embd": 8,
    "n_head": 2,
    "n_layer": 2,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-05,
    "resid_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "attn_pdrop": 0.1,
}
BERT = {
    "model_type": "bert",
    "vocab_size": 13,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 7,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
}


def cases():
    ids = Draw("pretrained ids").integers(0, 13, 2, 6)
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    segments = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 0, 0]])

    label = "as GPT-2's own file"
    state = drawn("gpt2", label, gpt2_shapes(GPT2, ""))
    yield case("gpt2", label, {"inputIds": ids}, gpt2(GPT2, ""), GPT2, state, gradients=False)

    label = "prefixed, its own output layer, padding"
    config = {**GPT2, "n_inner": 20, "activation_function": "relu", "tie_word_embeddings": False}
    shapes = [(f"transformer.{name}", shape) for name, shape in gpt2_shapes(config, "transformer.")]
    state = drawn("gpt2", label, [*shapes, ("lm_head.weight", (13, 8))])
    inputs = {"inputIds": ids, "attentionMask": mask}
    yield case("gpt2", label, inputs, gpt2(config, "transformer."), config, state, gradients=False)

    inputs = {"inputIds": ids, "attentionMask": mask, "segmentIds": segments}
    label = "three classes"
    config = {**BERT, "id2label": {"0": "a", "1": "b", "2": "c"}}
    head = [("classifier.weight", (3, 8)), ("classifier.bias", (3,))]
    state = drawn("bertClassifier", label, [*bert_shapes(config, "weight", "bias"), *head])
    yield case("bertClassifier", label, inputs, bert_classes(config), config, state, gradients=False)

    label = "old names of norms, with the head of the other task"
    head = [
        ("cls.predictions.bias", (13,)),
        ("cls.predictions.transform.dense.weight", (8, 8)),
        ("cls.predictions.transform.dense.bias", (8,)),
        ("cls.predictions.transform.LayerNorm.gamma", (8,)),
        ("cls.predictions.transform.LayerNorm.beta", (8,)),
        ("cls.seq_relationship.weight", (2, 8)),
        ("cls.seq_relationship.bias", (2,)),
    ]
    state = drawn("bertMaskedLM", label, [*bert_shapes(BERT, "gamma", "beta"), *head])
    yield case("bertMaskedLM", label, inputs, bert_tokens(BERT), BERT, state, gradients=False)
