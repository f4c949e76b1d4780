"""The words of the field: each once, in one sentence."""

from app.glossary import terms


def test_every_word_is_there_once_and_said_in_one_sentence() -> None:
    forms = [form.casefold() for t in terms() for form in t.forms]
    assert len(set(forms)) == len(forms)
    for t in terms():
        assert t.says.endswith("."), t.name
        assert ". " not in t.says.replace("et al. ", ""), f"{t.name} takes more than one sentence"


def test_the_words_a_student_meets_first_are_there() -> None:
    forms = {form for t in terms() for form in t.forms}
    assert forms >= {
        "PSNR",
        "SSIM",
        "FGSM",
        "PGD",
        "DAG",
        "epsilon",
        "sigma",
        "L0",
        "L2",
        "L\u221e",
        "pooling",
        "Jacobian",
        "U-Net",
    }
