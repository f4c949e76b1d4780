"""Randomised smoothing (Cohen et al. 2019): the class a classifier answers most often under noise, and how far that is guaranteed.

For a classifier f, g(x) is the class most likely among f(x + n), n ~ N(0, sigma^2) for every value. If f answers g(x) with a
probability of at least p > 1/2, then g(x + d) = g(x) for every change d shorter, in L2, than sigma Phi^-1(p) (Theorem 1, the
other classes bounded by 1 - p). The noise is not clipped: the theorem is about just this noise. What f then does, clip, denoise
or compute in bfloat16, is f's own affair and costs the guarantee nothing, as long as f answers the same image the same way.

It is a theorem of real numbers. In floating point x + n is not quite Gaussian, and classifiers and images can be made up for
which that matters (Voráček and Hein 2023); and a network may round a little differently in a batch of another size.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Generator, Tensor

from core.types import Images, Labels, Model

ALPHA = 0.001  # how likely a bound, or a verdict, may be wrong
FIRST = 100  # votes that choose the class
CHUNK = 250  # votes at once: what fits a processor's cache

Votes = Int64[Tensor, "n k"]  # how often each class was answered
Chances = Float[Tensor, " n"]


@dataclass(frozen=True, eq=False)
class Certificate:
    """What a smoothed classifier answers to each image, chosen by the first votes, and what others, independent of those, say of it."""

    sigma: float
    answer: Labels
    votes: Votes
    alpha: float = ALPHA

    @property
    def hits(self) -> Labels:
        """Count the votes for the answer."""
        return self.votes.gather(1, self.answer[:, None])[:, 0]

    @property
    def p(self) -> Chances:
        """Bound the probability of the answer from below."""
        return lower_bound(self.hits, int(self.votes[0].sum()), self.alpha)

    @property
    def abstains(self) -> Bool[Tensor, " n"]:
        """Say where no answer is given, for it may be less likely than all others together."""
        return self.p <= 0.5

    @property
    def radius(self) -> Chances:
        """Return the L2 within which no change alters the answer, but for a chance of alpha; 0 where it abstains."""
        return radius(self.p, self.sigma)


@torch.no_grad()
def votes(model: Model, x: Images, sigma: float, draws: int, rng: Generator) -> Votes:
    """Count what `model` answers to each image under so many draws of noise, each image under its own."""

    def count(image: Images, size: int) -> Votes:
        n = torch.randn((size, *image.shape[1:]), generator=rng).to(x.device)
        logits = model(image + sigma * n)
        return F.one_hot(logits.argmax(1), logits.shape[1]).sum(0, keepdim=True)

    sizes = [min(CHUNK, draws - done) for done in range(0, draws, CHUNK)]
    return torch.cat([torch.stack([count(image, size) for size in sizes]).sum(0) for image in x.split(1)])


def certify(model: Model, x: Images, sigma: float, draws: int, rng: Generator, alpha: float = ALPHA) -> Certificate:
    """Certify the answers of a smoothed classifier (Cohen et al.'s CERTIFY): FIRST votes choose the class, `draws` others bound it."""
    answer = votes(model, x, sigma, FIRST, rng).argmax(1)
    return Certificate(sigma, answer, votes(model, x, sigma, draws, rng), alpha)


def lower_bound(counts: Labels, n: int, alpha: float = ALPHA) -> Chances:
    """Bound from below the probability of what came about so many times in n (Clopper and Pearson 1934, one-sided).

    The truth is lower with a probability of alpha at most. In float64.

    >>> round(float(lower_bound(torch.tensor([1000]), 1000)), 4)  # 0.001 ** (1 / 1000)
    0.9931
    """
    from scipy.special import betaincinv

    k = counts.double().cpu()
    bound = torch.from_numpy(betaincinv(k.clamp(min=1).numpy(), (n - k + 1).numpy(), alpha))
    return torch.where(k > 0, bound, 0.0).to(counts.device)


def radius(p: Chances, sigma: float) -> Chances:
    """Return the radius sigma Phi^-1(p) that a lower bound p guarantees; 0 where p is 1/2 or less."""
    return sigma * torch.special.ndtri(p.clamp(min=0.5))  # type: ignore[no-any-return]


def overtakes(votes: Votes, y: Labels, other: Labels, alpha: float = ALPHA) -> Bool[Tensor, " n"]:
    """Say where another class, chosen without these votes, is more likely than `y`: a one-sided binomial test at alpha.

    It is Cohen et al.'s PREDICT, of the votes that either class had, for two classes that are known beforehand.
    """
    from scipy.special import betainc

    mine, its = (votes.gather(1, labels[:, None])[:, 0].double().cpu() for labels in (y, other))
    tail = betainc(its.clamp(min=1).numpy(), (mine + 1).numpy(), 0.5)  # chance of so many or more, were both as likely
    return ((torch.from_numpy(tail) <= alpha) & (its > 0)).to(votes.device)
