"""Is it because networks are linear? Linear models that tell 3 from 7 at several sizes of the picture, as measured."""

from core.experiments import input_sizes

for one in sorted(input_sizes.STORE.current().values(), key=lambda one: one.side):
    told = ", ".join(f"{w} {100 * hits / one.n:.1f} %" for w, hits in zip(input_sizes.HITS, one.hits, strict=True))
    print(f"{one.side} x {one.side}, n = {one.n:,}: right {told}; epsilon m n / spread {one.moved / one.spread:.2f}")
