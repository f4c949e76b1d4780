import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from math import ceil, sqrt
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from core import UserError, checkpoints, models
from core.attacks import PGD, ObsAtk
from core.data import datasets
from core.data.datasets import Dataset
from core.experiments import accuracy
from core.measures import metrics
from core.networks.digits import DigitCNN, DigitMLP
from core.networks.unet import ConditionedUNet, UNet
from core.noise import BlindGaussian, Gaussian
from core.params import level
from core.runs import control
from core.training import dead_leaves, loop, pairs, recipes
from core.training.losses import L2, CrossEntropy
from core.types import generator


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return datasets.sample("mnist", "train")


def learn(sample: Dataset, epochs: int, seed: int = 0) -> tuple[models.Network, list[loop.Step]]:
    model = models.build("DigitMLP", seed)
    optimiser = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    steps = epochs * ceil(len(sample) / 50)
    return model, list(
        loop.Fit(model, pairs.labelled(sample, 50), CrossEntropy(), optimiser, epochs=epochs, steps=steps, seed=seed)
    )


def test_it_learns_the_sample_digits(sample: Dataset) -> None:
    model, steps = learn(sample, epochs=15)
    test = datasets.sample("mnist", "test")
    assert isinstance(model, DigitMLP)
    assert float(metrics.correct(accuracy.logits(model, test), test.labels).mean()) > 0.85
    assert steps[-1].loss < 0.3 * steps[0].loss
    assert (steps[-1].step, steps[-1].steps) == (300, 300)


def test_same_seed_same_weights_other_seed_others(sample: Dataset) -> None:
    a, b, c = (learn(sample, 1, seed)[0] for seed in (0, 0, 1))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(a.parameters(), c.parameters(), strict=True))


def test_every_image_is_fed_once_an_epoch_with_its_label(sample: Dataset) -> None:
    batches = list(pairs.labelled(sample, 64)(0, generator(0)))
    x, y = torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])
    assert len(x) == len(sample)

    def key(images: torch.Tensor, labels: torch.Tensor) -> list[tuple[float, int]]:
        return sorted(zip(images.sum((1, 2, 3)).tolist(), labels.tolist(), strict=True))

    assert key(x, y) == key(sample.images(), sample.labels)
    assert not torch.equal(y, sample.labels)


def test_adversarial_pairs_grow_to_full_strength(sample: Dataset) -> None:
    model = DigitCNN()
    attack = PGD(epsilon=0.2, steps=2, step=0.5)
    clean = pairs.labelled(sample, 100)
    attacked = pairs.adversarial(clean, attack, model, ramp=2)
    for epoch, epsilon in ((0, 0.0), (1, 0.1), (2, level(attack)), (5, level(attack))):
        (x, *_), (z, *_) = next(clean(epoch, generator(1))), next(attacked(epoch, generator(1)))
        assert (z - x).abs().max() == pytest.approx(epsilon, abs=1e-5)


def test_an_unknown_recipe_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UserError, match="no recipe 'digit-rnn': choose one of digit-cnn, "):
        recipes.recipe("digit-rnn")


@pytest.fixture(scope="module")
def tiles() -> Dataset:
    return datasets.sample("cifar10", "train").part(slice(0, 256))


def test_noise2noise_feeds_8_bits_towards_other_noise_of_the_same_level_that_keeps_its_mean(tiles: Dataset) -> None:
    batches = list(pairs.noise2noise(pairs.scenes(tiles, 256), BlindGaussian(50.0))(0, generator(0)))
    clean = list(pairs.noise2clean(pairs.scenes(tiles, 256), Gaussian(0.0))(0, generator(0)))
    assert sum(len(x) for x, *_ in batches) == len(tiles)
    for (x, y, *_), (image, again, *_) in zip(batches, clean, strict=True):
        assert torch.equal(image, again)
        assert torch.equal((x * 255).round() / 255, x)
        assert [float(v) for v in x.aminmax()] == [0, 1]
        assert y.min() < 0 < 1 < y.max()
        noise = y - image
        assert noise.mean().abs() < 0.002
        seen, wanted = (n.flatten(1).std(1) for n in (x - image, noise))
        middle = image.flatten(1).std(1) < 0.2  # little is clipped
        assert ((seen / wanted)[middle] - 1).abs().median() < 0.2
        assert abs(float(((x - image) * noise).mean())) < 0.0005  # independent


def test_two_levels_a_pair_differ_and_one_does_not(tiles: Dataset) -> None:
    def ratio(levels: int) -> float:
        feed = pairs.noise2noise(pairs.scenes(tiles, 256), BlindGaussian(50.0), 1.0, levels)
        clean, *_ = next(pairs.noise2clean(pairs.scenes(tiles, 256), Gaussian(0.0))(0, generator(0)))
        x, y, *_ = next(feed(0, generator(0)))
        one, other = ((noisy - clean).flatten(1).std(1) for noisy in (x, y))
        return float((one / other).log().abs().median())

    assert ratio(1) < 0.03
    assert ratio(2) > 0.3


