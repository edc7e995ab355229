"""An example for every body and parameter of the OpenAPI document that brings none.

Belongs here: making one from a schema. A field's own `examples` come first, so that what is shown
looks like the thing it is.
"""

from typing import Any

Schema = dict[str, Any]

_OF_FORMAT = {
    "uuid": "0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11",
    "date-time": "2026-11-23T14:03:20.120Z",
    "date": "2026-11-23",
    "email": "recruiter@example.com",
    "uri": "https://example.com/hook",
    "password": "correct horse battery staple",
}
_DEPTH_LIMIT = 8


def example_of(schema: Schema, schemas: Schema, depth: int = 0) -> Any:
    """A value that the schema allows. `schemas` are the document's components."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth + 1)
    for given in ("examples", "example", "default", "const", "enum"):
        if schema.get(given) is not None:
            found = schema[given]
            return found[0] if given in ("examples", "enum") else found
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas, depth + 1)
    return _of_type(schema, schemas, depth)


def _of_type(schema: Schema, schemas: Schema, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object" and depth < _DEPTH_LIMIT:
        fields = schema.get("properties", {})
        return {name: example_of(field, schemas, depth + 1) for name, field in fields.items()}
    if kind == "array" and depth < _DEPTH_LIMIT:
        return [example_of(schema.get("items", {}), schemas, depth + 1)]
    if kind in ("integer", "number"):
        return schema.get("minimum", 1) or 1
    simple: dict[Any, Any] = {"boolean": True, "null": None, "object": {}, "array": []}
    if kind in simple:
        return simple[kind]
    return _OF_FORMAT.get(schema.get("format", ""), "text")


def complete(operation: dict[str, Any], schemas: Schema) -> None:
    """Give every parameter, body and answer of an operation an example."""
    for parameter in operation.get("parameters", ()):
        is_shown = {"example", "examples"} & parameter.keys()
        if not is_shown and "examples" not in parameter["schema"] and parameter.get("required"):
            parameter["example"] = example_of(parameter["schema"], schemas)
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for body in [*bodies, *operation["responses"].values()]:
        for content in body.get("content", {}).values():
            if "schema" in content and not {"example", "examples"} & content.keys():
                content["example"] = example_of(content["schema"], schemas)
