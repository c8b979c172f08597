"""Expressions of GitHub's workflows: strings, names, `==`, `!=`, `&&`, `||`, `!` and the functions of a step's state."""

import re

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w.-]*(?:\([^)]*\))?)|(==|!=|&&|\|\||!|\(|\)))")
OPERATORS = {"&&": "and", "||": "or", "!": "not"}


def replace(text, context):
    """A text with the values of its expressions."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: as_text(evaluate(match.group(1), context, False)), str(text))


def condition(text, context, failed):
    """Whether an `if` holds. Without a function of the state, only while no step has failed."""
    text = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", str(text))
    state = re.search(r"\b(always|success|failure|cancelled)\(\)", text)
    return bool(evaluate(text, context, failed)) and (bool(state) or not failed)


def evaluate(text, context, failed):
    states = {"always()": True, "success()": not failed, "failure()": failed, "cancelled()": False, "true": True, "false": False}
    code, values, position = [], [], 0
    while text[position:].strip():
        token = TOKEN.match(text, position)
        if not token:
            raise ValueError(f"the expression {text.strip()} has something unknown at {text[position:].strip()}")
        position = token.end()
        literal, name, operator = token.groups()
        if operator:
            code.append(OPERATORS.get(operator, operator))
            continue
        code.append(f"values[{len(values)}]")
        if literal:
            values.append(literal[1:-1].replace("''", "'"))
        elif name in states:
            values.append(states[name])
        elif "(" in name:
            raise ValueError(f"the function {name} is not known")
        else:
            values.append(look_up(name, context))
    # It consists of operators, parentheses and numbered values only.
    return eval(" ".join(code), {"__builtins__": {}}, {"values": values})


def look_up(name, context):
    """A name such as `steps.build.outputs.digest`; nothing, as with GitHub, if there is no such value."""
    value = context
    for part in name.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return value


def as_text(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
