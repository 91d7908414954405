"""Every route of the application, walked as every role, with an ingest key, and as a stranger.

A new route is walked without a change here. A new parameter of a path needs a line in ``examples``: what
names something of the south, which the coach of the north and the agent ``n1`` must not see, and of the
north. A route open to strangers needs a line in ``OPEN``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from conftest import flagged_call
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import select

from service.api import who
from service.api.who import CSRF_HEADER
from service.people.access import INGEST_SCOPES, ROLES, permissions_of
from service.people.credentials import new_key
from service.store.calls import put_call
from service.store.tables import Call, Key, Moment, Note, Team, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

OPEN = {
    ("GET", "/api/v1/openapi.json"),
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/oidc/login"),
    ("GET", "/api/v1/oidc/callback"),
}
"""What strangers may ask."""

ONE_S_OWN = {
    ("GET", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/session/password"),
}
"""What somebody who must change their password first may ask."""

NEEDS = "This needs the permission"
"""How the refusal of :func:`service.api.who.may` begins; a route may refuse for reasons of its own too."""

NARROW = ("coach", "agent")
"""Roles that do not see the south."""

SOUTH = re.compile(r"(?<![\w-])[sS][12](?![\w-])|call-s[12]|southern|cust-south")
"""Marks of the south: its agents, its calls, a word in its transcripts and names, its customer."""


@dataclass(frozen=True)
class Example:
    """A value of a path's parameter. ``of_team``: whether who does not see the south does not see it."""

    north: str
    south: str
    of_team: bool = True


def examples(session: Session, users: dict[str, int]) -> dict[str, Example]:
    """By the name of the parameter, or of the field of a body."""
    teams = {team.name[:5]: str(team.id) for team in session.query(Team)}
    keys = {key.name: str(key.id) for key in session.query(Key)}
    moments = {
        call: session.scalars(select(Moment.key).join(Call).where(Call.call_id == call)).first()
        for call in ("call-n1", "call-s1")
    }
    notes = {}
    for call in ("call-n1", "call-s1"):
        row = session.scalars(select(Call.id).where(Call.call_id == call)).one()
        session.add(note := Note(call_id=row, text="northern" if call == "call-n1" else "southern"))
        session.flush()
        notes[call] = str(note.id)
    return {
        "call_id": Example("call-n1", "call-s1"),
        "moment_key": Example(moments["call-n1"], moments["call-s1"]),
        "keys": Example(moments["call-n1"], moments["call-s1"]),
        "note_id": Example(notes["call-n1"], notes["call-s1"]),
        "utterance_index": Example("1", "1", of_team=False),
        "agent_id": Example("n1", "s1"),
        "team_id": Example(teams["north"], teams["south"]),
        "key_id": Example(keys["north"], keys["south"]),
        "user_id": Example(str(users["coach"]), str(users["south"]), of_team=False),
    }


@dataclass(frozen=True)
class Walked:
    """A method of a route and what guards it."""

    method: str
    path: str
    guards: tuple[Any, ...]
    params: tuple[str, ...]
    query: tuple[str, ...]
    bodies: dict[str, Any]
    names: frozenset[str]
    declared: frozenset[str] | None

    @property
    def permission(self) -> str | None:
        """The one it needs, if it needs one."""
        return next((g.permission for g in self.guards if hasattr(g, "permission")), None)

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
            path = context.path
            if not isinstance(context.original_route, APIRoute):
                found.append(Walked(method, path, (who.anyone,), (), (), {}, frozenset(), None))
                continue
            told = whole["paths"].get(path, {}).get(method.lower(), {})
            content = told.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            found.append(
                Walked(
                    method,
                    path,
                    tuple(guards(context.dependant)),
                    tuple(re.findall(r"{(\w+)(?::\w+)?}", path)),
                    tuple(p["name"] for p in told.get("parameters", []) if p["in"] == "query"),
                    {} if schema is None else {side: made.make(schema) for side, made in sides.items()},
                    frozenset() if schema is None else frozenset(sides["south"].names(schema)),
                    frozenset(told["responses"]) if told else None,
                )
            )
    return found


