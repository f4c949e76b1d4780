"""How does a network learn? A recipe, epoch by epoch; `python -m core train NAME` keeps what it learns, and can be stopped."""

from core.data import datasets
from core.runs import folder
from core.training import recipes

RUN = ""  # of the training page: the same recipe again

recipe = folder.read(RUN).recipe if RUN else recipes.recipe("digit-cnn")
model = recipes.untrained(recipe)
fit = recipes.train(recipe, model, datasets.load(recipe.dataset, "train"))
losses = []
for step in fit:
    losses.append(step.loss)
    if fit.between:  # two epochs
        print(f"step {step.step} of {step.steps}: mean loss {sum(losses) / len(losses):.4f}, score {step.score}")
        losses = []
