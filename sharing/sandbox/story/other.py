"""A second estate of the same shape with other accounts, names and regions: what works on the demo must work here."""

from sharing.sandbox.seeding import Seeding
from sharing.sandbox.story import layers, roles
from sharing.sandbox.story.statements import account, allow, organisation, policy, service, url_pair

DASHBOARD = "905418230177"
STUDIO = "318264905533"
NORTHWIND, CONTOSO, FABRIKAM = "640172958821", "752093486610", "861530274498"
TAILSPIN = "973648120256"
ORGANISATION = "o-v7m2p4x9qd"
ORGANISATION_EXTERNAL_ID = "fnshare-91f2d4c6b8a04e5790c3e1a7d5b8f264"

EXTERNAL_IDS = {
    STUDIO: "share-d81c5f0a62e74b39",
    NORTHWIND: "share-4be92a7f10c84d56",
    CONTOSO: "share-93f6e0d1b5a24c78",
    FABRIKAM: "share-07ac48be3d9f4125",
}

INVOKER_IDS = {STUDIO: "share-e05b7c19d3f84a26", NORTHWIND: "share-61d0f4a89c2b4e73"}

FRANKFURT, SYDNEY = "eu-central-1", "ap-southeast-2"

#: region, name, description, aliases
FUNCTIONS: list[tuple[str, str, str, dict[str, str]]] = [
    (FRANKFURT, "transcode-clip", "Transcodes one clip", {"prod": "2"}),
    (FRANKFURT, "subtitle-align", "Aligns subtitles with speech", {}),
    (FRANKFURT, "rights-lookup", "Who holds the rights to a title", {"prod": "1"}),
    (FRANKFURT, "poster-crop", "Crops posters for every screen", {}),
    (FRANKFURT, "ingest-watch", "Takes in what partners upload", {}),
    (FRANKFURT, "license-check", "Checks a licence", {"prod": "3", "canary": "4"}),
    (SYDNEY, "transcode-clip", "Transcodes one clip, close to Australia", {"prod": "1"}),
    (SYDNEY, "title-search", "Searches titles", {}),
    (SYDNEY, "royalty-split", "Splits royalties", {}),
]


def load(sandbox: Seeding) -> None:
    """Six accounts, nine functions in two regions."""
    workers = roles.add_dashboard(sandbox, DASHBOARD, "Sharing desk", user="share-agent", path="/tools/")
    studio = sandbox.add_account(STUDIO, "Studio", "owner", regions=(FRANKFURT, SYDNEY), user="root-admin")
    roles.add_manager(sandbox, studio, DASHBOARD, workers, EXTERNAL_IDS[STUDIO], "function-sharing")
    for number, name in ((NORTHWIND, "Northwind"), (CONTOSO, "Contoso"), (FABRIKAM, "Fabrikam")):
        consumer = sandbox.add_account(number, name, "consumer", regions=(FRANKFURT,), user="root-admin")
        roles.add_checker(sandbox, consumer, STUDIO, workers, EXTERNAL_IDS[number], "function-prober")
    for number in INVOKER_IDS:
        roles.add_invoker(sandbox, sandbox.account(number), STUDIO, workers, INVOKER_IDS[number], "function-caller")
    sandbox.add_account(TAILSPIN, "Tailspin", "stranger", user="root-admin")
    sandbox.found_organisation(ORGANISATION, STUDIO)
    sandbox.add_to_organisation(NORTHWIND, ORGANISATION)
    roles.add_organization_role(sandbox, studio, workers, ORGANISATION_EXTERNAL_ID, "members-reader")
    sandbox.add_role(CONTOSO, "editor", "/media/")
    for region, name, description, aliases in FUNCTIONS:
        url = "NONE" if name == "title-search" else None
        sandbox.add_function(STUDIO, region, name, description=description, aliases=aliases, url=url)
    _add_policies(sandbox)
    layers.add(sandbox, STUDIO, layers.OTHER)


def _add_policies(sandbox: Seeding) -> None:
    def arn(region: str, target: str) -> str:
        return f"arn:aws:lambda:{region}:{STUDIO}:function:{target}"

    clip = arn(FRANKFURT, "transcode-clip:prod")
    sandbox.put_policy(clip, policy(account("northwind", NORTHWIND, clip)))
    rights = arn(FRANKFURT, "rights-lookup:prod")
    sandbox.put_policy(rights, policy(organisation("organisation", ORGANISATION, rights)))
    poster = arn(FRANKFURT, "poster-crop")
    editor = {"AWS": f"arn:aws:iam::{CONTOSO}:role/media/editor"}
    sandbox.put_policy(poster, policy(allow("editors", editor, poster)))
    ingest = arn(FRANKFURT, "ingest-watch")
    bucket = "arn:aws:s3:::fabrikam-deliveries"
    sandbox.put_policy(
        ingest,
        policy(service("deliveries", "s3.amazonaws.com", ingest, source_account=FABRIKAM, source_arn=bucket)),
    )
    licence = arn(FRANKFURT, "license-check")
    sandbox.put_policy(
        licence,
        policy(
            account("terraform-20260301081500987600000001", CONTOSO, licence),
            allow("no-editors", editor, licence, effect="Deny"),
        ),
    )
    search = arn(SYDNEY, "title-search")
    sandbox.put_policy(search, policy(*url_pair(search, "*", "NONE")))
    royalty = arn(SYDNEY, "royalty-split")
    sandbox.put_policy(royalty, policy(allow("gone", {"AWS": "AROA5TZ8QKEXAMPLE7W3M"}, royalty)))
