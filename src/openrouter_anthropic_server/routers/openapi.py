"""The OpenAPI document: FastAPI's, with the bodies that the raw routes read themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from openrouter_anthropic_server.conversion.validation import request_schemas

_BODIES = {"/v1/messages": "MessagesRequest", "/v1/messages/count_tokens": "CountTokensRequest"}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        document.setdefault("components", {}).setdefault("schemas", {}).update(request_schemas())
        for path, schema in _BODIES.items():
            document["paths"][path]["post"]["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            }
        app.openapi_schema = document
    return app.openapi_schema
