"""Activations of labelled texts."""

import numpy as np

WIDTH = 80


def texts(seed, signal, labels=6, each=20, groups=None, noise=1.0):
    """(vectors, labels, groups): every text has its label's direction times `signal`, its group's, and noise."""
    generator = np.random.default_rng(seed)
    own = signal * generator.standard_normal((labels, WIDTH))
    label = np.repeat(np.arange(labels), each)
    group = np.tile(np.arange(each) % (groups or 1), labels)
    about = 2 * generator.standard_normal((groups or 1, WIDTH))
    vectors = 4 + own[label] + about[group] + noise * generator.standard_normal((len(label), WIDTH))
    return vectors, [f"label {one}" for one in label], group.tolist()


def names(labels):
    return [f"label {one}" for one in range(labels)]
