"""Which regions an account may use: account:ListRegions and ec2:DescribeRegions."""

from sharing.sandbox.errors import Reply, as_json

#: Regions that every account has without asking, as AWS lists them.
DEFAULT = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
]

OPT_IN = ["af-south-1", "ap-east-1", "eu-south-1", "me-south-1"]


def list_regions(wanted: list[str], start: str, limit: int) -> Reply:
    """ListRegions. wanted: the statuses asked for (empty: all)."""
    known = [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in DEFAULT]
    known += [{"RegionName": name, "RegionOptStatus": "DISABLED"} for name in OPT_IN]
    found = [region for region in known if not wanted or region["RegionOptStatus"] in wanted]
    offset = int(start) if start.isdigit() else 0
    shape: dict[str, object] = {"Regions": found[offset : offset + limit]}
    if offset + limit < len(found):
        shape["NextToken"] = str(offset + limit)
    return as_json(shape)


def describe_regions(request_id: str, *, every: bool) -> Reply:
    """DescribeRegions: the enabled ones, or with AllRegions also those not opted into."""
    names = [(name, "opt-in-not-required") for name in DEFAULT]
    if every:
        names += [(name, "not-opted-in") for name in OPT_IN]
    items = "".join(
        f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
        f"<optInStatus>{status}</optInStatus></item>"
        for name, status in names
    )
    body = (
        '<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
        f"<requestId>{request_id}</requestId><regionInfo>{items}</regionInfo></DescribeRegionsResponse>"
    )
    return Reply(200, body.encode(), "text/xml")
