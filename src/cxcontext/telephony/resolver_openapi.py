"""
The resolver's OpenAPI document, from which platforms make their forms.

OpenAPI 3.1.0; what it says is what `resolver` and `resolver_request` do, which
schemathesis holds against it.
"""

from __future__ import annotations

from typing import Any, Final

from cxcontext.telephony.resolver_request import (
    MAX_FIELDS,
    MAX_HEADER_CHARS,
    MAX_HEADERS,
    MAX_KEYS,
    MAX_TEXT_CHARS,
)

RESOLVE: Final = "/v1/resolve"
TRANSFER: Final = "/v1/transfer"
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
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS}


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
            "description": "Finds the journey of a call, and hands it on.",
        },
        "security": [{"key": []}],
        "paths": {
            RESOLVE: {
                "post": _operation(
                    "resolve",
                    "Find the journey; return what the key's department may see",
                    _question(),
                    _VIEW,
                )
            },
            TRANSFER: {
                "post": _operation(
                    "transfer",
                    "Mint the next leg's reference, before the call is sent",
                    _question(to=_TEXT | {"description": "The next department"}),
                    _HANDED_OVER,
                )
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": _PROBLEM},
        },
    }


def _operation(
    name: str, summary: str, question: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": question}},
        },
        "responses": {
            "200": {
                "description": "Done",
                "headers": _NO_STORE,
                "content": {"application/json": {"schema": answer}},
            },
            **{str(status): _problem(status) for status in TITLES},
        },
    }


def _question(**more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["call", *more],
        "additionalProperties": False,
        "dependentRequired": {"code": ["line"]},
        "properties": {**_ASKED, **more},
    }


_NO_STORE: Final = {
    "Cache-Control": {"schema": {"type": "string", "const": "no-store"}}
}
_ASKED: Final[dict[str, Any]] = {
    "call": {
        **_TEXT,
        "description": "The platform's own id of this leg, never a header's value",
    },
    "reference": {
        "anyOf": [_TEXT, {"type": "null"}],
        "description": "48 characters from an attribute or a header",
    },
    "headers": {
        "type": "array",
        "maxItems": MAX_HEADERS,
        "description": "The SIP headers that the platform passes on, as they are",
        "items": {
            "type": "object",
            "required": ["name", "value"],
            "additionalProperties": False,
            "properties": {
                "name": _TEXT,
                "value": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_HEADER_CHARS,
                },
            },
        },
    },
    "code": {
        "anyOf": [_TEXT, {"type": "null"}],
        "description": "What was typed; with line",
    },
    "line": {
        "anyOf": [_TEXT, {"type": "null"}],
        "description": "The number that was dialled",
    },
    "caller": {
        "anyOf": [_TEXT, {"type": "null"}],
        "description": "The number that calls; none, where it is withheld",
    },
    "transferred": {
        "type": "boolean",
        "description": "Whether another leg had a part in this: caller may be an agent",
    },
    "keys": {
        "type": "array",
        "maxItems": MAX_KEYS,
        "description": "Further ids of the call. A platform named as the client is "
        "believed to have authenticated them",
        "items": {
            "type": "object",
            "required": ["platform", "kind", "value"],
            "additionalProperties": False,
            "properties": {"platform": _TEXT, "kind": _TEXT, "value": _TEXT},
        },
    },
    "fields": {
        "type": "array",
        "maxItems": MAX_FIELDS,
        "items": _TEXT,
        "description": "What is needed; all that may be read, unless given",
    },
}
_VIEW: Final = {
    "type": "object",
    "required": ["arrival", "known", "gaps", "replayed", "rung"],
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
        "rung": {"type": "string", "description": "By what it was found"},
    },
}
_HANDED_OVER: Final = {
    "type": "object",
    "required": ["reference", "headers", "ask"],
    "additionalProperties": False,
    "properties": {
        "reference": {"type": "string", "pattern": "^CX[A-Z2-7]{46}$"},
        "headers": {
            "type": "object",
            "description": "The same as SIP headers, for the next leg's INVITE",
            "additionalProperties": {"type": "string"},
        },
        "ask": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Of the fields needed, those that must be asked there",
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
