"""How a cell of the matrix is shown: a shape for the widest access, a tick for proof, and all of it in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from sharing.models import Tally
from sharing.services.access.cells import Cell
from sharing.services.access.function_matrix import Form
from sharing.services.access.parties import Party
from sharing.services.tallying import CLASSES

#: What holding a class of actions amounts to.
DEEDS = {
    "invoke": "invoke",
    "invoke-url": "call the URL of",
    "read": "read the code or settings of",
    "manage": "change",
}
SHORT = {"invoke": "invoke", "invoke-url": "call its URL", "read": "read", "manage": "manage"}
OPEN = {"yes": "a service any account can drive", "depends": "perhaps a service any account can drive"}
THROUGH = {
    "everyone": "gets in as everyone does",
    "member": "gets in as a member of its organisation",
    "organization": "gets in as a member of an organisation, if it is one, which is not known here",
}
THROUGH_SHORT = {"everyone": "as everyone", "member": "as a member", "organization": "perhaps as a member"}


@dataclass(frozen=True)
class ShownCell:
    """`shape`: the symbol for the widest access; `tone`: ok, warn, bad, off or deny; `mark`: "!" not safe, "?" depends.
    `words` are the label, `short` what a phone's list shows."""

    id: str
    url: str
    shape: str
    tone: str
    mark: str
    tick: bool
    stale: bool
    denied: bool
    words: str
    short: str
    party: str


@dataclass(frozen=True)
class ShownForm:
    """A row: a form of a function and its cells, None where nothing is to show. `elsewhere`: how many of its cells stand
    on other pages of columns. Only `nobody` means that no statement that was read lets anybody in."""

    form: Form
    first: bool
    cells: tuple[ShownCell | None, ...]
    elsewhere: int

    @property
    def nobody(self) -> bool:
        """Nobody found, here or in other columns, though it was read."""
        return not self.form.cells and not self.form.unread


def shown_forms(forms: Sequence[Form], columns: Sequence[Party]) -> list[ShownForm]:
    """The rows of one page, with the columns of one page."""
    story = reverse("access-story", args=["00000000-0000-0000-0000-000000000000"])
    found = []
    before = None
    for number, form in enumerate(forms):
        address = story.replace("00000000-0000-0000-0000-000000000000", str(form.policy.pk))
        cells = tuple(
            _shown(cell, party, form, f"{address}?{urlencode({'who': party.key})}", f"cell-{number}-{place}")
            if (cell := form.cells.get((party.kind, party.principal))) is not None
            else None
            for place, party in enumerate(columns)
        )
        elsewhere = len(form.cells) - sum(cell is not None for cell in cells)
        found.append(ShownForm(form, form.policy.function_id != before, cells, elsewhere))
        before = form.policy.function_id
    return found


def _shown(cell: Cell, party: Party, form: Form, url: str, key: str) -> ShownCell:
    return ShownCell(
        id=key,
        url=url,
        shape=_shape(cell),
        tone=tone(cell),
        mark=mark(cell),
        tick=cell.proved,
        stale=cell.stale,
        denied=cell.denied,
        words=sentence(cell, party, form),
        short="; ".join(short(cell)),
        party=party.label,
    )


def _shape(cell: Cell) -> str:
    if not cell.widest:
        return "" if cell.denied else "through"
    return cell.widest if cell.usable else f"{cell.widest}-latent"


def tone(cell: Cell) -> str:
    """Colour never speaks alone: the mark and the words say the same."""
    if cell.public != "no":
        return "bad"
    if not cell.safe:
        return "warn"
    if cell.usable:
        return "warn" if cell.widest == "manage" else "ok"
    return "deny" if cell.denied else "off"


def mark(cell: Cell) -> str:
    """ "!" for what is not safe for certain, "?" for what hangs on something unknown, "" for what is safe."""
    if "yes" in (cell.public, cell.open_service):
        return "!"
    return "" if cell.safe else "?"


def sentence(cell: Cell, party: Party, form: Form) -> str:
    """The whole cell in words: who, what, on which form, how widely, proved or not, how old."""
    name = form.function.name + (f", {form.words.split(' → ')[0]}" if form.policy.qualifier else "")
    return f"{party.label}: {name}: {'; '.join(told(cell))}."


def told(cell: Cell) -> list[str]:
    """What the cell says, part by part."""
    parts = []
    if cell.classes:
        parts.append(f"may {listed([SHORT[one] for one in CLASSES if one in cell.classes])}")
    if cell.latent:
        parts.append(f"may {listed([SHORT[one] for one in CLASSES if one in cell.latent])}, not usable yet")
    if cell.denied:
        parts.append("a Deny names it")
    return [*parts, *_remarks(cell)]