def test_a_share_of_what_goes_in_is_left_unclipped(tiles: Dataset) -> None:
    x, *_ = next(pairs.noise2noise(pairs.scenes(tiles, 256), Gaussian(100.0), 0.25)(0, generator(0)))
    left = (x.flatten(1).amin(1) < 0) | (x.flatten(1).amax(1) > 1)
    assert 0.15 < float(left.float().mean()) < 0.35
    assert torch.equal((x[~left] * 255).round() / 255, x[~left])


def test_a_share_of_each_batch_is_dead_leaves(tiles: Dataset) -> None:
    pool = dead_leaves.pool(3, 32)
    assert torch.equal(pool[:512], (255 * dead_leaves.draw(512, 3, 32, generator(dead_leaves.SEED))).round().byte())
    x, *_ = next(pairs.scenes(tiles, 64, 0.25)(generator(0)))
    drawn = {bytes(image.numpy().tobytes()) for image in pool}
    known = [bytes((255 * image).round().byte().numpy().tobytes()) in drawn for image in x]
    assert known == [False] * 48 + [True] * 16


def test_labels_go_along_and_nothing_is_said_of_dead_leaves_of_a_share_and_of_a_sample(tiles: Dataset) -> None:
    """To say what an image shows draws nothing: the images, their noise and targets are those of a training without labels."""
    numbered = replace(tiles, labels=torch.arange(len(tiles)) % 10, full=True)
    plain, told = (
        list(next(pairs.noise2noise(pairs.scenes(numbered, 64, 0.25, told), BlindGaussian(50.0))(0, generator(0))))
        for told in (False, True)
    )
    *same, labels = map(torch.as_tensor, told)
    assert all(torch.equal(torch.as_tensor(one), other) for one, other in zip(plain, same, strict=True))
    order = torch.randperm(len(tiles), generator=generator(0))[:64]
    silent = [*range(13), *range(48, 64)]
    assert labels[silent].tolist() == [ConditionedUNet.UNTOLD] * 29
    assert torch.equal(labels[13:48], numbered.labels[order[13:48]])
    _, *labels_of_sample = next(pairs.scenes(tiles, 64, told=True)(generator(0)))
    assert [row.tolist() for row in labels_of_sample] == [[ConditionedUNet.UNTOLD] * 64]


def test_half_of_each_batch_is_under_an_attack_that_knows_only_the_noisy_images(tiles: Dataset) -> None:
    plain = pairs.noise2noise(pairs.scenes(tiles, 32), BlindGaussian(50.0), 0.5)
    attack = ObsAtk(1.1, steps=2, step=0.5)

    def blur(z: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(z, 3, 1, 1)

    (x, y, *_), (z, target, *_) = (next(feed(0, generator(1))) for feed in (plain, pairs.hybrid(plain, attack, blur)))
    assert torch.equal(y, target)
    assert torch.equal(x[1::2], z[1::2])
    clipped = x[::2].clamp(0, 1)
    added = metrics.l2(z[::2], clipped)
    assert 0.8 < float(added.min()) <= float(added.max()) < 1.1 + 1e-5
    assert (z[::2] - clipped).mean((1, 2, 3)).abs().max() < 1e-5
    chance = clipped + 1.1 / sqrt(clipped[0].numel()) * torch.randn(clipped.shape, generator=generator(0))
    assert (metrics.l2(blur(z[::2]), blur(clipped)) > 2 * metrics.l2(blur(chance), blur(clipped))).all()
    again = [next(pairs.hybrid(plain, attack, blur)(0, generator(k)))[0] for k in (1, 2)]
    assert torch.equal(again[0], z)
    assert not torch.equal(again[1], z)


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32)])
def test_dead_leaves_have_edges_of_every_strength_and_come_again_with_their_seed(channels: int, side: int) -> None:
    x = dead_leaves.draw(64, channels, side, generator(0))
    assert x.shape == (64, channels, side, side)
    assert 0 <= float(x.min()) < 0.01 < 0.99 < float(x.max()) <= 1
    steps = (x[..., 1:] - x[..., :-1]).abs()
    assert float((steps < 1 / 255).float().mean()) > 0.4  # flat, mostly
    assert float((steps > 0.5).float().mean()) > 0.01  # and sharp
    assert torch.equal(x, dead_leaves.draw(64, channels, side, generator(0)))
    assert not torch.equal(x, dead_leaves.draw(64, channels, side, generator(1)))


