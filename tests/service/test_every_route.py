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
from urllib.parse import urlencode

import pytest
from coaching_people import coaching_examples
from conftest import flagged_call
from routes import Example, Walked, walk
from sqlalchemy import select

from service.api import who
from service.api.who import CSRF_HEADER
from service.people.access import INGEST_SCOPES, ROLES, permissions_of
from service.people.credentials import new_key
from service.store.calls import put_call
from service.store.tables import Call, Delivery, Job, Key, Moment, Note, Team, User, Webhook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

OPEN = {
    ("GET", "/api/v1/openapi.json"),
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/oidc/login"),
    ("GET", "/api/v1/oidc/callback"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/static"),
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

FILTERS = {
    **dict.fromkeys(("agent", "agent_id"), lambda _known: "s1"),
    **dict.fromkeys(("customer", "customer_id"), lambda _known: "cust-south"),
    **dict.fromkeys(("team", "team_id"), lambda known: known["team_id"].south),
    **dict.fromkeys(("text", "q"), lambda _known: "southern"),
    "call_id": lambda _known: "call-s1",
    "by": lambda _known: "agent",
}
"""What of a query somebody may try in order to get at the south."""

INGEST = "ingest"

NARROW = ("coach", "agent")
"""Roles that do not see the south."""

SOUTH = re.compile(r"(?<![\w-])[sS][12](?![\w-])|call-s[12]|southern|cust-south")
"""Marks of the south: its agents, its calls, a word in its transcripts and names, its customer."""


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
    jobs = {
        side: Job(kind="score", payload={}, state="done", error=f"{side}ern", created_by=users[whose])
        for side, whose in (("north", "coach"), ("south", "south"))
    }
    hook = Webhook(url="https://hooks.example.com/", events=[], secret="x")
    session.add_all((*jobs.values(), hook))
    session.flush()
    session.add(delivery := Delivery(webhook_id=hook.id, event="moment.flagged", payload={}, state="failed"))
    session.flush()
    return {
        "job_id": Example(str(jobs["north"].id), str(jobs["south"].id)),
        "hook_id": Example(str(hook.id), str(hook.id), of_team=False),
        "delivery_id": Example(str(delivery.id), str(delivery.id), of_team=False),
        "call_id": Example("call-n1", "call-s1"),
        "moment_key": Example(moments["call-n1"], moments["call-s1"]),
        "keys": Example(moments["call-n1"], moments["call-s1"]),
        "note_id": Example(notes["call-n1"], notes["call-s1"]),
        "utterance_index": Example("1", "1", of_team=False),
        "customer_id": Example("cust-1", "cust-south", of_team=False),
        "metric": Example("sentiment", "sentiment", of_team=False),
        "agent_id": Example("n1", "s1"),
        "team_id": Example(teams["north"], teams["south"]),
        "key_id": Example(keys["north"], keys["south"]),
        "user_id": Example(str(users["coach"]), str(users["south"]), of_team=False),
        **{name: Example(*each) for name, each in coaching_examples(session, users).items()},
    }


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
        """Ask ``route`` as a new login of ``role``, or with an ingest key.

        ``sides`` are those of the path's parameters, ``body`` of what the body names.
        """
        sides = sides or ("south",) * len(route.params)
        browser = self.client("admin", scopes=INGEST_SCOPES) if role == INGEST else self.client(role)
        if not csrf:
            del browser.headers[CSRF_HEADER]
        if route.bodies:
            more["json"] = route.bodies[body]
        more["params"] = route.queries.get("north", {}) | more.get("params", {})
        answer = browser.request(route.method, route.url(sides), follow_redirects=False, **more)
        if route.declared is not None:
            told = f"{route} as {role} answers {answer.status_code}, which it does not declare: {answer.text}"
            assert str(answer.status_code) in route.declared, told
        return answer


def rights(role: str) -> frozenset[str]:
    """What a role may do; ``ingest`` is a key of the admin's that may bring things in."""
    return frozenset(INGEST_SCOPES) if role == INGEST else permissions_of(role)


def may_ask(route: Walked, role: str) -> bool:
    """Whether the route's guard lets somebody of this role in."""
    return route.permission in rights(role) or route.guards == (who.signed_in,)


def lacks(answer: Any) -> bool:
    """Whether somebody was refused for want of a permission."""
    return answer.status_code == 403 and answer.json()["error"]["message"].startswith(NEEDS)


def test_every_route_has_exactly_one_guard_and_every_parameter_an_example(world):
    assert len(world.routes) > 10
    for route in world.routes:
        assert len(route.guards) == 1, f"{route}: give it exactly one of may(...), signed_in, anyone"
        for name in route.params:
            known = name in world.known or name in route.closed
            assert known, f"{route}: add an example of {name} to examples() in this file"
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


@pytest.mark.parametrize("roles", [("admin",), (INGEST, *ROLES[:0:-1])], ids=["admin", "others"])
def test_who_lacks_the_permission_is_refused_and_who_has_it_is_let_in(world, roles):
    """Let in means any answer but 401, 403 and a fault: what is asked for need not be possible."""
    for role in roles:
        _walk_as(world, role)


def _walk_as(world, role):
    for route in sorted(world.routes, key=lambda r: r.method == "DELETE"):
        if route.permission is None:
            continue
        answer = world.ask(route, role)
        told = f"{route} as {role}: {answer.status_code} {answer.text[:300]}"
        assert lacks(answer) == (route.permission not in rights(role)), told
        assert answer.status_code != 401, told
        assert answer.status_code < 500, told


def test_what_is_out_of_sight_does_not_exist(world):
    """Also where one parameter of the path is within sight and another is not."""
    n = 0
    for role, route in product((*NARROW, INGEST), world.routes):
        if not may_ask(route, role) or not route.params:
            continue
        of_team = [name in world.known and world.known[name].of_team for name in route.params]
        for nth, narrow in enumerate(of_team):
            if not narrow:
                continue
            n += 1
            mixed = ["south" if i == nth else "north" for i in range(len(of_team))]
            for sides in (mixed, ["south"] * len(of_team)):
                answer = world.ask(route, role, *sides)
                if route.permission is None and lacks(answer):
                    continue  # a guard of its own, which tells nothing of what is there
                assert answer.status_code == 404, (
                    f"{route} {sides} as {role}: {answer.status_code} {answer.text}"
                )
                assert answer.json()["error"]["code"] == "not_found"
    assert n


def test_nothing_of_the_south_is_in_any_answer_to_the_north(world):
    """Whatever is read, of the north or of nothing, asked plainly or for what is of the south."""
    n = 0
    for role, route in product(NARROW, world.routes):
        if route.method != "GET" or not may_ask(route, role):
            continue
        answer = world.ask(route, role, *["north"] * len(route.params))
        assert not SOUTH.search(answer.text), f"{route} as {role}: {SOUTH.search(answer.text)}"
        n += answer.status_code == 200
        for name in set(route.filters) & FILTERS.keys():
            wanted = FILTERS[name](world.known)
            answer = world.ask(route, role, *["north"] * len(route.params), params={name: wanted})
            if answer.status_code < 300:
                found = SOUTH.search(answer.text)
                assert not found, f"{route}?{name}={wanted} as {role}: {found}"
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
        if not may_ask(route, role) or not route.names:
            continue
        n += 1
        north, south = (
            world.ask(route, role, *["north"] * len(route.params), body=side) for side in ("north", "south")
        )
        assert north.status_code < 300, f"{route} as {role}: give its body examples that fit: {north.text}"
        assert south.status_code == 404, f"{route} as {role} {route.names}: {south.status_code} {south.text}"
    assert n


ODD = (
    "a%00b", "%ff%fe", "%ED%A0%80", "%0d%0aX-Odd:%201", "..%2f..%2fetc%2fpasswd", "%27%20OR%20%271%27=%271",
    "-1", "99999999999999999999999", "x" * 5000,
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
                must = urlencode(route.queries["north"], doseq=True)
                answers += [browser.get(f"{route.path}?{name}={odd}&{must}") for name in route.filters]
            for answer in answers:
                assert answer.status_code < 500, (
                    f"{route} with {odd[:40]}: {answer.status_code} {answer.text}"
                )
                assert "x-odd" not in answer.headers
