"""The pages, in one table of chapters: the navigation, the first page, the titles and the tests read it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Entry:
    """One page: its file in pages/, which is also its address; its chapter; the question it asks; and what answers it.

    `title` is what the row of its chapter calls it.
    """

    name: str
    chapter: str
    title: str
    icon: str
    asks: str
    about: str

    @property
    def file(self) -> Path:
        """Return the page's script."""
        return ROOT / "pages" / f"{self.name}.py"

    @property
    def address(self) -> str:
        """Return its path in the address bar; that of the first page is empty."""
        return "" if self is PAGES[0] else self.file.stem


INSIDE, DIGITS, CLEAN, NOISE = "Look inside", "Fool a classifier", "Clean a photograph", "Learn from noise"
DENOISERS, WHY, TRAIN, EVIDENCE = "Fool a denoiser", "Why?", "Train your own", "Evidence"

PAGES: tuple[Entry, ...] = (
    Entry("home", "Start", "Start", "home", "Can you write a digit it cannot read?", "Draw one: it is read, and attacked, while you draw."),
    Entry("see", INSIDE, "Every layer", "visibility", "What does the network see?", "Every layer of the network, on any digit, also one you draw yourself."),
    Entry("inside", INSIDE, "Every block", "account_tree", "What happens inside?", "Each network drawn, and what every block makes of a picture."),
    Entry("learned", INSIDE, "Filters", "school", "What has it learned?", "Its filters, and the digits that excite each most."),
    Entry("similar", INSIDE, "Look-alikes", "compare", "Which training images look like this?", "What a fooled network is reminded of."),
    Entry("pixels", DIGITS, "Few pixels", "colorize", "How few pixels are enough?", "One pixel, searched for; and every pixel tried."),
    Entry("break", DIGITS, "How fast", "trending_down", "How fast does it break?", "Accuracy over 10,000 digits, beside what was published."),
    Entry("certificate", DIGITS, "A guarantee", "verified", "Can an answer be guaranteed?", "A vote under noise, what no attack can change, and one that tries."),
    Entry("challenge", DIGITS, "A challenge", "trophy", "Who fools it with the least?", "Paint over a digit; the server checks, and keeps a board."),
    Entry("denoise", CLEAN, "Clean it", "blur_off", "Can it see through the noise?", "Networks that clean a photograph, taught by noisy ones."),
    Entry("quality", CLEAN, "On 10,000 images", "bar_chart", "How well, on ten thousand images?", "Which pictures gain, and which are made worse."),
    Entry("learn", NOISE, "Learn from noise", "casino", "How can it learn from noise alone?", "Training pairs, photons, and what a loss settles on."),
    Entry("fooled", DENOISERS, "Attack it", "bolt", "Can a denoiser be fooled?", "Drag through an attack, beside chance as strong."),
    Entry("alike", DENOISERS, "Like noise?", "graphic_eq", "Is adversarial noise like noise?", "Values, frequencies, neighbours, and the reason why."),
    Entry("often", DENOISERS, "How often", "ssid_chart", "How often is it fooled?", "The study's ratio, and the worst attack at one budget for all."),
    Entry("transfer", DENOISERS, "Transfer", "swap_horiz", "Does it transfer?", "What an attack on one denoiser costs the others."),
    Entry("defence", DENOISERS, "A defence?", "shield", "Is a denoiser a defence?", "Against an attacker who knows of it, and one who does not."),
    Entry("linear", WHY, "Linear?", "show_chart", "Is it because networks are linear?", "Logits along a line, units at their kinks, layers, sizes."),
    Entry("brittle", WHY, "Brittle features?", "broken_image", "Is it because features are brittle?", "Useful units, robust units, and which of them attacks move."),
    Entry("directions", WHY, "Worst direction", "explore", "Which direction hurts most?", "The worst one there is, beside attacks and chance."),
    Entry("train", TRAIN, "Train", "model_training", "How does a network learn?", "Launch a run, watch its curve, stop it, and keep the network."),
    Entry("study", EVIDENCE, "The study", "menu_book", "What did the study report, and what is measured here?", "Every figure it reports beside the same figure measured here."),
    Entry("words", EVIDENCE, "Words", "dictionary", "What does that word mean?", "Every term on these pages, in one sentence."),
    Entry("cards", EVIDENCE, "Networks", "badge", "Which networks are here?", "Their recipes, training curves, scores, and a download."),
)  # fmt: skip


def chapters() -> dict[str, list[Entry]]:
    """Return the pages of every chapter, in order."""
    found: dict[str, list[Entry]] = {}
    for entry in PAGES:
        found.setdefault(entry.chapter, []).append(entry)
    return found
