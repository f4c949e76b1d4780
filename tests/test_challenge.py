"""The challenge: what is checked, who stands where, and that nobody is believed."""

from pathlib import Path

import pytest
import torch

from app import browser, cache, challenge
from app.browser import packing
from app.challenge import MEASURES, Board, judged
from app.classroom import Classes
from app.inputs import Digit, Trained
from core import UserError
from core.data.datasets import Dataset
from core.networks.digits import Classifier
from tests.test_pages import opened, words


@pytest.fixture
def digit(digits: Dataset) -> Digit:
    return Digit.of(digits, 20)


def painted(digit: Digit, rows: int) -> bytes:
    """Paint the upper rows of a digit white."""
    pixels = digit.pixels().clone()
    pixels[..., :rows, :] = 255
    return pixels.numpy().tobytes()


def fooling(cnn: Classifier, digit: Digit) -> int:
    """Count how many white rows fool the network."""

    def says(rows: int) -> int:
        return int(cnn(Digit(painted(digit, rows)).image()).argmax())

    return next(rows for rows in range(1, 28) if says(rows) != says(0))


@pytest.fixture
def board(digit: Digit, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(challenge, "PAUSE", 0.0)
    return Board(Trained.named("digit-cnn"), digit)


def test_what_fools_it_is_measured_by_the_server(cnn: Classifier, digit: Digit) -> None:
    rows = fooling(cnn, digit)
    found = judged(cnn, digit, painted(digit, rows))
    x, z = digit.image(), Digit(painted(digit, rows)).image()
    assert found.pixels == int((x != z).sum())
    assert found.l2 == pytest.approx(float((x - z).norm()), rel=1e-5)
    assert found.answer == int(cnn(z).argmax()) != int(cnn(x).argmax())


def test_a_lie_is_refused(cnn: Classifier, digit: Digit, board: Board) -> None:
    """Whatever a browser says of its attempt: the network is asked here."""
    grey = bytearray(painted(digit, fooling(cnn, digit)))
    grey[0] = 128
    for values, why in (
        (digit.values, "still reads"),
        (painted(digit, fooling(cnn, digit) - 1), "still reads"),
        (bytes(grey), "black or white"),
    ):
        with pytest.raises(UserError, match=why):
            board.send(cnn, "a", values)
    assert not board.names
    assert not board.top("Least L2")


@pytest.mark.parametrize("sent", [None, 7, "", "!", "AAAA", "é", ["AAAA"], "A" * 2000])
def test_what_is_not_a_digit_is_none(sent: object) -> None:
    assert browser._values(sent) is None


def test_the_best_of_everybody_stands_in_order_under_names_that_are_drawn(cnn: Classifier, digit: Digit, board: Board) -> None:  # fmt: skip
    rows = fooling(cnn, digit)
    attempts = [k for k in range(rows, 27) if int(cnn(Digit(painted(digit, k)).image()).argmax()) != int(cnn(digit.image()).argmax())]  # fmt: skip
    for visitor in range(14):
        board.send(cnn, f"v{visitor}", painted(digit, attempts[visitor % len(attempts)]))
    board.send(cnn, "v13", painted(digit, rows))
    board.send(cnn, "v13", painted(digit, attempts[-1]))  # a worse one changes nothing
    for measure, worth in MEASURES.items():
        top = board.top(measure)
        assert len(top) == challenge.TOP
        assert [worth(a) for _, a in top] == sorted(worth(a) for _, a in top)
        assert len({name for name, _ in top}) == challenge.TOP
    best = {name for name, a in board.top("Fewest pixels") if a == board.top("Fewest pixels")[0][1]}
    assert board.names["v13"] in best
    for colour, animal in map(str.split, board.names.values()):
        assert colour in challenge.COLOURS
        assert animal in challenge.ANIMALS


def test_a_board_is_bounded_and_nobody_hurries(cnn: Classifier, digit: Digit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge, "MOST", 2)
    board, values = Board(Trained.named("digit-cnn"), digit), painted(digit, fooling(cnn, digit))
    board.send(cnn, "a", values)
    with pytest.raises(UserError, match="One attempt a second"):
        board.send(cnn, "a", values)
    board.send(cnn, "b", values)
    with pytest.raises(UserError, match="full"):
        board.send(cnn, "c", values)
    assert len(board.names) == 2
    assert len(challenge.COLOURS) * len(challenge.ANIMALS) >= 500


def test_a_class_has_its_own_board_which_goes_with_it(digit: Digit, digits: Dataset) -> None:
    held, network = Classes(), Trained.named("digit-cnn")
    code = held.begin()
    board = held.dare(code, network, digit)
    assert held.find(code).daring
    held.rest(code)
    assert not held.find(code).daring
    assert held.dare(code, network, digit) is board
    assert held.dare(code, network, Digit.of(digits, 3)) is not board
    held.end(code)
    with pytest.raises(UserError, match="no such class"):
        held.dare(code, network, digit)


def test_boards_without_a_class_are_bounded(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.boards.clear()
    monkeypatch.setattr(cache, "BOARDS", 30_000)
    network = Trained.named("digit-cnn")
    first = cache.board(network, Digit.of(digits, 0))
    assert cache.board(network, Digit.of(digits, 0)) is first
    for k in range(1, 20):
        cache.board(network, Digit.of(digits, k))
    assert cache.boards().nbytes <= 30_000
    cache.boards.clear()


def test_the_page_shows_the_board_and_a_student_the_easel() -> None:
    at = opened("challenge", image="20")
    assert not at.warning
    assert "Nobody yet." in words(at)
    held = cache.classes()
    code = held.begin()
    held.dare(code, Trained.named("digit-cnn"), Digit.of(cache.dataset("mnist", "test"), 20))
    at = opened("home", **{"class": code})
    assert "Fool it with the least" in words(at)
    held.rest(code)
    at.run()
    assert "Look at the screen in front" in words(at)
    held.end(code)


def test_what_is_sent_in_is_checked_and_told(monkeypatch: pytest.MonkeyPatch, cnn: Classifier, tmp_path: Path) -> None:
    from base64 import b64encode

    digit = Digit.of(cache.dataset("mnist", "test"), 20)
    board, told = cache.board(Trained.named("digit-cnn"), digit), []
    packed = cache.challenge(board.network, digit)
    assert torch.equal(torch.from_numpy(packing.unpack(packed)[1]["digit"]).float(), digit.image())

    def component(name: str) -> object:
        def draw(**given: object) -> dict[str, object]:
            told.append(given)
            return {}

        return draw

    monkeypatch.setattr(browser, "component", component)
    at = opened("challenge", image="20")
    heard = next(g["on_sent_change"] for g in told if "on_sent_change" in g)
    assert callable(heard)
    values = painted(digit, fooling(cnn, digit))
    sent = {"challenge": {"sent": b64encode(values).decode()}, "visitor": "a"}
    monkeypatch.setattr("streamlit.session_state", sent)
    heard()
    assert board.names.keys() == {"a"}
    assert not at.exception
