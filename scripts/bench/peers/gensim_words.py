"""gensim's skip-gram: `gensim_words.py WORKERS`."""
import os
import sys
import tempfile
import gensim
from gensim.models import Word2Vec
from peer import serve, text

WORKERS = int(sys.argv[1])


def word2vec_training(s):
    folder = tempfile.TemporaryDirectory()
    path = os.path.join(folder.name, 'text.txt')
    with open(path, 'w') as f:
        f.writelines(f'{line}\n' for line in text(s))

    def run():
        # By the folder's name: it lives as long as what names it.
        with open(os.path.join(folder.name, 'text.txt')) as f:
            lines = [line.split() for line in f]
        return Word2Vec(
            lines, sg=1, vector_size=s['width'], window=s['window'], negative=s['negatives'], ns_exponent=0.75,
            sample=s['sample'] / 1000, min_count=s['minCount'], alpha=0.025, min_alpha=2.5e-6, epochs=s['epochs'],
            workers=WORKERS, seed=1)
    return run


serve(gensim.__version__, WORKERS, dict(word2vecTraining=word2vec_training), lambda model: len(model.wv))
