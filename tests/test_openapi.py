"""docs/openapi.yaml: a valid OpenAPI 3.1 document, and one contract with docs/protocol.md and the code."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from signalling.codes import ErrorCode
from signalling.posted import decode_answer, decode_request
from signalling.problems import CONTENT_TYPE, STATUSES, Problem
from signalling.switchboard import RECONNECT_SECONDS
from tests.documents import read_markdown, read_yaml, section, table

DOCUMENT = read_yaml("openapi.yaml")
POST: dict[str, Any] = DOCUMENT["paths"]["/signal"]["post"]
REGISTRY: Registry[Any] = Registry().with_resource("urn:document", Resource.from_contents(DOCUMENT, DRAFT202012))
PROBLEM = CONTENT_TYPE.decode()

NOT_OF_A_CODE = {(415, ErrorCode.BAD_MESSAGE)}
"""`bad_message` is 400, but where it is the encoding of the body that is not understood."""


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node itself, or what it refers to."""
    if "$ref" not in node:
        return node
    found: dict[str, Any] = REGISTRY.resolver("urn:document").lookup(node["$ref"]).contents
    return found


def schema_validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"urn:document#/components/schemas/{name}"}, registry=REGISTRY)


def problems(operation: dict[str, Any]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Status, name and value of each example of a problem."""
    for status, response in operation["responses"].items():
        content = resolved(response).get("content", {})
        for name, example in content.get(PROBLEM, {}).get("examples", {}).items():
            yield int(status), name, example["value"]


PROBLEMS = [pytest.param(*problem, id=f"{problem[0]}-{problem[1]}") for problem in problems(POST)]


def test_the_document_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_the_paths_are_those_of_the_protocol() -> None:
    rows = table(section(read_markdown("protocol.md"), "Other paths"), "path")
    others = [path.strip("` ") for row in rows for path in row["path"].split(",")]
    assert set(DOCUMENT["paths"]) == {"/signal", *others}


@pytest.mark.parametrize("example", POST["requestBody"]["content"]["application/json"]["examples"])
def test_an_offer_is_valid_for_its_schema_and_for_the_codec(example: str) -> None:
    offer = POST["requestBody"]["content"]["application/json"]["examples"][example]["value"]
    schema_validator("Offer").validate(offer)
    assert decode_request(json.dumps(offer).encode()).call == offer["OfferUUID"]


def test_an_answer_is_valid_for_its_schema_and_for_the_codec() -> None:
    for example in POST["responses"]["200"]["content"]["application/json"]["examples"].values():
        schema_validator("Answer").validate(example["value"])
        assert decode_answer(json.dumps(example["value"]).encode()).call == example["value"]["OfferUUID"]


@pytest.mark.parametrize(
    "public_ip", ["", "http://192.0.2.7", "https://signal.example.org:8443/", "http://[2001:db8::1]:1067"]
)
def test_the_schema_takes_addresses(public_ip: str) -> None:
    assert schema_validator("PeerID").is_valid({"Uuid": "00000000-0000-0000-0000-000000000000", "PublicIP": public_ip})


@pytest.mark.parametrize("public_ip", ["192.0.2.7", "ftp://192.0.2.7", "http://u:p@192.0.2.7", "http://192.0.2.7/x"])
def test_the_schema_refuses_what_is_no_address(public_ip: str) -> None:
    peer = {"Uuid": "00000000-0000-0000-0000-000000000000", "PublicIP": public_ip}
    assert not schema_validator("PeerID").is_valid(peer)


@pytest.mark.parametrize(("status", "name", "problem"), PROBLEMS)
def test_a_problem_reads_as_the_server_writes_it(status: int, name: str, problem: dict[str, Any]) -> None:
    schema_validator("Problem").validate(problem)
    code = ErrorCode(problem["code"]) if "code" in problem else None
    written = Problem(
        HTTPStatus(status),
        problem["detail"],
        instance=problem["instance"],
        code=code,
        retry_after=RECONNECT_SECONDS,
        reason=problem.get("reason"),
    )
    assert json.loads(written.body) == problem
    assert name == (code or "method")
    promised = resolved(POST["responses"][str(status)]).get("headers", {})
    assert ("Retry-After" in promised) == (b"retry-after" in dict(written.headers))


def test_each_code_has_an_example_at_its_status() -> None:
    shown = {(status, problem["code"]) for status, _, problem in problems(POST) if "code" in problem}
    assert shown - NOT_OF_A_CODE == {(int(status), code) for code, status in STATUSES.items()}
    assert shown >= NOT_OF_A_CODE


def test_the_statuses_are_those_of_the_protocol() -> None:
    rows = table(section(read_markdown("protocol.md"), "HTTP: POST /signal"), "status")
    shown = {(status, problem.get("code", "")) for status, _, problem in problems(POST)}
    told = {(int(row["status"]), code.strip("` ")) for row in rows for code in row["code"].split(",")}
    assert told - {(200, ""), (204, "")} == shown
    assert {int(status) for status in POST["responses"]} == {status for status, _ in told} - {204}
    assert list(DOCUMENT["paths"]["/signal"]["options"]["responses"]) == ["204"]


def test_the_codes_are_those_of_the_code() -> None:
    assert DOCUMENT["components"]["schemas"]["ProblemCode"]["enum"] == [code for code in ErrorCode if code in STATUSES]