def _remarks(cell: Cell) -> list[str]:
    """How widely, by which wider ways as well, proved or not, how old."""
    parts = []
    if cell.public != "no":
        parts.append("public" if cell.public == "yes" else "public, depends")
    if cell.open_service != "no":
        parts.append(OPEN[cell.open_service])
    if cell.depends and cell.public != "depends" and cell.open_service != "depends":
        parts.append("depends on something unknown")
    parts += [THROUGH[kind] for kind in cell.through]
    if cell.proved and cell.proof is not None:
        parts.append(f"proved for {cell.proof.principal.rsplit(':', 1)[-1]} on {timezone.localtime(cell.proof.at):%-d %b %Y}")
    elif cell.provable:
        parts.append("not proved")
    if cell.stale:
        parts.append("stale, as last read")
    return parts


def story_sentence(cell: Cell, party: Party, name: str) -> str:
    """The cell's story in a few sentences. `name`: the function, with its alias or version."""
    who, said = party.label, []
    if cell.classes:
        said.append(f"{who} may {_deeds(cell.classes)} {name}")
    if cell.latent:
        said.append(
            f"{who} {'also ' if cell.classes else ''}could {_deeds(cell.latent)} {name}, but not yet: something is missing"
        )
    if cell.denied:
        said.append(f"A Deny in the policy of {name} names {party.label}")
    if not said:
        said.append(f"{who}: no statement of {name} that was read lets it in")
    return ". ".join([*said, *map(capital, _remarks(cell))]) + "."


def _deeds(classes: Sequence[str]) -> str:
    return listed([DEEDS[one] for one in CLASSES if one in classes])


def short(cell: Cell) -> list[str]:
    """The same for a narrow screen."""
    parts = []
    if cell.classes:
        parts.append(capital(listed([SHORT[one] for one in CLASSES if one in cell.classes])))
    if cell.latent:
        parts.append(f"{capital(listed([SHORT[one] for one in CLASSES if one in cell.latent]))}, not usable yet")
    if cell.public != "no":
        parts.append("public" if cell.public == "yes" else "public, depends")
    elif cell.open_service != "no":
        parts.append("open service" if cell.open_service == "yes" else "open service, depends")
    elif cell.depends:
        parts.append("depends")
    if cell.denied:
        parts.append("Deny")
    if cell.through and not cell.classes:
        parts.append(next(words for kind, words in THROUGH_SHORT.items() if kind in cell.through))
    if cell.proved:
        parts.append("proved")
    elif cell.provable:
        parts.append("not proved")
    if cell.stale:
        parts.append("stale")
    return parts


def capital(text: str) -> str:
    """The first letter large, the rest as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def listed(words: Sequence[str]) -> str:
    """Words joined with commas and a last "and"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class ShownTally:
    """A cell of the matrix of accounts."""

    url: str
    functions: int
    shape: str
    tone: str
    mark: str
    stale: bool
    notes: tuple[str, ...]
    words: str


def shown_tally(tally: Tally, party: Party, owner: str, url: str, everyone: Tally | None) -> ShownTally:
    """Counts of one party on one owner account. `everyone`: beside its own, what it gets as everyone (or None)."""
    usable = [name for name, many in _classes(tally) if many]
    widest = usable[-1] if usable else "invoke-latent"
    notes = []
    if tally.public:
        notes.append(f"{tally.public:,} public")
    if tally.open_service:
        notes.append(f"{tally.open_service:,} open service{'' if tally.open_service == 1 else 's'}")
    if tally.depends:
        notes.append(f"{tally.depends:,} depend{'s' if tally.depends == 1 else ''}")
    wider = (("readable", tally.read), ("manageable", tally.manage))
    notes += [f"{many:,} {words}" for words, many in wider if many]
    if tally.latent:
        notes.append(f"{tally.latent:,} not usable yet")
    if tally.stale:
        notes.append(f"{tally.stale:,} stale")
    if everyone is not None and everyone.functions:
        notes.append(f"{everyone.functions:,} as everyone")
    bad, warn = party.kind == "everyone" and tally.not_safe, tally.not_safe or tally.manage
    plural = "" if tally.functions == 1 else "s"
    may = f"may {SHORT[widest]}" if usable else "may use nothing yet"
    return ShownTally(
        url=url,
        functions=tally.functions,
        shape=widest,
        tone="bad" if bad else "warn" if warn else "ok" if usable else "off",
        mark="!" if tally.public or tally.open_service else "?" if tally.depends else "",
        stale=bool(tally.stale),
        notes=tuple(notes),
        words="; ".join((f"{party.label}: {tally.functions:,} function{plural} of {owner}", f"widest: {may}", *notes)),
    )


def _classes(tally: Tally) -> tuple[tuple[str, int], ...]:
    """From the narrowest to the widest."""
    return ("invoke", tally.invoke), ("invoke-url", tally.invoke_url), ("read", tally.read), ("manage", tally.manage)
