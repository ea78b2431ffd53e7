"""Somebody at a browser without JavaScript: signs in, reads pages, sends the forms that are on them."""

import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

from tests.live import LiveDemo


@dataclass
class Form:
    """A form of a page: where it goes and what it would send. buttons: what its submit buttons would add."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """status: of the last answer, redirects not followed. seconds: until it was read."""

    status: int
    text: str
    location: str
    seconds: float

    @property
    def forms(self) -> list[Form]:
        """The page's forms that are sent by POST."""
        reader = _Forms()
        reader.feed(self.text)
        return reader.forms

    def form(self, action: str) -> Form:
        """The form that goes to this path."""
        found = [form for form in self.forms if form.action == action]
        assert found, f"No form goes to {action}; there are {[form.action for form in self.forms]}. {self.said}"
        return found[0]

    @property
    def words(self) -> str:
        """What a person reads on the page, on one line."""
        reader = _Words()
        reader.feed(self.text)
        return " ".join(" ".join(reader.words).split())

    @property
    def said(self) -> str:
        """For the message of a failed test."""
        return f"{self.status}: {self.words[:2000]}"


class Person:
    """A session of somebody who signed in. One at a time; `again()` gives the same person a second window."""

    def __init__(self, demo: LiveDemo, role: str = "owner") -> None:
        self.demo = demo
        self.role = role
        self.base = f"http://localhost:{demo.port}"
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(_Stay(), urllib.request.HTTPCookieProcessor(self._cookies))

    def sign_in(self) -> "Person":
        """Through the form."""
        login = self.demo.login(self.role)
        form = self.get("/login/").form("/login/")
        answer = self.send(form, login=login["email"], password=login["password"])
        assert answer.status == 302, answer.said
        return self

    def again(self) -> "Person":
        """Another window with the same session, for doing two things at once."""
        twin = Person(self.demo, self.role)
        for cookie in self._cookies:
            twin._cookies.set_cookie(cookie)
        return twin

    def get(self, path: str) -> Answer:
        return self._ask(urllib.request.Request(self.base + path))

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        request = urllib.request.Request(self.base + path, data=urllib.parse.urlencode(fields).encode())
        request.add_header("Origin", self.base)
        request.add_header("Referer", self.base + path)
        return self._ask(request)

    def send(self, form: Form, **filled: str) -> Answer:
        """Send a form with these fields filled in."""
        return self.post(form.action, {**form.fields, **filled})

    def _ask(self, request: urllib.request.Request) -> Answer:
        began = time.monotonic()
        try:
            with self._opener.open(request, timeout=30) as answer:
                return _answer(answer, began)
        except urllib.error.HTTPError as answer:
            return _answer(answer, began)

    # The three clicks of the product.

    def preview(self, function: str, who: str, **filled: str) -> Form:
        """Ask for a share of this function (its key): the form as the preview gives it back, ready to confirm."""
        path = f"/functions/{function}/share/"
        form = self.get(path).form(path)
        answer = self.send(form, who=who, step="preview", **filled)
        confirm = answer.form(path)
        assert "seen" in confirm.fields, answer.said
        return confirm

    def confirm(self, form: Form, step: str = "grant") -> Answer:
        """The last click of a share."""
        return self.send(form, step=step)

    def revoke(self, grant: str, **filled: str) -> Answer:
        """Take a grant (its key) back: open the question, then confirm."""
        path = f"/grants/{grant}/revoke/"
        return self.send(self.get(path).form(path), **filled)


def _answer(answer: Any, began: float) -> Answer:
    text = answer.read().decode("utf-8", "replace")
    return Answer(int(answer.status), text, answer.headers.get("Location", ""), time.monotonic() - began)


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method", "").lower() == "post":
            self._form = Form(found.get("action", ""))
            self.forms.append(self._form)
        if self._form is None:
            return
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "input" and name:
            kind = found.get("type", "text")
            if kind in ("checkbox", "radio"):
                if "checked" in found:
                    self._form.fields[name] = value or "on"
            elif kind == "submit":
                self._form.buttons.append((name, value))
            else:
                self._form.fields[name] = value
        elif tag == "button" and name:
            self._form.buttons.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if self._select not in self._form.fields or "selected" in found:
                self._form.fields[self._select] = value
        elif tag == "textarea":
            self._textarea = name
            self._form.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._textarea:
            self._form.fields[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = self._silent or tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)
