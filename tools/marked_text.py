"""Files of text that the tools write a part of."""


def with_table(text: str, mark: str, new: str) -> str:
    """The text with what stands between <!-- mark --> and <!-- /mark --> replaced."""
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"the text must have {start} and {end} once each")
    before, after = text.split(start)[0], text.split(end)[1]
    return f"{before}{start}\n{new}\n{end}{after}"
