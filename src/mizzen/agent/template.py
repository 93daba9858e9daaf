"""Templates of Envoy's configuration: `${NAME}` placeholders and `{% … %}` blocks over a fixed set of names.

Placeholders are substituted as text, wherever they occur, as the original start_envoy script did. A file without
placeholders is taken as it is, so that any complete Envoy configuration can be used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from mizzen.config import ConfigError, Position

PLACEHOLDER = re.compile(r"\$\{[^}\n]*\}")


def environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(
        variable_start_string="${",
        variable_end_string="}",
        comment_start_string="{%#",
        comment_end_string="#%}",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=select_autoescape((), default_for_string=False),
    )


def has_placeholders(text: str) -> bool:
    return PLACEHOLDER.search(text) is not None


def render(text: str, file: str, variables: Mapping[str, object]) -> str:
    """Substitute the variables; a name that does not exist raises `ConfigError` naming those that do."""
    jinja = environment()
    try:
        unknown = meta.find_undeclared_variables(jinja.parse(text)) - set(variables) - set(jinja.globals)
        if unknown:
            raise first_unknown(text, file, unknown, variables)
        return jinja.from_string(text).render(variables)
    except TemplateSyntaxError as error:
        position = Position(file, error.lineno, 1)
        raise ConfigError(f"is not a template: {error.message}", position=position, accepted=FORMS) from None
    except TemplateError as error:
        raise ConfigError(f"cannot be rendered: {error.message}", position=Position(file, 1, 1)) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(f"cannot be rendered: {error}", position=Position(file, 1, 1)) from None


FORMS = "${NAME} or {% … %}"


def first_unknown(text: str, file: str, unknown: set[str], variables: Mapping[str, object]) -> ConfigError:
    """The error about the unknown name that comes first in the text."""
    position, name = min((place_of(text, file, name), name) for name in unknown)
    close = get_close_matches(name, variables, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    accepted = ", ".join(sorted(variables))
    return ConfigError(f"is not known{hint}", position=position, field=f"${{{name}}}", accepted=accepted)


def place_of(text: str, file: str, name: str) -> Position:
    """Where a placeholder or block first uses the name; the start of the file at worst."""
    found = re.search(rf"(\$\{{|\{{%)[^}}\n]*\b{re.escape(name)}\b", text)
    if found is None:
        return Position(file, 1, 1)
    start = found.start()
    return Position(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))


def read_text(path: Path) -> str:
    """The file's text; a file that cannot be read or is not UTF-8 raises `ConfigError`."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text ({error.reason} at byte {error.start})"
        raise ConfigError(reason, position=Position(str(path), 1, 1)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", position=Position(str(path), 1, 1)) from None
