"""A picture under attack, step by step: waited for, or looked at while the page goes on."""

from collections.abc import Callable, Iterator

from app import cache
from app.inputs import Photo, Trained
from app.parts import looked
from app.turns import watched
from core.attacks import DenoiserAttack
from core.experiments import attack_path
from core.experiments.attack_path import Timeline

Work = tuple[
    object, Callable[[], Iterator[float | Timeline]], str
]  # what it is known by, its steps, and what is said of it


def attacked(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo) -> Timeline:
    """Attack a picture under the noise its denoiser was made for; the steps are kept."""
    return watched(*_work(trained, photo, attack, seed, aim))


def packed(
    trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo
) -> tuple[bytes, Timeline] | None:
    """Return the steps of an attack, also packed for the browser, when they are done; until then say how far it is."""
    found = looked(*_work(trained, photo, attack, seed, aim))
    return (cache.timeline(trained, photo, attack, seed, aim, found), found) if found else None


def _work(trained: Trained, photo: Photo, attack: DenoiserAttack, seed: int, aim: Photo) -> Work:
    def steps() -> Iterator[float | Timeline]:
        x = attack_path.shrunk(cache.image(photo))
        target = attack_path.aimed(cache.image(aim), x)
        return attack_path.run(cache.denoiser(trained), attack, x, trained.noise.nominal, seed, target)

    return ("attacked", trained, photo, repr(attack), seed, aim), steps, f"Attacking {trained.title}"
