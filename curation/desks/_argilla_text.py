"""Texts as Argilla may show them: markdown stays markdown, markup in a text does nothing.

What argilla-server 2.8.0's own pages do with a record's fields, read in their code (`static/_nuxt`) and seen in a
browser:

- a text field without `use_markdown` goes into the page as HTML (`innerHTML`); where it holds an element, into a frame
  of the same origin without `sandbox`. `<img src=x onerror=…>` in an answer runs as the annotator;
- one with `use_markdown` goes through marked 5 and DOMPurify, which lets no script through, but images, `<object>` and
  `<embed>`: they are fetched from wherever the answer says;
- a custom field's template gets the whole record, all fields, as JSON inside a `<script>` of such a frame: `</script>`
  in any text ends it, and what follows runs as the annotator.

So all fields are markdown, no data set has a custom field, and answers stand one above the other. No text holds the
start of a tag or of an image: an invisible character (word joiner, U+2060) stands between `<` and a letter, `/`, `!` or
`?` (HTML Living Standard, 13.2.5.6, tag open state) and between `!` and `[` (CommonMark 0.31, 6.4). It shows nothing,
in code neither, and is only in what the desk shows; who copies code from the page copies it, too. Written as `&lt;` the
same text would be wrong inside code.
"""

from __future__ import annotations

import re

JOINER = "\N{WORD JOINER}"
_STARTS = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")


def disarmed(text: str) -> str:
    """The text without anything that a browser takes for a tag, or marked for an image; it looks the same."""
    return _STARTS.sub(lambda found: found.group() + JOINER, text)