def test_targets_keep_the_mean_that_clipping_would_lose(tiles: Dataset) -> None:
    _, y, *_ = next(pairs.noise2noise(pairs.scenes(tiles, 256), Gaussian(100.0))(0, generator(0)))
    assert abs(float(y.mean() - tiles.images().mean())) < 0.003
    assert abs(float(y.clamp(0, 1).mean() - tiles.images().mean())) > 0.01


def test_quiet_images_weigh_more(tiles: Dataset) -> None:
    one, image = tiles.images(), tiles.images()
    one = one.clone()
    one[0] += 0.2
    weights = pairs.weights(one, image)
    assert weights[0] == pytest.approx(1 / (0.2 + 3 / 255), rel=1e-4)
    assert weights[1] == pytest.approx(85)


def test_a_denoiser_learns_from_noisy_pairs_alone_and_ends_with_its_average(tiles: Dataset) -> None:
    model = models.build("UNet", 0)
    assert isinstance(model, UNet)
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    scores = iter([1.0, 3.0, 2.0])
    seen: list[torch.Tensor] = []

    def validate(net: torch.nn.Module) -> float:
        seen.append(next(net.parameters()).clone())
        return next(scores)

    feed, averaged = pairs.noise2noise(pairs.scenes(tiles, 64), Gaussian(50.0)), loop.average(model)
    settings: Any = dict(epochs=3, steps=12, seed=0, averaged=averaged, validate=validate, clip=1.0)
    steps = list(loop.Fit(model, feed, L2(), optimiser, **settings))
    assert [s.score for s in steps if s.score] == [1.0, 3.0, 2.0]
    assert torch.equal(next(model.parameters()), seen[2])
    assert steps[-1].loss < steps[0].loss


def test_weights_and_progress_reach_the_loss_and_gradients_are_clipped(tiles: Dataset) -> None:
    """A batch that weighs nothing teaches nothing; of an exploding loss, a step of plain descent is as long as `clip` allows."""

    class Spy:
        seen: ClassVar[list[float]] = []

        def __call__(self, output: torch.Tensor, target: torch.Tensor, progress: float) -> torch.Tensor:
            self.seen.append(progress)
            return 1e6 * (output - target).square().mean((1, 2, 3))

    def step(weight: float, clip: float) -> float:
        model = torch.nn.Conv2d(3, 3, 1)
        before = [p.detach().clone() for p in model.parameters()]
        batches = [(tiles.images(slice(0, 8)), torch.zeros(8, 3, 32, 32), torch.full((8,), weight))]
        optimiser = torch.optim.SGD(model.parameters(), 1.0)
        list(loop.Fit(model, lambda *_: iter(batches), Spy(), optimiser, epochs=2, steps=2, seed=0, clip=clip))
        moved = [float((p.detach() - q).square().sum()) for p, q in zip(model.parameters(), before, strict=True)]
        return sqrt(sum(moved))

    assert step(0.0, 0.0) == 0
    assert Spy.seen == [0.0, 0.5]
    assert step(1.0, 0.0) > 100
    assert step(1.0, 0.5) <= 1.0001


def test_a_training_that_diverges_says_so(tiles: Dataset) -> None:
    model = torch.nn.Conv2d(3, 3, 1)
    feed, optimiser = (
        pairs.noise2noise(pairs.scenes(tiles, 64), Gaussian(50.0)),
        torch.optim.SGD(model.parameters(), 0.1),
    )
    fit = loop.Fit(model, feed, L2(), optimiser, epochs=1, steps=1, seed=0, validate=lambda _: float("nan"))
    with pytest.raises(UserError, match="The training has diverged"):
        list(fit)


def test_the_average_follows_fast_at_first_and_slowly_later() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    averaged = loop.average(model, decay=0.9)
    kept = 0.0
    for step in range(50):
        torch.nn.init.constant_(model.weight, float(step))
        averaged.update_parameters(model)
        decay = min(0.9, (1 + step) / (10 + step))
        kept = step if step == 0 else decay * kept + (1 - decay) * step
        assert next(averaged.module.parameters()).item() == pytest.approx(kept, rel=1e-4)


@pytest.mark.parametrize("name", [r.name for r in recipes.RECIPES.values() if isinstance(r, recipes.Denoising)])
def test_a_recipe_can_be_read_back_from_what_a_card_keeps(name: str) -> None:
    from core import params
    from core.noise import BLIND, NOISES
    from core.training.losses import LOSSES

    recipe = recipes.RECIPES[name]
    assert isinstance(recipe, recipes.Denoising)
    kept = recipes.record(recipe)
    assert params.parse(kept["noise"], {**NOISES, **BLIND}) == recipe.noise
    assert params.parse(kept["loss"], LOSSES) == recipe.loss


