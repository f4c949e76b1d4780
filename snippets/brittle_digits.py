"""Is it because features are brittle? How useful one unit is, and what is left of that at worst, as measured."""

from core.experiments import features
from core.measures.features import COUNT, place

NETWORK = "digit-cnn"
UNIT = "hidden-1"  # or "conv1-1", "conv2-5", "hidden-500"

unit = [f"{layer}-{number + 1}" for layer, number in map(place, range(COUNT))].index(UNIT)
found = features.STORE.get(NETWORK)
if found is None:
    print(f"Not measured yet: python -m core measure features {NETWORK}")
else:
    print(f"{UNIT} of {NETWORK} tells {int(found.label[unit])}s best; n = {found.n:,}, seed {found.seed}, {found.data}")
    for name in ("useful", "at worst"):
        print(f"{name}: {float(found.column(name)[unit]):.2f} ± {float(found.half(name)[unit]):.2f}")
