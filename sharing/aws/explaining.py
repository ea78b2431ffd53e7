"""What people read where AWS refused: a sentence, and what to do next."""

import re

#: For want of permission, whatever the service calls it.
ACCESS_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError"}
_NOT_AUTHORISED = re.compile(r"not authorized to perform:? (?P<action>[\w*:-]+)(?: on resource:? (?P<resource>\S+))?")

_SENTENCES: dict[str, tuple[str, str]] = {
    "ResourceNotFoundException": (
        "AWS does not know this function, alias, version or statement (any more).",
        "Sync the account to see what is there now.",
    ),
    "ResourceConflictException": (
        "AWS already holds a statement with this id, or another change of this policy is under way.",
        "Look at the policy as it is now, then try again.",
    ),
    "PreconditionFailedException": (
        "The policy was changed by somebody else in between.",
        "Look at the policy as it is now, then try again.",
    ),
    "PublicPolicyException": (
        "AWS does not allow a public policy on this function: public access is blocked in this account.",
        "Share with named accounts or an organisation instead, or ask the account's administrators to lift the block.",
    ),
    "RegionDisabledException": (
        "This region is not enabled in the account.",
        "Enable the region in the account, or take it off the list of regions that are read.",
    ),
    "OptInRequired": (
        "This region is not enabled in the account.",
        "Enable the region in the account, or take it off the list of regions that are read.",
    ),
    "AWSOrganizationsNotInUseException": (
        "The account belongs to no organisation.",
        "Give a role in the organisation's management account, or in a delegated administrator's.",
    ),
    "MalformedPolicyDocument": ("AWS did not accept the session policy.", "This is a fault of fnshare: please report it."),
    "PackedPolicyTooLarge": ("The session policy is too large for AWS.", "This is a fault of fnshare: please report it."),
}


def explain(code: str, message: str, operation: str) -> tuple[str, str]:
    """Sentence and next step for a refusal (aws-facts 1.5)."""
    if code in ACCESS_CODES:
        return _explain_access(message, operation)
    if code == "PolicyLengthExceededException":
        sizes = re.search(r"\((\d+)\).*\((\d+)\)", message)
        held = f" It would have {sizes[1]} of {sizes[2]} bytes." if sizes else ""
        return (
            f"The policy is full.{held}",
            "Take back shares that are no longer needed, share with an organisation instead, or share another alias.",
        )
    if code == "InvalidParameterValueException" and "principal" in message.lower():
        return (
            "AWS does not know this principal, or a principal already in this policy was deleted in the meantime.",
            "Check that the role or user exists. If it does, remove statements whose principal is shown as AROA… or AIDA….",
        )
    if code in _SENTENCES:
        return _SENTENCES[code]
    said = f" AWS says: {message}" if message else ""
    return f"AWS refused {operation} ({code}).{said}", "Correct what AWS names, then try again."


def _explain_access(message: str, operation: str) -> tuple[str, str]:
    if operation == "AssumeRole":
        return (
            "AWS did not let fnshare assume the role.",
            "Check that the role exists, trusts fnshare's worker and asks for exactly this ExternalId; then test again.",
        )
    found = _NOT_AUTHORISED.search(message)
    action = found["action"].rstrip(":") if found else f"the call {operation}"
    on = f" on {found['resource']}" if found and found["resource"] else ""
    if "service control policy" in message or "resource control policy" in message:
        return f"A rule of the organisation forbids {action}{on}.", "Ask the organisation's administrators."
    if "explicit deny" in message:
        return f"A Deny forbids the role {action}{on}.", "Look for the Deny in the role's policies or in the function's policy."
    return f"The role may not do {action}{on}.", "Add the permission to the role in AWS, then test the connection."
