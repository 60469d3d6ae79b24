"""The page of each code, which `stackc explain` shows and other tools get with the results."""

from stackc import resources


def codes() -> tuple[str, ...]:
    """Every code that has a page, sorted."""
    return tuple(sorted(path.stem for path in resources.folder("errors").glob("*.md")))


def page(code: str) -> str:
    """The page of a code, in Markdown."""
    return (resources.folder("errors") / f"{code}.md").read_text(encoding="utf-8")


def summary(code: str) -> str:
    """What the code stands for: the first line under the title of its page."""
    title, *lines = page(code).splitlines()
    return next((line for line in lines if line), title.removeprefix("# "))
