"""Nearest training images over all 60,000: seconds for the first look and for every later one."""

import time

import torch

from core import checkpoints
from core.data import datasets
from core.measures import feature_neighbours
from core.networks.digits import DigitCNN


def main() -> None:
    """Print the figures, on one thread as in the app."""
    torch.set_num_threads(1)
    model, _ = checkpoints.classifier("digit-cnn")
    assert isinstance(model, DigitCNN)
    train, test = datasets.load("mnist", "train"), datasets.load("mnist", "test")
    started = time.perf_counter()
    atlas = feature_neighbours.atlas(model, train)
    print(f"mapping {len(train):,} training images once: {time.perf_counter() - started:.2f} s")
    for metric in feature_neighbours.METRICS:
        for label, scope in ((None, "all"), (5, "its class")):
            times = []
            for i in range(10):
                started = time.perf_counter()
                feature_neighbours.nearest(atlas, feature_neighbours.maps(model, test.images([i])), metric, label, 8)
                times.append(time.perf_counter() - started)
            print(f"  {metric:6} over {scope:9}: median {sorted(times)[5] * 1000:6.1f} ms")


if __name__ == "__main__":
    main()
