"""The key that signs the history's seals."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from sharing.models import Actor
from sharing.services.errors import Refusal
from sharing.services.sealing import keys

from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """`manage.py history-key [--new FILE]`."""

    help = (
        "Print the public half of the key of HISTORY_KEY_FILE, for verify-history --public-key. With --new make a key in a new "
        "file, which only its owner may read: it has to be the workers' user. One item: public, name."
    )
    acts = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Where a new one goes."""
        parser.add_argument("--new", metavar="FILE", default="", help="make a new key in this file")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Make or read it; its private half is never printed."""
        try:
            signer = keys.make(Path(options["new"])) if options["new"] else keys.signer()
        except keys.NoKey as problem:
            raise Refusal(str(problem), code="usage") from None
        if signer is None:
            raise Refusal("HISTORY_KEY_FILE is not set.", next="Make a key with --new.", code="usage")
        public = signer.public
        return Outcome([{"public": public.text, "name": public.name}], [public.text])
