"""Answers and explanations as people read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mizzen.client.answer import Answer, code_name


def answer_text(answer: Answer) -> str:
    """The status in mixc's words, the validity, references, quotas and the directive."""
    message = f" ({answer.message})" if answer.message else ""
    lines = [f"Check RPC completed successfully. Check status was {code_name(answer.code)}{message}"]
    lines.append(f"  Valid use count: {_uses(answer.uses)}, valid duration: {_seconds(answer.valid_for)}")
    if answer.decision_id:
        lines.append(f"  Decision: {answer.decision_id}")
    if answer.generation:
        lines.append(f"  Configuration generation: {answer.generation}")
    lines.append("  Referenced attributes")
    lines += [f"    {reference}" for reference in answer.referenced] or ["    none"]
    if answer.quotas:
        header = ("QUOTA", "GRANTED", "VALID FOR", "STATUS")
        rows = [
            (quota.name, str(quota.granted), _seconds(quota.valid_for), _status(quota.code, quota.message))
            for quota in answer.quotas
        ]
        lines.append("  Quotas")
        lines += [f"    {line}" for line in table([header, *rows])]
    lines += _directive(answer.directive)
    return "\n".join(lines)


def explanation_text(explanation: Mapping[str, Any]) -> str:
    """Rules, calls of handlers and quotas of an explanation, in the order in which they happened."""
    lines = [f"Explanation (namespace {explanation.get('namespace') or 'not known: default rules only'})"]
    error = explanation.get("error")
    if error:
        lines.append(f"  Failed: {error['name']}: {error['message']}")
    for rule in explanation.get("rules", ()):
        lines += _rule(rule)
    left_out = explanation.get("rules_left_out", 0)
    if left_out:
        lines.append(f"  … and {left_out} rules that did not match")
    if not explanation.get("rules") and not left_out:
        lines.append("  No rules apply in this namespace")
    for call in explanation.get("calls", ()):
        lines += _call(call)
    generated = explanation.get("generated")
    if generated:
        lines.append("  Generated attributes")
        lines += [f"    {name} = {_value(value)}" for name, value in generated.items()]
    return "\n".join(lines)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns, three blanks apart, as kubectl prints them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _rule(rule: Mapping[str, Any]) -> list[str]:
    lines = [f"  Rule {rule['rule']} ({rule['use']}): {rule['outcome'].replace('_', ' ')}"]
    lines.append(f"    match {rule['match']}" if rule.get("match") else "    match always")
    lines += [f"      {name} = {_value(value)}" for name, value in rule.get("values", {}).items()]
    if rule.get("error"):
        lines.append(f"    error {rule['error']}")
    return lines


def _call(call: Mapping[str, Any]) -> list[str]:
    lines = [f"  Handler {call['handler']} ({call['adapter']}) for rule {call['rule']}"]
    lines.append(f"    instance {call['instance']} ({call['template']})")
    for field in call.get("fields", ()):
        shown = f"error {field['error']}" if "error" in field else _value(field["value"])
        lines.append(f"      {field['field']} = {shown}   ({field['expression']})")
    if call.get("error"):
        lines.append(f"    error {call['error']}")
    answer = call.get("answer")
    if answer is not None:
        parts = [_part(name, value) for name, value in answer.items()]
        took = f"   in {call['seconds'] * 1000:.3f} ms" if call.get("seconds") is not None else ""
        lines.append(f"    answer {', '.join(parts) or 'nothing'}{took}")
    return lines


def _part(name: str, value: Any) -> str:
    match name:
        case "status":
            return _status(value["code"], value["message"])
        case "valid_for":
            return f"valid for {_seconds(value)}"
        case "uses":
            return f"{_uses(value)} uses"
        case _:
            return f"{name.replace('_', ' ')} {_value(value)}"


def _directive(directive: Mapping[str, Any]) -> list[str]:
    lines = []
    if directive.get("direct_response_code"):
        lines.append(f"  Direct response: {directive['direct_response_code']}")
        if directive.get("direct_response_body"):
            lines.append(f"    body {_value(directive['direct_response_body'])}")
    for side in ("request", "response"):
        operations = directive.get(f"{side}_header_operations", ())
        if operations:
            lines.append(f"  Operations on {side} headers")
            for operation in operations:
                value = f": {operation['value']}" if operation.get("value") else ""
                lines.append(f"    {operation.get('operation', 'REPLACE')} {operation['name']}{value}")
    return lines


def _status(code: int, message: str) -> str:
    return f"{code_name(code)} ({message})" if message else code_name(code)


def _seconds(seconds: float | None) -> str:
    return "for ever" if seconds is None else f"{seconds:g}s"


def _uses(uses: int) -> str:
    return "any" if uses < 0 else str(uses)


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
