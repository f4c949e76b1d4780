"""Rewrite the golden scores: `python -m tests.golden`, with the full MNIST at hand."""

import json

from tests.test_checkpoints import GOLDEN, golden

GOLDEN.write_text(json.dumps(golden(), indent=2) + "\n")
