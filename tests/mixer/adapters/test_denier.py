from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mizzen.mixer.adapters import CheckResult, DirectResponse, QuotaArguments, QuotaResult, Status
from mizzen.mixer.adapters.denier import DenierAdapter
from mizzen.mixer.adapters.testing import AdapterBench, InvalidParamsError
from mizzen.mixer.templates import CheckNothing, ListEntry, Quota

DETAIL = "type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse"


def answer(params: dict[str, Any]) -> CheckResult:
    return AdapterBench().build(DenierAdapter, params).check(CheckNothing("i"))


def test_without_params_it_refuses_as_the_original_does() -> None:
    assert answer({}) == CheckResult(Status(9, ""), valid_for=5.0, uses=1000)


def test_status_and_validity_are_settings() -> None:
    params = {"status": {"code": 7, "message": "Not allowed"}, "validDuration": "250ms", "valid_use_count": 3}
    assert answer(params) == CheckResult(Status(7, "Not allowed"), valid_for=0.25, uses=3)


def test_a_message_alone_keeps_the_default_code() -> None:
    assert answer({"status": {"message": "no"}}).status == Status(9, "no")


def test_a_code_may_be_given_by_name() -> None:
    assert answer({"status": {"code": "UNAUTHENTICATED"}}).status.code == 16


def test_every_check_template_gets_the_same_answer() -> None:
    handler = AdapterBench().build(DenierAdapter)
    assert handler.check(ListEntry("i", "v")) == handler.check(CheckNothing("j"))


def test_a_quota_is_never_granted_and_its_status_stays_ok() -> None:
    handler = AdapterBench().build(DenierAdapter)
    assert handler.quota(Quota("q"), QuotaArguments(amount=5, best_effort=True)) == QuotaResult()


def test_the_http_answer_may_be_given_plainly() -> None:
    params = {"response": {"code": 302, "headers": {"location": "/login"}, "body": "go"}}
    assert answer(params).direct_response == DirectResponse(302, {"location": "/login"}, "go")


def test_the_http_answer_may_stand_in_the_details_as_in_the_original() -> None:
    detail = {"@type": DETAIL, "code": "TooManyRequests", "body": "later"}
    assert answer({"status": {"code": 8, "details": [detail]}}).direct_response == DirectResponse(429, {}, "later")


def test_a_response_without_code_leaves_the_code_to_the_status() -> None:
    assert answer({"response": {"body": "x"}}).direct_response == DirectResponse(0, {}, "x")


def test_two_http_answers_are_one_too_many() -> None:
    params = {"response": {"code": 403}, "status": {"details": [{"@type": DETAIL}]}}
    with pytest.raises(InvalidParamsError, match=r"^response: .* is given beside a DirectHttpResponse"):
        answer(params)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"status": {"code": 17}}, "is not a status code"),
        ({"status": {"code": "FORBIDDEN"}}, "is not a status code"),
        ({"status": {"code": True}}, "is not a status code"),
        ({"valid_duration": "-1s"}, "greater than or equal to 0"),
        ({"valid_duration": 5}, "is not a duration"),
        ({"valid_use_count": -1}, "greater than or equal to 0"),
        ({"response": {"code": 100}}, "is not an HTTP status code"),
        ({"response": {"code": 600}}, "is not an HTTP status code"),
        ({"response": {"code": "Nowhere"}}, "is not an HTTP status code"),
        ({"response": {"header": {}}}, "Extra inputs are not permitted"),
        ({"response": {"headers": {"a b": "x"}}}, "is not the name of a header"),
        ({"response": {"headers": {"a": "x\ny"}}}, "is not the value of a header"),
        ({"status": {"details": [{"@type": "other"}]}}, "Input should be"),
    ],
)
def test_wrong_params_are_refused(params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        answer(params)