@pytest.fixture
def world(client, centre):
    """The routes, the examples, and how to ask one of them as somebody."""
    with centre.database.begin() as session:
        south = session.query(Team).filter_by(name="south").one()
        south.name = "southern"
        user = User(email="southern@example.com", name="southern", role="coach")
        session.add(user)
        session.flush()
        new_key(
            session, session.get_one(User, centre.users["coach"]), name="north", scopes=["calls.read"], days=1
        )
        new_key(session, user, name="south", scopes=["calls.read"], days=1)
        made = flagged_call("call-s1", agent_id="s1")
        spoken = [replace(u, text=f"{u.text} southern") for u in made.utterances]
        put_call(session, replace(made, utterances=tuple(spoken), customer_id="cust-south"))
        known = examples(session, centre.users | {"south": user.id})
    return World(client, known, walk(client(None).app, known))


@dataclass(frozen=True)
class World:
    """A centre of two teams, and its application."""

    client: Any
    known: dict[str, Example]
    routes: list[Walked]

    def ask(
        self, route: Walked, role: str | None, *sides: str, body: str = "south", csrf: bool = True, **more
    ):
        """Ask ``route`` as a new login of ``role``, or with a key of ``scopes``.

        ``sides`` are those of the path's parameters, ``body`` of what the body names.
        """
        sides = sides or ("south",) * len(route.params)
        path = route.path
        for name, side in zip(route.params, sides, strict=True):
            path = re.sub(rf"{{{name}(:\w+)?}}", getattr(self.known[name], side), path)
        browser = self.client(role, scopes=more.pop("scopes", None))
        if not csrf:
            del browser.headers[CSRF_HEADER]
        if route.bodies:
            more["json"] = route.bodies[body]
        answer = browser.request(route.method, path, follow_redirects=False, **more)
        if route.declared is not None:
            told = f"{route} as {role} answers {answer.status_code}, which it does not declare: {answer.text}"
            assert str(answer.status_code) in route.declared, told
        return answer


def test_every_route_has_exactly_one_guard_and_every_parameter_an_example(world):
    assert len(world.routes) > 10
    for route in world.routes:
        assert len(route.guards) == 1, f"{route}: give it exactly one of may(...), signed_in, anyone"
        for name in route.params:
            assert name in world.known, f"{route}: add an example of {name} to examples() in this file"
    open_to_all = {(r.method, r.path) for r in world.routes if r.guards == (who.anyone,)}
    assert open_to_all == OPEN, "a route is open to strangers that is not listed in OPEN, or the reverse"
    own = {(r.method, r.path) for r in world.routes if r.guards == (who.identified,)}
    assert own == ONE_S_OWN


def test_strangers_are_told_to_log_in_everywhere(world):
    for route in world.routes:
        if (route.method, route.path) in OPEN:
            continue
        answer = world.ask(route, None)
        assert answer.status_code == 401, f"{route}: {answer.status_code} {answer.text}"
        assert answer.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("roles", [("admin",), ("ingest", *ROLES[:0:-1])], ids=["admin", "others"])
def test_who_lacks_the_permission_is_refused_and_who_has_it_is_let_in(world, roles):
    """Let in means any answer but 401, 403 and a fault: what is asked for need not be possible."""
    for role in roles:
        _walk_as(world, role)


def _walk_as(world, role):
    who_asks: dict[str, Any] = (
        {"role": role} if role != "ingest" else {"role": "admin", "scopes": INGEST_SCOPES}
    )
    has = permissions_of(role) if role != "ingest" else frozenset(INGEST_SCOPES)
    for route in sorted(world.routes, key=lambda r: r.method == "DELETE"):
        if route.permission is None:
            continue
        answer = world.ask(route, **who_asks)
        told = f"{route} as {role}: {answer.status_code} {answer.text[:300]}"
        lacks = answer.status_code == 403 and NEEDS in answer.json()["error"]["message"]
        assert lacks == (route.permission not in has), told
        assert answer.status_code != 401, told
        assert answer.status_code < 500, told


def test_what_is_out_of_sight_does_not_exist(world):
    """Also where one parameter of the path is within sight and another is not."""
    n = 0
    for role, route in product(NARROW, world.routes):
        if route.permission not in permissions_of(role) or not route.params:
            continue
        of_team = [world.known[name].of_team for name in route.params]
        for nth, narrow in enumerate(of_team):
            if not narrow:
                continue
            n += 1
            mixed = ["south" if i == nth else "north" for i in range(len(of_team))]
            for sides in (mixed, ["south"] * len(of_team)):
                answer = world.ask(route, role, *sides)
                assert answer.status_code == 404, (
                    f"{route} {sides} as {role}: {answer.status_code} {answer.text}"
                )
                assert answer.json()["error"]["code"] == "not_found"
    assert n


