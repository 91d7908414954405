"""What a test has to know of every route to walk it: its guard, and requests about one team or the other."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute, iter_route_contexts

from service.api import who

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class Example:
    """A value of a path's parameter. ``of_team``: whether who does not see the south does not see it."""

    north: str
    south: str
    of_team: bool = True


@dataclass(frozen=True, kw_only=True)
class Walked:
    """A method of a route: what guards it, and what it is asked with.

    ``values``, ``queries`` and ``bodies`` are by side: of the path's parameters, of what a query must have,
    of a body of JSON. ``closed`` are the path's parameters that are one of a few words; ``names`` the body's
    fields that name something that may be out of sight.
    """

    method: str
    path: str
    guards: tuple[Any, ...]
    params: tuple[str, ...] = ()
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    filters: tuple[str, ...] = ()
    queries: dict[str, Any] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    declared: frozenset[str] | None = None

    @property
    def permission(self) -> str | None:
        """The one it needs, if it needs one."""
        return next((g.permission for g in self.guards if hasattr(g, "permission")), None)

    def url(self, sides: Sequence[str]) -> str:
        """The path about what is of these sides, one for each parameter."""
        path = self.path
        for name, side in zip(self.params, sides, strict=True):
            path = re.sub(rf"{{{name}(:\w+)?}}", str(self.values[side][name]), path)
        return path

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def guards(dependant: Any) -> Iterator[Any]:
    """The guards among a route's dependencies; what a guard itself depends on is part of it."""
    for each in dependant.dependencies:
        if each.call in (who.anyone, who.identified, who.signed_in) or hasattr(each.call, "permission"):
            yield each.call
        else:
            yield from guards(each)


@dataclass(frozen=True)
class Bodies:
    """Makes bodies that fit the schemas of the API, about what is of one side."""

    schemas: dict[str, Any]
    known: dict[str, Example]
    side: str

    def make(self, schema: dict[str, Any], name: str = "") -> Any:
        """A value: the example of its name here or in the schema, or the least that fits."""
        if "$ref" in schema:
            return self.make(self.schemas[schema["$ref"].rpartition("/")[2]], name)
        for either in ("anyOf", "oneOf", "allOf"):
            if either in schema:
                return self.make(
                    schema[either][0] | {k: schema[k] for k in ("examples",) if k in schema}, name
                )
        kind = schema.get("type")
        if name in self.known and kind in {"string", "integer"}:
            value = getattr(self.known[name], self.side)
            return int(value) if kind == "integer" else value
        if kind == "array" and name in self.known:
            return [self.make(schema["items"], name)]
        if "const" in schema:
            return schema["const"]
        if given := [e for e in schema.get("examples", ()) if e is not None] or schema.get("enum"):
            return given[0]
        if kind == "object":
            return {key: self.make(each, key) for key, each in schema.get("properties", {}).items()}
        if kind == "array":
            return [self.make(schema["items"], name)] * schema.get("minItems", 0)
        return {
            "integer": schema.get("minimum", 1), "number": schema.get("minimum", 0.0), "boolean": True,
            "string": "x" * max(1, schema.get("minLength", 1)),
        }.get(kind)  # fmt: skip

    def names(self, schema: dict[str, Any]) -> set[str]:
        """The fields that name something that may be out of sight."""
        if "$ref" in schema:
            return self.names(self.schemas[schema["$ref"].rpartition("/")[2]])
        return {n for n in schema.get("properties", ()) if n in self.known and self.known[n].of_team}


def walk(app: Any, known: dict[str, Example]) -> list[Walked]:
    """All routes, with every method but HEAD and OPTIONS, which answer no more than GET."""
    whole = app.openapi()
    sides = {side: Bodies(whole["components"]["schemas"], known, side) for side in ("north", "south")}
    found = []
    for context in iter_route_contexts(app.routes):
        for method in sorted((context.methods or {"GET"}) - {"HEAD", "OPTIONS"}):
            if not isinstance(context.original_route, APIRoute):
                found.append(Walked(method=method, path=context.path, guards=(who.anyone,)))
                continue
            told = whole["paths"].get(context.path, {}).get(method.lower(), {})
            found.append(_walked(method, context, told, sides))
    return found


def _walked(method: str, context: Any, told: dict[str, Any], sides: dict[str, Bodies]) -> Walked:
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    told_of = told.get("parameters", ())
    given = {where: [p for p in told_of if p["in"] == where] for where in ("path", "query")}
    must = [p for p in given["query"] if p.get("required")]
    made = {
        side: {p["name"]: bodies.make(p["schema"], p["name"]) for p in (*given["path"], *must)}
        for side, bodies in sides.items()
    }
    return Walked(
        method=method,
        path=context.path,
        guards=tuple(guards(context.dependant)),
        params=tuple(re.findall(r"{(\w+)(?::\w+)?}", context.path)),
        values=made,
        closed=frozenset(p["name"] for p in given["path"] if "'enum'" in str(p["schema"])),
        filters=tuple(p["name"] for p in given["query"]),
        queries={side: {p["name"]: made[side][p["name"]] for p in must} for side in sides},
        bodies={} if body is None else {side: bodies.make(body) for side, bodies in sides.items()},
        names=frozenset() if body is None else frozenset(sides["south"].names(body)),
        declared=frozenset(told["responses"]) if told else None,
    )
