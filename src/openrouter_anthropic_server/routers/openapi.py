"""The OpenAPI document: FastAPI's, with the bodies and parameters that the raw routes read themselves."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from openrouter_anthropic_server.conversion.universal_forms import REQUEST_SCHEMA
from openrouter_anthropic_server.conversion.validation import request_schemas

_BODIES = {
    "/v1/messages": "MessagesRequest",
    "/v1/messages/count_tokens": "CountTokensRequest",
    "/v1/universal/stream": "UniversalRequest",
}

_PARAMETERS: dict[str, dict[str, Any]] = {
    "/v1/models/{model_id}": {"name": "model_id", "in": "path"},
    "/runs/{request_id}": {"name": "request_id", "in": "path"},
    "/runs": {"name": "session", "in": "query"},
}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= {**request_schemas(), "UniversalRequest": REQUEST_SCHEMA}
        for path, schema in _BODIES.items():
            document["paths"][path]["post"]["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            }
        for path, parameter in _PARAMETERS.items():
            described = {**parameter, "required": True, "schema": {"type": "string"}}
            document["paths"][path]["get"]["parameters"] = [described]
        app.openapi_schema = document
    return app.openapi_schema