def test_nothing_of_the_south_is_in_any_answer_to_the_north(world):
    """Whatever is read, of the north or of nothing, asked plainly or for what is of the south."""
    n = 0
    for role, route in product(NARROW, world.routes):
        if route.method != "GET" or route.permission not in permissions_of(role):
            continue
        answer = world.ask(route, role, *["north"] * len(route.params))
        assert not SOUTH.search(answer.text), f"{route} as {role}: {SOUTH.search(answer.text)}"
        n += answer.status_code == 200
        for name in set(route.query) & (set(world.known) | {"customer_id", "q", "text"}):
            wanted = world.known[name].south if name in world.known else "southern"
            wanted = "cust-south" if name == "customer_id" else wanted
            answer = world.ask(route, role, *["north"] * len(route.params), params={name: wanted})
            if answer.status_code < 300:
                assert not SOUTH.search(answer.text), (
                    f"{route}?{name}={wanted} as {role}: {answer.text[:500]}"
                )
    assert n


def test_the_admin_does_see_the_south_so_its_marks_are_worth_looking_for(world):
    told = "".join(world.ask(r, "admin").text for r in world.routes if r.method == "GET" and r.permission)
    for mark in ('"s1"', '"S1"', "call-s1", "southern", "cust-south"):
        assert mark in told


def test_no_change_passes_without_the_page_s_token(world):
    for role, route in product(ROLES, world.routes):
        if route.method == "GET" or (route.method, route.path) in OPEN:
            continue
        answer = world.ask(route, role, csrf=False)
        assert answer.status_code == 403, f"{route} as {role}: {answer.status_code} {answer.text}"
        assert CSRF_HEADER in answer.json()["error"]["message"]


def test_who_must_change_their_password_may_do_nothing_else(world, centre):
    with centre.database.begin() as session:
        session.get_one(User, centre.users["admin"]).must_change_password = True
    for route in world.routes:
        if (route.method, route.path) in OPEN | ONE_S_OWN:
            continue
        answer = world.ask(route, "admin")
        assert answer.status_code == 403, f"{route}: {answer.status_code}"
        assert "password" in answer.json()["error"]["message"]


def test_what_is_out_of_sight_cannot_be_named_in_a_body(world):
    """The same body about the north is taken, so it is not refused for another reason."""
    n = 0
    for role, route in product(NARROW, world.routes):
        if route.permission not in permissions_of(role) or not route.names:
            continue
        n += 1
        north, south = (
            world.ask(route, role, *["north"] * len(route.params), body=side) for side in ("north", "south")
        )
        assert north.status_code < 300, f"{route} as {role}: give its body examples that fit: {north.text}"
        assert south.status_code == 404, f"{route} as {role} {route.names}: {south.status_code} {south.text}"
    assert n


ODD = (
    "%00", "a%00b", "%ff%fe", "%0d%0aX-Odd:%201", "..%2f..%2fetc%2fpasswd", "%27%20OR%20%271%27=%271",
    "-1", "0", "99999999999999999999999", "1e3", "x" * 5000, "%F0%9F%98%80", "%ED%A0%80", "{}", "%20",
)  # fmt: skip


def test_no_odd_value_in_a_path_or_a_query_is_a_fault(world):
    """Null bytes, line ends, other folders, other statements, numbers no column holds, half characters."""
    browser = world.client("admin")
    for route in world.routes:
        if route.permission is None:
            continue
        for odd in ODD:
            answers = []
            if route.params:
                path = re.sub(r"{\w+(:\w+)?}", odd, route.path)
                answers.append(browser.request(route.method, path, json=route.bodies.get("north")))
            elif route.method == "GET":
                answers += [browser.get(f"{route.path}?{name}={odd}") for name in route.query]
            for answer in answers:
                assert answer.status_code < 500, (
                    f"{route} with {odd[:40]}: {answer.status_code} {answer.text}"
                )
                assert "x-odd" not in answer.headers
