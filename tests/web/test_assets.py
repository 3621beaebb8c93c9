"""What is taken out of script and style: blanks, comments and long names, and nothing else."""

from __future__ import annotations

import re

from donations.web.assets import compact_css, compact_js, load_assets, widget_folder

SCRIPT = (widget_folder() / "donation-widget.js").read_text(encoding="utf-8")
# Where the compaction trusts the source: see the head of the script.
CODE = "\n".join(line for line in SCRIPT.splitlines() if not line.lstrip().startswith("//"))


def test_strings_keep_their_blanks_and_names_become_letters() -> None:
    """Text in quotes is untouched; our names shrink, the browser's stay."""
    source = (
        "// A comment.\n"
        'const $word = "a  , b";\n'
        "class $Thing {\n  #held = 1;\n\n"
        "  tell() {\n    return `x ${$word} y` + this.#held;\n  }\n}\n"
    )
    assert compact_js(source) == (
        'const a="a  , b";class b{#a=1;tell(){return `x ${a} y`+this.#a}}'
    )


def test_the_script_keeps_the_rules_its_compaction_relies_on() -> None:
    """No comment behind code, no own name in a string, no blank in a regular expression."""
    strings = re.findall(r'"[^"\n]*"', re.sub(r"`[^`]*`", "", CODE))
    assert not [text for text in strings if re.search(r"[$#][A-Za-z]", text)]
    assert not re.search(r"[;{}] *//", CODE)
    for expression in re.findall(r"[=(] ?(/[^/\n]+/)[a-z]*[;.,)]", CODE):
        assert not re.search(r"[ \"'`]", expression)
    # A single letter of the source could be a name that something else is cut to.
    bare = re.sub(r'"[^"\n]*"|`[^`]*`|/[^/\n]+/[a-z]*', "", CODE)
    assert not re.search(r"(?<![\w.$#])[a-zA-Z](?![\w:])", bare)


def test_the_script_is_smaller_by_what_the_rules_take() -> None:
    """The style sheet is inside, and no comment or indentation is left."""
    script = load_assets().script.decode()
    assert "--donation-accent" in script
    assert not re.search(r"^\s|//", script, re.MULTILINE)


def test_a_style_sheet_loses_blanks_only() -> None:
    """Rules keep their order, descendants their blank, calculations theirs."""
    assert compact_css("a b > c { d: e; /* f */ }\n@media (g: h) { :i + j { k: l 1 / 2; } }") == (
        "a b>c{d:e}@media (g:h){:i+j{k:l 1 / 2}}"
    )
