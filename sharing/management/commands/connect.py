"""Connect an AWS account: name it, hand out ExternalId and templates, or give the roles that were made."""

import shlex
from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from sharing.models import Actor, Connection, ConnectionState, Purpose
from sharing.services import connecting
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.reading import test_connection

from ._output import Outcome, Problem, ShareCommand, account_id, timed_out

_MARKS = {"ok": "ok      ", "missing": "missing ", "warning": "warning ", "failed": "FAILED  "}


class Command(ShareCommand):
    """`manage.py connect`."""

    help = (
        "Connect an AWS account. Without role ARNs: prints the ExternalIds and the templates to make the roles with. With "
        "role ARNs: a worker tests the roles; --wait shows what the test found. Connected with warnings is exit 0. Items "
        "have: id, account, name, purpose, state, role_arn, external_id, regions, limited_to, verbs, report, failure, next, "
        "and while the role is awaited cloudformation, commands and terraform."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """ACCOUNT_ID, its name, its roles and regions."""
        parser.add_argument("account", metavar="ACCOUNT_ID", type=account_id, help="12 digits")
        parser.add_argument("--name", required=True, help="what people call the account")
        parser.add_argument("--role-arn", default="", metavar="ARN", help="the manager role: its functions are read and shared")
        parser.add_argument(
            "--external-id", default="", metavar="X", help="only if the manager role exists already with this one"
        )
        parser.add_argument(
            "--checker-role-arn", default="", metavar="ARN", help="the checker role: shares are checked as this role"
        )
        parser.add_argument(
            "--checker-external-id",
            default="",
            metavar="Y",
            help="only if the checker role exists already with this one",
        )
        parser.add_argument(
            "--organization-role-arn",
            default="",
            metavar="ARN",
            help="the organisation role, in the management account or a delegated administrator's: who belongs is read",
        )
        parser.add_argument(
            "--organization-external-id",
            default="",
            metavar="Z",
            help="only if the organisation role exists already with this one",
        )
        parser.add_argument(
            "--organization",
            action="store_true",
            help="prepare an organisation role (without ARNs: prints its ExternalId and templates instead of the others')",
        )
        parser.add_argument(
            "--invoker-role-arn", default="", metavar="ARN", help="the invoker role: functions are really called through it"
        )
        parser.add_argument(
            "--invoker-external-id",
            default="",
            metavar="Z",
            help="only if the invoker role exists already with this one",
        )
        parser.add_argument(
            "--source-role-arn", default="", metavar="ARN", help="the source role: named event sources are wired through it"
        )
        parser.add_argument(
            "--source-external-id",
            default="",
            metavar="Z",
            help="only if the source role exists already with this one",
        )
        parser.add_argument(
            "--source",
            action="append",
            default=[],
            metavar="ARN",
            help="a bucket, topic, rule, alarm, queue or stream that the source role may wire; repeat it (without a role's "
            "ARN: prints the source role's ExternalId and templates instead of the others')",
        )
        parser.add_argument(
            "--test-events",
            action="store_true",
            help="print the source role's templates with the right to send a test event",
        )
        parser.add_argument(
            "--region",
            action="append",
            default=[],
            metavar="R",
            help="a region to read; repeat it (default: all that can be read)",
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Prepare or register each purpose, queue the tests, and wait for them if asked."""
        roles = {
            Purpose.MANAGER: (str(options["role_arn"]), str(options["external_id"])),
            Purpose.CHECKER: (str(options["checker_role_arn"]), str(options["checker_external_id"])),
            Purpose.ORGANIZATION: (str(options["organization_role_arn"]), str(options["organization_external_id"])),
            Purpose.INVOKER: (str(options["invoker_role_arn"]), str(options["invoker_external_id"])),
            Purpose.SOURCE: (str(options["source_role_arn"]), str(options["source_external_id"])),
        }
        for role_arn, external_id in roles.values():
            if external_id and not role_arn:
                raise Refusal("An ExternalId needs its role's ARN.", next="Give both, or neither.", code="usage")
        given = [purpose for purpose, (role_arn, _) in roles.items() if role_arn]
        apart = [Purpose.ORGANIZATION] * bool(options["organization"]) + [Purpose.SOURCE] * bool(options["source"])
        wanted = apart or [Purpose.MANAGER, Purpose.CHECKER]
        with transaction.atomic():  # all of what was given, or nothing
            connections = [self._connect(purpose, *roles[purpose], actor=actor, options=options) for purpose in given or wanted]
        settled = True
        if options["wait"] and given:
            settled = self.wait_until(lambda: not _testing(connections), options["timeout"])
        connections = [Connection.objects.select_related("account").get(pk=one.pk) for one in connections]
        problem = _problem(connections) if settled else timed_out(options["timeout"])
        tests = bool(options["test_events"])
        lines = [line for connection in connections for line in _lines(connection, tests=tests)]
        return Outcome([_item(connection, tests=tests) for connection in connections], lines, problem)

    def _connect(
        self, purpose: Purpose, role_arn: str, external_id: str, *, actor: Actor, options: dict[str, Any]
    ) -> Connection:
        connection = connecting.prepare(
            number=options["account"],
            name=options["name"],
            purpose=purpose,
            by=actor,
            regions=options["region"] if purpose == Purpose.MANAGER else (),
            partition=_partition(role_arn),
            limited_to=(options["source"] or None) if purpose == Purpose.SOURCE else None,
        )
        if role_arn:
            connection = connecting.register(connection, role_arn=role_arn, external_id=external_id, by=actor)
            soon(test_connection, connection.pk)
        return connection


def _partition(role_arn: str) -> str:
    parts = role_arn.split(":")
    return parts[1] if len(parts) > 2 and parts[0] == "arn" and parts[1].startswith("aws") else ""


def _testing(connections: list[Connection]) -> bool:
    return Connection.objects.filter(pk__in=[one.pk for one in connections], test_wanted_at__isnull=False).exists()


def _problem(connections: list[Connection]) -> Problem | None:
    for connection in connections:
        if connection.failure and connection.test_wanted_at is None:
            return Problem("refused", connection.failure, connection.failure_next)
    return None


def _item(connection: Connection, *, tests: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": connection.pk,
        "account": connection.account.number,
        "name": connection.account.name,
        "purpose": connection.purpose,
        "state": connection.state,
        "role_arn": connection.role_arn,
        "external_id": connection.external_id,
        "regions": connection.regions,
        "limited_to": connection.limited_to,
        "verbs": connection.verbs,
        "report": connection.report,
        "failure": connection.failure,
        "next": connection.failure_next,
    }
    if connection.state == ConnectionState.AWAITED:
        share = connection.purpose == Purpose.MANAGER
        item["role_arn"] = connecting.suggested_role_arn(connection)
        item["cloudformation"] = connecting.cloudformation(connection, share=False, tests=tests)
        item["commands"] = connecting.role_commands(connection, share=False, tests=tests)
        item["terraform"] = connecting.terraform(connection, share=False, tests=tests)
        if share:
            item["cloudformation_share"] = connecting.cloudformation(connection, share=True)
            item["commands_share"] = connecting.role_commands(connection, share=True)
    return item


def _lines(connection: Connection, *, tests: bool) -> list[str]:
    name = f"{connection.get_purpose_display()} of {connection.account.name} ({connection.account.number})"
    lines = [f"{name}: {connection.get_state_display().lower()}"]
    if connection.state == ConnectionState.AWAITED:
        return lines + _to_do(connection, tests=tests)
    if connection.regions:
        lines.append(f"  regions {', '.join(connection.regions)}")
    for row in connection.report:
        lines.append(f"  {_MARKS[row['outcome']]}{row['name']}: {row['detail']}")
        if row["next"]:
            lines.append(f"          {row['next']}")
    return lines


def _to_do(connection: Connection, *, tests: bool) -> list[str]:
    option = "--role-arn" if connection.purpose == Purpose.MANAGER else f"--{connection.purpose}-role-arn"
    lines = [f"  ExternalId {connection.external_id}", ""]
    if connection.purpose == Purpose.MANAGER:
        lines += ["AWS CLI, read stage:", "", connecting.role_commands(connection, share=False)]
        lines += ["AWS CLI, share stage (instead, if functions are to be shared from here):", ""]
        lines += [connecting.role_commands(connection, share=True)]
        lines += ["CloudFormation, read stage:", "", connecting.cloudformation(connection, share=False)]
        lines += ["CloudFormation, share stage (instead):", "", connecting.cloudformation(connection, share=True)]
    else:
        lines += ["AWS CLI:", "", connecting.role_commands(connection, share=False, tests=tests)]
        lines += ["CloudFormation:", "", connecting.cloudformation(connection, share=False, tests=tests)]
    arn = connecting.suggested_role_arn(connection)
    lines += [
        "Then:",
        "",
        f"  manage.py connect {connection.account.number} --name {shlex.quote(connection.account.name)} {option} {arn} --wait",
        "",
    ]
    return lines
