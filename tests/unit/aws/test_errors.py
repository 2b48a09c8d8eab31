"""What the services of AWS answer, as our errors: what passes is tried again, and only what never will is set aside."""

from __future__ import annotations

import pytest

pytest.importorskip("botocore", reason="not tested: the errors of AWS, which need the aws group")

from botocore.exceptions import NoCredentialsError

from shared.adapters.aws.errors import of_code, translated
from shared.errors import Busy, Disposal, Fault, NotFound, Unavailable, consequence_of


@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        ("SlowDown", 503, Busy),
        ("AnyCode", 429, Busy),
        ("InternalServerError", 500, Unavailable),
        ("RequestTimeout", 400, Unavailable),
        ("ExpiredTokenException", 400, Unavailable),
        ("AccessDenied", 403, Unavailable),
        ("KMSDisabledException", 400, Unavailable),
        ("InvalidSignatureException", 400, Unavailable),
        ("NoSuchKey", 404, NotFound),
        ("ValidationException", 400, Fault),
        ("ResourceNotFoundException", 400, Unavailable),
    ],
)
def test_a_code_is_our_error(code: str, status: int, wanted: type[Exception]) -> None:
    assert type(of_code(code, status)) is wanted


@pytest.mark.parametrize("code", ["RequestTimeout", "ExpiredToken", "AccessDeniedException"])
def test_nothing_is_set_aside_for_a_right_or_a_clock(code: str) -> None:
    assert consequence_of(of_code(code, 400)).disposal is Disposal.RETRY


def test_credentials_that_cannot_be_had_now_are_asked_for_again() -> None:
    with pytest.raises(Unavailable), translated():
        raise NoCredentialsError
