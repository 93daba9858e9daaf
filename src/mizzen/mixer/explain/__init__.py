"""Says how a Check was decided.

An explained Check runs through the dispatcher like any other, over routes that write down what is done with them
(`recorder`, the parts in `recorded`); so it has every effect of a Check, and other Checks pay nothing for the ability.
`explanation` turns the record into JSON, `service` is what a front calls.
"""

from mizzen.mixer.explain.explanation import explained_check, explanation
from mizzen.mixer.explain.recorder import Recorder
from mizzen.mixer.explain.service import Explainer

__all__ = ["Explainer", "Recorder", "explained_check", "explanation"]
