"""The pages, in one table: the navigation, the cards of the first page and the tests read it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Entry:
    """One page: its file in pages/, which is also its address; its section; and what the first page says of it.

    `title` is its name in the navigation, `asks` on its card where that says more. An entry without `about` has no card.
    """

    name: str
    section: str
    title: str
    icon: str
    about: str = ""
    asks: str = ""

    @property
    def file(self) -> Path:
        """Return the page's script."""
        return ROOT / "pages" / f"{self.name}.py"

    @property
    def address(self) -> str:
        """Return its path in the address bar; that of the first page is empty."""
        return "" if self is PAGES[0] else self.file.stem


PAGES: tuple[Entry, ...] = (
    Entry("home", "Look", "Start here", "home"),
    Entry("see", "Look", "What does the network see?", "visibility", "Every layer of the network, on any digit, also one you draw yourself."),
    Entry("inside", "Look", "What happens inside?", "account_tree", "Each network drawn, and what every block makes of a picture."),
    Entry("learned", "Look", "What has it learned?", "school", "Its filters, and the digits that excite each most."),
    Entry("similar", "Look", "Which images are alike?", "compare", "What a fooled network is reminded of.", asks="Which training images look like this?"),
    Entry("train", "Train", "How does a network learn?", "model_training", "Launch a run, watch its curve, stop it, and keep the network."),
    Entry("denoise", "Denoise", "Can it see through the noise?", "blur_off", "Networks that clean a photograph, taught by noisy ones."),
    Entry("learn", "Denoise", "How can it learn from noise alone?", "casino", "Training pairs, photons, and what a loss settles on."),
    Entry("pixels", "Attack", "How few pixels are enough?", "colorize", "One pixel, searched for; and every pixel tried."),
    Entry("fooled", "Attack", "Can a denoiser be fooled?", "bolt", "Drag through an attack, beside chance as strong."),
    Entry("directions", "Attack", "Which direction hurts most?", "explore", "The worst one there is, beside attacks and chance."),
    Entry("alike", "Attack", "Is adversarial noise like noise?", "graphic_eq", "Values, frequencies, neighbours, and the reason why."),
    Entry("brittle", "Attack", "Is it because features are brittle?", "broken_image", "Useful units, robust units, and which of them attacks move."),
    Entry("defence", "Attack", "Is a denoiser a defence?", "shield", "Against an attacker who knows of it, and one who does not."),
    Entry("certificate", "Attack", "Can an answer be guaranteed?", "verified", "A vote under noise, what no attack can change, and one that tries."),
    Entry("linear", "Why", "Is it because they are linear?", "show_chart", "Logits along a line, units at their kinks, layers, sizes.", asks="Is it because networks are linear?"),
    Entry("break", "Measure", "How fast does it break?", "trending_down", "Accuracy over 10,000 digits, beside what was published."),
    Entry("quality", "Measure", "How well, on ten thousand images?", "bar_chart", "Which pictures gain, and which are made worse."),
    Entry("often", "Measure", "How often is it fooled?", "ssid_chart", "The study's ratio, and the worst attack at one budget for all."),
    Entry("transfer", "Measure", "Does it transfer?", "swap_horiz", "What an attack on one denoiser costs the others."),
    Entry("study", "Measure", "The study, re-measured", "menu_book", "Every figure it reports beside the same figure measured here."),
    Entry("cards", "Measure", "Cards", "badge", "Their recipes, training curves, scores, and a download.", asks="Which networks are here?"),
)  # fmt: skip
