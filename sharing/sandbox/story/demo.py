"""The demo: a platform team shares its functions with three consumers. Every policy here is one that real estates have."""

from sharing.sandbox.seeding import Seeding
from sharing.sandbox.story import layers, roles, sources
from sharing.sandbox.story.policies import POLICIES, full_policy

#: Held in one function's environment. Whoever stores, logs or shows it has kept a secret that was none of theirs.
CANARY = "canary-7Q2mXv9LrT4wZs8KdB1nHc6PfJ3yGu5E"

DASHBOARD = "777788889999"
PLATFORM = "444455556666"
ACME = "111122223333"
GLOBEX = "222233334444"
INITECH = "333344445555"
UMBRELLA = "666677778888"
ORGANISATION = "o-k3s8w1q9zt"
#: Of the organisation, but not of the story: the first moves accounts between units, the second has no keys. The platform
#: team is the organisation's delegated administrator.
MANAGEMENT = "888800001111"
CLOSING = "888800002222"
#: Its units: id → name, and the unit above ("" is the root). The management account is beneath the root.
CENTRAL, WORKLOADS, RETIRED = "ou-k3s8-central1", "ou-k3s8-workload", "ou-k3s8-retired1"
RETAIL, LOGISTICS = "ou-k3s8-retail01", "ou-k3s8-logistic"
UNITS = {
    CENTRAL: ("Central platform", ""),
    WORKLOADS: ("Workloads", ""),
    RETAIL: ("Retail", WORKLOADS),
    LOGISTICS: ("Logistics", WORKLOADS),
    RETIRED: ("Retired", ""),
}
ORGANISATION_EXTERNAL_ID = "fnshare-3b7c9e0f52d84a16a4c1d8e7f6b09325"

EXTERNAL_IDS = {
    PLATFORM: "fnshare-6f0b3d5ae1c94782b7d94c1f08e2a65b",
    ACME: "fnshare-c27e91d4580a4f63a1b8e5d70f3962c4",
    GLOBEX: "fnshare-18d5f7a3b96e4c02957c3e6b4d81fa20",
    INITECH: "fnshare-e94a60c7d21f4b58836fb0a97c5d13e8",
}

INVOKER_IDS = {
    PLATFORM: "fnshare-5b9e07c2f4d8416ea1c3790d6e2f8b45",
    ACME: "fnshare-a07d3c6e9f184b52b6e1d48c05f7932a",
}

#: Acme lets its sources be wired through a role; Globex does that by hand.
SOURCE_EXTERNAL_ID = "fnshare-72e4a9c05d1b4f8e93a6d7b20c8f1e54"

EAST, WEST = "us-east-1", "eu-west-1"

LONG_NAME = "quarterly-revenue-recognition-report-generator-for-all-countries"

#: region, name, description, aliases
FUNCTIONS: list[tuple[str, str, str, dict[str, str]]] = [
    (EAST, "hello_world", "Answers Hello world. The first function anyone shares.", {}),
    (EAST, "label-uploads", "Labels pictures that several accounts upload to S3; one bill", {"live": "3"}),
    (EAST, "resize-images", "Makes thumbnails of product pictures", {"live": "2"}),
    (EAST, "photo-intake", "Takes new product pictures in and checks their format", {}),
    (EAST, "checkout-webhook", "Receives payment notifications by function URL", {}),
    (EAST, "partner-callback", "Callback for partners, signed requests only", {"live": "1"}),
    (EAST, "invoice-render", "Renders invoices as PDF", {"live": "4", "beta": "5"}),
    (EAST, "invoice-archive", "Files rendered invoices", {}),
    (EAST, "tax-rates", "Tax rates by country and day", {"live": "1"}),
    (EAST, "currency-convert", "Converts amounts at the day's rate", {}),
    (EAST, "address-verify", "Checks postal addresses", {"live": "2"}),
    (EAST, "fraud-score", "Scores an order for fraud", {"live": "6"}),
    (EAST, "order-events", "Fans out order events", {}),
    (EAST, "nightly-report", "Builds the night's sales report", {}),
    (EAST, "send-receipt", "Mails receipts", {}),
    (EAST, "customer-export", "Exports one customer's data on request", {}),
    (EAST, "price-list", "Price list for resellers", {"live": "3"}),
    (EAST, "loyalty-points", "Books loyalty points", {"live": "1"}),
    (EAST, "feature-flags", "Feature flags for every tenant", {}),
    (EAST, "stock-levels", "Stock by warehouse", {"live": "1"}),
    (EAST, "payment-capture", "Captures authorised payments", {"live": "9"}),
    (EAST, "catalogue-search", "<script>alert('catalogue')</script> Searches the \"catalogue\" & ranks results", {}),
    (EAST, LONG_NAME, "Revenue recognition, every quarter", {}),
    (EAST, "deploy-hook", "Deployed by the pipeline of the build account", {}),
    (EAST, "skill-answers", "Answers the shop's Alexa skill", {}),
    (EAST, "alarm-router", "Routes CloudWatch alarms to the people on call", {}),
    (EAST, "session-cleanup", "Forgets abandoned carts", {}),
    (WEST, "hello_world", "Answers Hello world from Ireland", {}),
    (WEST, "invoice-render", "Renders invoices as PDF, European layout", {"live": "2"}),
    (WEST, "gdpr-erase", "Erases a person's data", {"live": "1"}),
    (WEST, "vat-check", "Checks VAT numbers", {}),
    (WEST, "legacy-labels", "Shared years ago, by a guide of that time", {}),
    (WEST, "newsletter-render", "Renders the newsletter", {}),
]


