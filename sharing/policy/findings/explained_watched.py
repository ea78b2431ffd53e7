"""The same for what is not in a policy: what was not looked at, shares that are not as decided, roles and mappings."""

from __future__ import annotations

from typing import Final

from .shapes import Rule, Severity

WATCHED: Final = (
    Rule(
        "unread",
        "Unread after being readable",
        Severity.HIGH,
        "The policy could be read once and cannot be any more. What it let in when last read stays in every count, "
        "marked stale.",
        "Nobody knows what it says today. Whoever wants to hide a change first takes away the right to read.",
        "Look at the reason: usually the manager role lost a permission, or an organisation's policy denies it. "
        "Repair it, then re-read.",
        "GetPolicy is its own IAM action. AccessDenied is no empty policy.",
    ),
    Rule(
        "never-read",
        "Never read",
        Severity.MEDIUM,
        "Reading the policy was tried and never worked.",
        "Who is let in is not known, and nothing about it is counted.",
        "Repair what the reason says, then re-read.",
        "Each function, alias and version has a policy of its own: one of them may be denied by its ARN.",
    ),
    Rule(
        "aliases-unlisted",
        "Aliases not listed",
        Severity.MEDIUM,
        "The function's aliases could not be listed.",
        "Each alias has a policy of its own: shares through them may be missing from every answer.",
        "Add lambda:ListAliases to the manager role, then re-read.",
        "A policy of an alias shows in no other call than those that name it.",
    ),
    Rule(
        "versions-unread",
        "Versions not read yet",
        Severity.LOW,
        "Published versions have policies of their own, which are read in a slower pass.",
        "A grant on a version number may be missing from every answer until then.",
        "Wait for the slow pass (a week for a new account), or open a function, which reads everything of it.",
        "GetPolicy without a qualifier shows the function's own policy only.",
    ),
    Rule(
        "region-gap",
        "Region not looked at",
        Severity.MEDIUM,
        "A region of a connected account is not read: nobody asked for it, it was not read yet, or the last read failed.",
        "“Nobody” is true only of what was looked at.",
        "Add the region, wait for the first sync, or repair what the reason says.",
        "Functions live in one region each; an account that enabled a region may have some there.",
    ),
    Rule(
        "connection",
        "Connection does not work",
        Severity.HIGH,
        "The role through which an account is read or checked is refused, paused or gone.",
        "What is shown of the account is as last read, and nothing can be taken back through fnshare.",
        "Test the connection in Settings and do what the report says; resume it if it is paused.",
        "A role's trust policy decides who may assume it; ours must name fnshare's own role and the ExternalId.",
    ),
    Rule(
        "proof-failed",
        "Consumer not proved any more",
        Severity.MEDIUM,
        "An account that functions are shared with was proved to be its consumer's, and the proof that is repeated every "
        "thirty days fails: its checker role is gone, does not let fnshare in, or lets it in without its ExternalId; or the "
        "account left the organisation whose membership was its proof.",
        "What is shared with it stays shared. If the account has changed hands, somebody else uses it now; and a role that "
        "does not demand its ExternalId lets others have fnshare try functions as it.",
        "Ask the people who act for the account to mend the role's trust policy, then prove again on the consumer's page; it "
        "is tried every day by itself. If nobody answers, take the shares back.",
        "A role that denies AssumeRole without and with a wrong ExternalId, and allows it with the right one, proves an "
        "administrator of the account at that moment only. AWS never tells when an account changes hands.",
    ),
    Rule(
        "organization-account-left",
        "Account left its organisation",
        Severity.MEDIUM,
        "An account is not in its organisation any more, or is suspended or closed there, and access is left: what lets it in, "
        "what of its own lets in others, or a role that stands.",
        "Whoever has the account now may not be who it was shared with; nothing of the organisation's rules binds them. Its "
        "own functions may change, while others go on calling them.",
        "Look at both directions on the account's page. Offboard it, or resume its connection if it is yours all the same. "
        "fnshare reads and writes nothing there meanwhile; taking back stays possible where the role answers.",
        "Statements name accounts by digits and outlive a membership; only PrincipalOrgID follows it. A closed account can be "
        "opened again for 90 days.",
    ),
    Rule(
        "statement-changed",
        "Our statement was changed",
        Severity.HIGH,
        "Another tool changed a statement that a share decided here stands on.",
        "What AWS holds is not what was asked for and approved.",
        "Look at both. Take the share back and share anew, or accept what is there.",
        "Any principal with lambda:AddPermission and RemovePermission, or PutResourcePolicy, can do it.",
    ),
    Rule(
        "share-vanished",
        "Our statement was removed",
        Severity.MEDIUM,
        "AWS no longer has the statement of a share that was decided here, and fnshare did not remove it.",
        "Somebody lost access without a decision; or an infrastructure tool fights over the policy.",
        "Restore it if it is still wanted; else leave it and accept.",
        "Deleting and recreating a function or alias loses its policy. Terraform and CloudFormation may replace "
        "documents whole.",
    ),
    Rule(
        "share-stuck",
        "Stuck",
        Severity.HIGH,
        "AWS was asked to write or remove a statement and did not confirm it within fifteen minutes.",
        "It may hold access that was taken back, or lack one that was given.",
        "Look at the reason on the share's page. Nothing has to be clicked again: it is tried until AWS answers.",
        "AWS may answer late, twice or never; only a re-read says what it holds.",
    ),
    Rule(
        "revoke-failed",
        "Not revoked",
        Severity.HIGH,
        "Somebody took a share back and AWS refused.",
        "The access is still there, although somebody decided against it.",
        "Do what the reason says, then revoke again.",
        "RemovePermission needs its own permission, and fails while another statement's principal has become invalid.",
    ),
    Rule(
        "check-denied",
        "Shared, yet denied",
        Severity.MEDIUM,
        "AWS holds the share, and the principal that tried was denied.",
        "They cannot work, and believe that it was not done.",
        "Usually their own side is missing: the identity policy of the role in their account, or a policy of their "
        "organisation. "
        "The share's page has what they need.",
        "Calling across accounts needs both sides: the function's policy and the caller's own.",
    ),
    Rule(
        "mapping-stuck",
        "Mapping stuck",
        Severity.MEDIUM,
        "An event source mapping was being created, changed or deleted, and was still on its way at another read more than "
        "fifteen minutes later.",
        "Nobody can change it meanwhile, and whether records arrive is not certain.",
        "Look at it in AWS: usually its source or the alias it runs is gone, or the function's role lost a right.",
        "AWS settles a mapping within a minute or so; until then it refuses every change to it.",
    ),
    Rule(
        "mapping-failing",
        "Mapping failing",
        Severity.MEDIUM,
        "AWS reports a problem with the last batch that an event source mapping took from its source.",
        "What arrives is not processed. A queue gives its messages again until they are dropped; a stream stands still.",
        "Read AWS's word: a failing function, a role without the right to read the source, or a source that is gone.",
        "Lambda polls with the function's execution role; the source's own policy must let it in as well in another account.",
    ),
)
