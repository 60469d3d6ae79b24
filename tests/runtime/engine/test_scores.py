"""The `logprobs` object, and the best of several choices, by example."""

from stackrt.engine.logprobs import TokenLogprob, TokenLogprobs
from stackrt.engine.openai import scores
from stackrt.engine.openai.answers import Choice


def entry(spelling: str, logprob: float | None, start: int, *, width: int = -1) -> TokenLogprobs:
    end = start + (len(spelling) if width < 0 else width)
    return TokenLogprobs(TokenLogprob(spelling.encode(), logprob), (), start, end)


def rated(*logprobs: float) -> Choice:
    return Choice(logprobs=[entry("x", logprob, 0) for logprob in logprobs])


def test_the_best_have_the_highest_mean_not_the_highest_sum() -> None:
    long, short, empty = rated(-1, -1, -1, -1), rated(-2), rated()
    assert scores.best([short, empty, long], 2) == [long, short]
    assert scores.best([short, empty, long], 3) == [long, short, empty]
    first, second = rated(-1), rated(-0.5, -1.5)
    assert scores.best([first, second], 1)[0] is first


def test_what_opens_a_text_is_at_its_start() -> None:
    """`<s>` and SentencePiece's space are tokens of the prompt, and not in its text."""
    opened = [entry("<s>", None, 0), entry(" Ships", -2.0, 3), entry(" sail", -1.0, 9)]
    assert scores.render_prompt(opened, text="Ships sail")["text_offset"] == [0, 0, 5]
    assert scores.render_prompt(opened, text="<s> Ships sail")["text_offset"] == [0, 3, 9]


def test_a_character_that_is_cut_off_moves_nothing() -> None:
    """The text shows it as U+FFFD, which no token completes."""
    cut = [entry("a", None, 0), entry("\u00f0", -1.0, 1, width=0)]
    assert scores.render_prompt(cut, text="a\ufffd")["text_offset"] == [0, 1]


def test_the_chosen_token_is_among_the_likeliest() -> None:
    likely = TokenLogprobs(TokenLogprob(b"b", -3.0), (TokenLogprob(b"a", -0.5),), 0, 1)
    assert scores.render([entry("p", None, 0), likely], offset=4) == {
        "tokens": ["p", "b"],
        "token_logprobs": [None, -3.0],
        "top_logprobs": [None, {"a": -0.5, "b": -3.0}],
        "text_offset": [4, 4],
    }
