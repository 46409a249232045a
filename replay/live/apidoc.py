"""The OpenAPI file and the page that shows it: made here, from our own types, with nothing from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
import msgspec
from markupsafe import Markup

from replay.live import contract

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["answers", "openapi_of", "page_of"]

_REF = "#/components/schemas/{name}"
_TYPES = (
    contract.Games,
    contract.Moment,
    contract.Ladder,
    contract.PatternAnswer,
    contract.Signals,
    contract.Signal,
    contract.Health,
    contract.History,
    contract.Problem,
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ info.title }} API</title><link rel="stylesheet" href="/static/app.css"></head>
<body><main>
<h1>{{ info.title }} API</h1>
<p>{{ info.description }}</p>
<p>As a file: <a href="/openapi.json">openapi.json</a></p>
{% for path, methods in paths.items() %}{% for method, route in methods.items() %}
<section>
<h2><code>{{ method|upper }} {{ path }}</code></h2>
<p>{{ route.summary }}. {{ route.description or "" }}</p>
{% if route.parameters %}<table><thead><tr><th>Parameter</th><th>In</th><th>Schema</th></tr></thead><tbody>
{% for one in route.parameters %}<tr><td><code>{{ one.name }}</code></td><td>{{ one.in }}</td>
<td><code>{{ one.schema|tojson }}</code></td></tr>{% endfor %}</tbody></table>{% endif %}
<p>Answers:{% for status, answer in route.responses.items() %} {{ status }} {{ answer.description }}.{% endfor %}</p>
</section>
{% endfor %}{% endfor %}
<h2>Schemas</h2>
{% for name, schema in schemas.items() %}
<section><h3 id="{{ name }}">{{ name }}</h3><p>{{ schema.description or "" }}</p>
<pre>{{ show(schema) }}</pre></section>
{% endfor %}
</main></body></html>
"""


def answers(kind: type[msgspec.Struct], *problems: int) -> dict[int | str, dict[str, Any]]:
    """Return what FastAPI is to know of a route's answers."""
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    ok = {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}
    found: dict[int | str, dict[str, Any]] = {200: {"description": "The answer", "content": ok}}
    for status in (*problems, 400, 401, 403, 413, 414, 429, 431, 503):
        found[status] = {"description": "Refused: see detail", "content": problem}
    return found


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI file, with the schemas of our own types."""
    from fastapi.openapi.utils import get_openapi

    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    components = made.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    # None of the routes needs the token where the API is not exposed, so either is a valid way to ask.
    made["security"] = [{}, {"bearer": []}]
    return made


def page_of(openapi: dict[str, Any]) -> str:
    """Render the page."""
    environment = jinja2.Environment(autoescape=True)
    template = environment.from_string(_PAGE)
    return template.render(
        info=openapi["info"], paths=openapi["paths"], schemas=openapi["components"]["schemas"], show=_shown
    )


def _shown(schema: dict[str, Any]) -> Markup:
    return Markup.escape(msgspec.json.format(msgspec.json.encode(schema)).decode())