@pytest.mark.parametrize("name", ["n2n-gaussian-50-told", "n2n-gaussian-50-robust"])
def test_what_continues_from_the_plain_network_begins_by_being_it_and_learns(name: str, tiles: Dataset) -> None:
    recipe = recipes.RECIPES[name]
    assert isinstance(recipe, recipes.Denoising)
    assert recipes.parse(json.loads(json.dumps(recipes.provenance(recipe)))) == recipe
    model, (start, _) = recipes.untrained(recipe), checkpoints.denoiser(recipe.start)
    x = tiles.images(slice(0, 4))
    assert torch.equal(models.freeze(model)(x), start(x))
    model.requires_grad_(True)
    numbered = replace(tiles, labels=torch.arange(len(tiles)) % 10, full=True)
    steps = list(recipes.train(replace(recipe, epochs=1, batch=128), model, numbered))
    assert [step.step for step in steps] == [1, 2]
    assert steps[-1].score is not None
    assert not torch.equal(model(x), start(x))
    if isinstance(model, ConditionedUNet):
        assert (model.labels.weight != 0).any(1).all()


def test_muon_steps_along_the_kernels_within_and_adamw_along_all_else() -> None:
    model = models.build("DigitUNet", 0)
    kernels, others = recipes.OPTIMISERS["Muon"](model, 1e-3, 0.3).param_groups
    names = {p: name for name, p in model.named_parameters()}
    assert [g["use_muon"] for g in (kernels, others)] == [True, False]
    assert {names[p] for p in kernels["params"]} == {n for n in names.values() if n.endswith("weight")} - recipes.ENDS
    assert {*kernels["params"], *others["params"]} == set(model.parameters())


@pytest.mark.parametrize(
    ("optimiser", "stopped"), [*(("AdamW", k) for k in (0, 1, 3, 4, 5, 11)), ("Muon", 3), ("Muon", 5)]
)
def test_a_training_that_goes_on_ends_with_the_same_weights_to_the_last_bit(
    tiles: Dataset, optimiser: str, stopped: int
) -> None:
    """Weights, average, optimiser, schedule, random stream and place in the epoch, through a file that holds no code."""

    def begin() -> tuple[models.Network, loop.Fit]:
        model = models.build("DigitUNet", 0)
        images = Dataset("mnist", "train", tiles.pixels[:, :1], tiles.labels, tiles.classes, False, "")
        moved = recipes.OPTIMISERS[optimiser](model, 1e-3, 0.3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(moved, 1e-3, 12, cycle_momentum=False)
        clean = images.images(slice(0, 32))
        feed = pairs.noise2noise(pairs.scenes(images, 64, 0.25), BlindGaussian(50.0), 0.5)
        settings: Any = dict(epochs=3, steps=12, seed=0, averaged=loop.average(model), clip=1.0)
        score = lambda m: -float((m(clean) - clean).detach().square().mean())  # noqa: E731
        return model, loop.Fit(model, feed, L2(), moved, schedule=schedule, validate=score, **settings)

    whole, fit = begin()
    straight = [step.loss for step in fit]
    _, fit = begin()
    losses = [step.loss for _, step in zip(range(stopped), fit, strict=False)]
    file = io.BytesIO()
    torch.save(fit.state(), file)
    again, fit = begin()
    fit.load(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    losses += [step.loss for step in fit]
    assert losses == straight
    assert all(torch.equal(p, q) for p, q in zip(whole.parameters(), again.parameters(), strict=True))


def test_no_step_waits_for_its_loss(tiles: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss is read back when somebody asks, not at every step: on a GPU that would wait for it."""
    model = torch.nn.Conv2d(3, 3, 1)
    fit = loop.Fit(
        model, pairs.noise2noise(pairs.scenes(tiles, 64), Gaussian(50.0)), L2(), torch.optim.SGD(model.parameters(), 0.1),
        epochs=1, steps=4, seed=0, clip=1.0,
    )  # fmt: skip
    with monkeypatch.context() as during:
        for name in ("item", "__float__", "__bool__", "tolist"):
            during.setattr(torch.Tensor, name, None)
        steps = list(fit)
    assert len({step.loss for step in steps}) == 4


@pytest.mark.sample
def test_two_processes_train_to_the_same_loss_as_one(tmp_path: Path) -> None:
    """Over gloo, on this machine's processor: each takes half of every batch."""
    found = []
    for devices in (1, 2):
        file = tmp_path / f"{devices}.json"
        command = [sys.executable, "-m", "tests.shares", str(devices), str(file)]
        root, environment = Path(__file__).parents[1], {**os.environ, **control.KEPT}
        subprocess.run(command, check=True, timeout=300, cwd=root, env=environment, capture_output=True)
        found.append([json.loads(line) for line in file.read_text().splitlines()])
    for one, two in zip(*found, strict=True):
        assert len(one) > 10
        assert two == pytest.approx(one, rel=2e-3)