#: Functions that take their time: seconds of a run, and after how many AWS ends it.
TAKES = {"nightly-report": (5.0, 2), "customer-export": (75.0, 300)}


def load(sandbox: Seeding) -> None:
    """Seven accounts, thirty-three functions and nine layer versions in two regions."""
    workers = roles.add_dashboard(sandbox, DASHBOARD, "fnshare")
    platform = sandbox.add_account(PLATFORM, "Platform", "owner", regions=(EAST, WEST))
    roles.add_manager(sandbox, platform, DASHBOARD, workers, EXTERNAL_IDS[PLATFORM])
    for number, name in ((ACME, "Acme Retail"), (GLOBEX, "Globex"), (INITECH, "Initech")):
        consumer = sandbox.add_account(number, name, "consumer", regions=(EAST,))
        roles.add_checker(sandbox, consumer, PLATFORM, workers, EXTERNAL_IDS[number])
    for number in INVOKER_IDS:
        roles.add_invoker(sandbox, sandbox.account(number), PLATFORM, workers, INVOKER_IDS[number])
    sandbox.add_account(UMBRELLA, "Umbrella", "stranger")
    sandbox.add_account(MANAGEMENT, "Company management", "management")
    sandbox.found_organisation(ORGANISATION, MANAGEMENT, PLATFORM)
    for unit, (name, above) in UNITS.items():
        sandbox.add_unit(ORGANISATION, unit, name, under=above)
    for member, unit in ((PLATFORM, CENTRAL), (ACME, RETAIL), (GLOBEX, LOGISTICS), (CLOSING, RETIRED)):
        sandbox.add_to_organisation(member, ORGANISATION)
        sandbox.place(member, unit)
    sandbox.set_state(CLOSING, "SUSPENDED", name="Old playground")
    roles.add_organization_role(sandbox, platform, workers, ORGANISATION_EXTERNAL_ID)
    sandbox.add_role(ACME, "order-processor", "/apps/")
    sandbox.add_role(GLOBEX, "billing-batch")
    _add_functions(sandbox)
    for (region, target), make in POLICIES.items():
        arn = f"arn:aws:lambda:{region}:{PLATFORM}:function:{target}"
        sandbox.put_policy(arn, make(arn))
    full = f"arn:aws:lambda:{EAST}:{PLATFORM}:function:feature-flags"
    sandbox.put_policy(full, full_policy(full))
    layers.add(sandbox, PLATFORM, layers.DEMO)
    sources.add(sandbox)
    roles.add_source_role(sandbox, sandbox.account(ACME), workers, SOURCE_EXTERNAL_ID)


def _add_functions(sandbox: Seeding) -> None:
    for number, (region, name, description, aliases) in enumerate(FUNCTIONS):
        sandbox.add_function(
            PLATFORM,
            region,
            name,
            description=description,
            aliases=aliases,
            environment=_environment(name),
            tags={"team": ("payments", "catalogue", "growth")[number % 3]},
            url="NONE" if name == "checkout-webhook" else None,
            alias_urls={"live": "AWS_IAM"} if name == "partner-callback" else None,
            last_modified=f"2026-{1 + number % 10:02d}-{1 + number * 7 % 28:02d}T{8 + number % 10:02d}:30:00.000+0000",
            runtime=("python3.13", "nodejs22.x", "java21")[number % 3],
            memory=(128, 256, 512, 1024)[number % 4],
            answer="Hello world." if name == "hello_world" else None,
            fails=name == "deploy-hook",
            takes=TAKES.get(name, (0.0, 3))[0],
            timeout=TAKES.get(name, (0.0, 3))[1],
        )


def _environment(name: str) -> dict[str, str]:
    return {"STAGE": "prod", "PAYMENT_API_KEY": CANARY} if name == "payment-capture" else {"STAGE": "prod"}
