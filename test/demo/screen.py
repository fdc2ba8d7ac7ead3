"""A push as a phone's lock screen shows it, in text."""

import textwrap

from bed import Push

WIDTH = 46


def lock_screen(push: Push) -> list[str]:
    """The banner: the app's name, then title and text."""
    app = push.headers.get("apns-topic", "?")
    lines = [f"{app:{WIDTH - 4}} now"]
    for text in (push.alert.get("title"), push.alert.get("subtitle"), push.alert.get("body")):
        lines += textwrap.wrap(text, WIDTH) if text else []
    return ["╭" + "─" * (WIDTH + 2) + "╮", *(f"│ {line:{WIDTH}} │" for line in lines), "╰" + "─" * (WIDTH + 2) + "╯"]
