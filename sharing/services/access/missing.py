"""Where the owner's side does not let a caller in: the shared form, and each statement that misses by one thing."""

from __future__ import annotations

from collections.abc import Iterator

from sharing.policy.handing_over import identity_policy_text
from sharing.policy.near import Miss, Near

from .ghosts import former_names
from .reasoning import Reasoned
from .repairs import Cause, HandOver, Repair, share, tried, whom_to_name


def other_form(found: Reasoned) -> Iterator[Cause]:
    owner, asked = found.owner, found.question
    if not owner.forms:
        return
    first = owner.forms[0]
    listed = " or ".join(
        f"{asked.function.name}:{one.qualifier}" if one.qualifier else asked.function.name for one in owner.forms
    )
    arn = asked.arn.with_qualifier(first.qualifier)
    yield Cause(
        "other-form",
        "call",
        f"They called {asked.place}; what is shared with them is {listed}",
        "Each alias, each version and the function itself has a policy of its own, and only the form that is called counts. "
        f"{'' if first.certain else 'Whether that one lets them in hangs on something unknown. '}"
        "Let them call the shared form, or share the one they call.",
        share(found),
        (
            HandOver("The ARN to call", first.arn),
            *tried(asked, arn),
            HandOver("Least identity policy for that form", identity_policy_text(asked.actions, arn)),
        ),
    )


def missed(found: Reasoned, miss: Miss) -> Iterator[Cause]:
    """A statement that misses them by one thing."""
    asked, name = found.question, miss.statement.name
    named = ", ".join(one.name for one in miss.principals[:3])
    show = Repair("statement", "Show the statement", index=miss.statement.index)
    match miss.why:
        case Near.CONDITION:
            said = "; ".join(condition.text for condition in miss.conditions)
            text = f"It lets them in only if {said}. That does not hold for this call as it was described."
            yield Cause("condition", "owner", f"A condition of “{name}” is not met", text, show)
        case Near.GHOST:
            yield _ghost(found, miss)
        case Near.SESSION:
            text = f"It names {named}, and nothing else of that role. Share with the role to let every session of it in."
            yield Cause("session", "owner", f"“{name}” names one session only", text, share(found))
        case Near.PATH:
            text = f"It names the role {named}; they call as {asked.principal}. A role's path is part of its name."
            yield Cause("path", "owner", f"“{name}” names a role of another path", text, share(found))
        case Near.SPELLING:
            text = f"It names {named}: capital and small letters count in the names of roles and users."
            yield Cause("spelling", "owner", f"“{name}” spells their name in another way", text, share(found))
        case Near.IDENTITY:
            text = f"It names {named} of the same account. Call as that one, or share with this one too."
            yield Cause("other-identity", "owner", f"“{name}” is for another role or user of their account", text, share(found))
        case Near.ACTION:
            granted = ", ".join(miss.statement.actions[:3]) or "other actions"
            text = f"It allows {granted}, and the call needs {' and '.join(asked.actions)}."
            yield Cause("action", "owner", f"“{name}” allows something else", text, share(found))
        case Near.FORM:
            text = f"It is written for {', '.join(miss.statement.resources[:2])}, which is another form of the function."
            yield Cause("form", "owner", f"“{name}” is on another form", text, share(found))


def _ghost(found: Reasoned, miss: Miss) -> Cause:
    asked = found.question
    former = former_names(asked.policy, miss.statement) if asked.policy is not None else {}
    ids = ", ".join(one.value for one in miss.principals)
    names = [name for name in former.values() if name]
    theirs = whom_to_name(asked.caller.principal)
    if theirs in names:
        title, code = f"“{miss.statement.name}” names their role as it was before it was deleted", "ghost"
        text = (
            f"AWS ties a statement to the role or user that existed when it was written. {theirs} was deleted and made again: "
            f"the statement now reads {ids} and lets nobody in. Share anew, and take the dead statement back."
        )
    else:
        title, code = f"“{miss.statement.name}” names a deleted role or user", "ghost-perhaps"
        who = f"It was {', '.join(names)}." if names else "Which one it was is not known here."
        text = f"{ids} lets nobody in any more. {who} If it was theirs, made again under the same name, share anew."
    return Cause(code, "owner", title, text, share(found), (HandOver("The id in the statement", ids),))
