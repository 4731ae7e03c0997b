"""
The resolver's OpenAPI document, from which platforms make their forms.

OpenAPI 3.1.0; what it says is what `resolver` and `resolver_request` do, which
schemathesis holds against it.
"""

from __future__ import annotations

from typing import Any, Final

from cxcontext.telephony.resolver_request import MAX_CALL_CHARS, MAX_FIELDS, MAX_KEYS

PATH: Final = "/v1/resolve"
MAX_BODY_BYTES: Final = 16_384
BODY_SECONDS: Final = 10
TITLES: Final = {
    400: "The request is not what the document describes",
    401: "A key is required",
    403: "Too many wrong codes",
    404: "Nothing that may be redeemed",
    405: "Another method is required",
    408: "The request came too slowly",
    409: "Several journeys would fit",
    413: "The request is too large",
    415: "JSON is required",
    429: "Too many requests",
    503: "Try again",
}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_CALL_CHARS}


def document() -> dict[str, Any]:
    """
    Return the document.

    .. versionadded:: 0.1.0
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Customer context resolver",
            "version": "1",
            "description": "Redeems a reference, a handover code or a call's ids.",
        },
        "security": [{"key": []}],
        "paths": {
            PATH: {
                "post": {
                    "operationId": "resolve",
                    "summary": "Redeem, and return what the key's department may see",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": _QUESTION}},
                    },
                    "responses": {
                        "200": {
                            "description": "What is known, and what must be asked",
                            "headers": _NO_STORE,
                            "content": {"application/json": {"schema": _ANSWER}},
                        },
                        **{str(status): _problem(status) for status in TITLES},
                    },
                }
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM},
        },
    }


_NO_STORE: Final = {
    "Cache-Control": {"schema": {"type": "string", "const": "no-store"}}
}
_COMMON: Final = {
    "call": {
        **_TEXT,
        "description": "The platform's own id of this call, never a header's value",
    },
    "fields": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_FIELDS,
        "items": _TEXT,
        "description": "What is needed; all that may be read, unless given",
    },
}
_QUESTION: Final = {
    "oneOf": [
        {
            "title": "By reference",
            "type": "object",
            "required": ["call", "reference"],
            "additionalProperties": False,
            "properties": {
                **_COMMON,
                "reference": {**_TEXT, "description": "48 characters from a header"},
            },
        },
        {
            "title": "By code",
            "type": "object",
            "required": ["call", "code", "line"],
            "additionalProperties": False,
            "properties": {
                **_COMMON,
                "code": {**_TEXT, "description": "What was typed"},
                "line": {**_TEXT, "description": "The number that was dialled"},
                "caller": {
                    "oneOf": [_TEXT, {"type": "null"}],
                    "description": "The number that calls; none, where it is withheld",
                },
            },
        },
        {
            "title": "By call ids",
            "type": "object",
            "required": ["call", "keys"],
            "additionalProperties": False,
            "properties": {
                **_COMMON,
                "keys": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_KEYS,
                    "items": {
                        "type": "object",
                        "required": ["platform", "kind", "value"],
                        "additionalProperties": False,
                        "properties": {
                            "platform": _TEXT,
                            "kind": _TEXT,
                            "value": _TEXT,
                        },
                    },
                },
            },
        },
    ]
}
_ANSWER: Final = {
    "type": "object",
    "required": ["arrival", "known", "gaps", "replayed"],
    "additionalProperties": False,
    "properties": {
        "arrival": {"enum": ["hint", "possession", "home", "delivery"]},
        "known": {
            "type": "object",
            "description": "Values by field; of a field with many, by qualifier",
        },
        "gaps": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason", "remedy", "departments", "ask"],
                "additionalProperties": False,
                "properties": {
                    "field": {"type": "string"},
                    "reason": {"type": "string"},
                    "remedy": {
                        "enum": ["ask", "confirm", "step_up", "request", "do_not_ask"]
                    },
                    "departments": {"type": "array", "items": {"type": "string"}},
                    "ask": {"type": "string"},
                },
            },
        },
        "replayed": {
            "type": "boolean",
            "description": "Whether this call asked before",
        },
    },
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
    },
}


def _problem(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = dict(_NO_STORE)
    if status in (429, 503):
        headers["Retry-After"] = {"schema": {"type": "integer"}}
    return {
        "description": TITLES[status],
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"}
            }
        },
    }
