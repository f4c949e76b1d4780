import pytest
import torch
from skimage.metrics import structural_similarity

from core.data import datasets
from core.data.datasets import Dataset
from core.measures import feature_neighbours
from core.measures.feature_neighbours import Atlas
from core.networks.digits import DigitCNN


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return datasets.sample("mnist", "train")


@pytest.fixture(scope="module")
def atlas(cnn: DigitCNN, sample: Dataset) -> Atlas:
    return feature_neighbours.atlas(cnn, sample)


@pytest.mark.parametrize("metric", feature_neighbours.METRICS)
def test_the_nearest_to_an_image_of_the_atlas_is_itself(
    metric: str, atlas: Atlas, cnn: DigitCNN, sample: Dataset
) -> None:
    for i in (0, 10, 999):
        query = feature_neighbours.maps(cnn, sample.images([i]))
        (first, *_), (score, *_) = feature_neighbours.nearest(atlas, query, metric, None, 3)
        assert first == i
        assert score == pytest.approx(0 if metric == "L2" else 1, abs=1e-3)


@pytest.mark.parametrize("metric", feature_neighbours.METRICS)
def test_within_a_class_only_that_class_best_first(metric: str, atlas: Atlas, cnn: DigitCNN, sample: Dataset) -> None:
    query = feature_neighbours.maps(cnn, sample.images([3]))
    found, scores = feature_neighbours.nearest(atlas, query, metric, 7, 8)
    assert len(found) == 8
    assert all(int(sample.labels[i]) == 7 for i in found)
    assert scores == sorted(scores, reverse=True)
    sevens = (sample.labels == 7).nonzero().flatten()
    assert scores[0] == pytest.approx(float(feature_neighbours.likeness(atlas, query, metric, sevens).max()))


def test_ssim_is_scikit_images(atlas: Atlas, cnn: DigitCNN, sample: Dataset) -> None:
    query = feature_neighbours.maps(cnn, sample.images([3]))
    ours = feature_neighbours.likeness(atlas, query, "SSIM", torch.tensor([5, 6]))
    for i, score in zip((5, 6), ours, strict=True):
        theirs = structural_similarity(atlas.maps[i].numpy(), query[0].numpy(), channel_axis=0, data_range=atlas.span)
        assert float(score) == pytest.approx(float(theirs), abs=1e-5)
