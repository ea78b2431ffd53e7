"""What each rule about a policy means, why it matters, how it is repaired, and the fact about AWS behind it. Text only."""

from __future__ import annotations

from typing import Final

from .shapes import Rule, Severity

EXPLAINED: Final = (
    Rule(
        "public",
        "Public",
        Severity.CRITICAL,
        "A statement lets in any AWS account, or anyone at all, after every condition and every Deny was weighed.",
        "Whoever knows or guesses the function's ARN can use it: at your cost, with your data, through its execution role. "
        "Where GetFunction is among the actions, code and environment variables are handed out as well.",
        "Find out who needs it, share with them by account or organisation, then take the public statement back. "
        "If it has to be public, accept the risk with a reason and an end date.",
        "Principal * means everybody, in every account. A condition narrows only if its key describes the caller and "
        "the caller "
        "cannot choose its value: a source address range or an organisation id does, a tag, a referer or a key about your own "
        "function does not.",
    ),
    Rule(
        "public-depends",
        "Public, depends",
        Severity.HIGH,
        "Whether anybody is let in hangs on something that cannot be judged from the policy: a shared secret, an unusual "
        "operator, an address range, a Deny with a condition nobody knows.",
        "Depends is not safe: it counts as public in every list, count and exit status until it is known better.",
        "Replace the condition by one that names accounts or an organisation, or find out what it hangs on and accept "
        "the risk.",
        "AWS evaluates conditions at the moment of the call. A policy alone does not tell what the caller will send, "
        "and a Deny "
        "that may not apply makes nothing safe.",
    ),
    Rule(
        "public-url",
        "Public by URL",
        Severity.HIGH,
        "The function URL answers anyone: of type NONE without a signature, or of type AWS_IAM for every AWS account.",
        "The address is found by scanners within days. Every call costs you, and the code is the only guard that is left.",
        "If only known accounts call it, make the URL AWS_IAM and share it with them. If it is a public web hook, see that the "
        "code verifies its callers, then accept the risk with a reason.",
        "A URL needs two statements since October 2025: InvokeFunctionUrl with the URL's type, and InvokeFunction with "
        "InvokedViaFunctionUrl. The policy decides, not the type alone.",
    ),
    Rule(
        "open-service",
        "Open service (confused deputy)",
        Severity.HIGH,
        "An AWS service may call the function without a limit on whose behalf: no source account, no source ARN with an "
        "account in it, no source organisation.",
        "Anybody can point their own bucket, topic or rule at the function, and the service calls it for them. The policy "
        "names no stranger, and yet lets every stranger in.",
        "Add the same statement limited to the source account (and ARN), see that events still arrive, then take the wide one "
        "back. The guided repair does these steps in order.",
        "The service, not the account behind it, is the principal. aws:SourceAccount, aws:SourceArn and "
        "aws:SourceOrgID say for "
        "whom it acts. A bucket ARN holds no account: a deleted bucket's name can be taken by a stranger.",
    ),
    Rule(
        "ghost",
        "Ghost principal",
        Severity.MEDIUM,
        "A statement names a role or user by its unique id (AROA… or AIDA…), which is what AWS shows after it was deleted.",
        "It lets nobody in, also when a role of the same name is made again. It takes room, and one such statement "
        "can make AWS "
        "refuse every later AddPermission on the same policy.",
        "Remove it. If the role was made again and still needs access, share with it anew.",
        "AWS binds a role's ARN to its unique id when the statement is written. A role that was only just made may show its id "
        "for a moment.",
    ),
    Rule(
        "manage-outsider",
        "Outsiders may change it",
        Severity.HIGH,
        "Somebody outside the owner account may update code, move aliases, publish or delete.",
        "Whoever replaces the code runs with the function's execution role: that is everything this role may do in "
        "your account.",
        "See that it is a deployment pipeline you know, that a role is named and not a whole account, and that it ends. "
        "Otherwise take it back.",
        "A function's policy can grant UpdateFunctionCode and most other control calls to other accounts. Being on the trust "
        "list lowers the weight of this finding; it excuses nothing.",
    ),
    Rule(
        "read-outsider",
        "Outsiders may read it",
        Severity.MEDIUM,
        "Somebody outside the owner account may call read actions on the function.",
        "GetFunction hands out a link to the code and the environment variables; GetFunctionConfiguration and "
        "ListVersionsByFunction the environment variables. Secrets in them are not secret any more.",
        "Share InvokeFunction alone unless they really need to read. Move secrets to a secret store.",
        "Environment variables are part of the configuration and are returned in clear to whoever may read it and use the key.",
    ),
    Rule(
        "unknown-account",
        "Unknown account",
        Severity.MEDIUM,
        "An account or organisation is let in that nobody here has named, connected or put on the trust list.",
        "It may be a partner, a former partner, or a typing mistake in twelve digits: any of ten million strangers.",
        "Find out whose it is. Name the account in Settings or put it on the trust list if it is known; take the "
        "statement back if not.",
        "AWS does not check that an account id in a policy exists, nor tells whose it is.",
    ),
    Rule(
        "url-half",
        "Function URL: half of the pair",
        Severity.MEDIUM,
        "One of the two statements that calling a function URL needs is there, the other is missing for the same principal.",
        "They get 403 and nobody sees why; or the missing half is added later, without anybody looking at the first.",
        "Share the missing half (the form is filled in), or take the lonely one back.",
        "Since October 2025 calling a URL needs InvokeFunctionUrl and InvokeFunction (with InvokedViaFunctionUrl).",
    ),
    Rule(
        "url-idle",
        "Statement without a URL",
        Severity.LOW,
        "A statement is for a function URL, and the function, alias or version has none, or one of the other type.",
        "It does nothing today. The day somebody makes a URL, it is open at once to whoever the statement names.",
        "Take it back if no URL is planned.",
        "A URL statement is stored whether or not there is a URL, and is limited to one type by FunctionUrlAuthType.",
    ),
    Rule(
        "url-unanswered",
        "URL that lets nobody in",
        Severity.MEDIUM,
        "There is a function URL, and no statement lets anybody call it.",
        "Of type NONE it answers 403 to everyone, which is usually a mistake: infrastructure tools make the URL and forget the "
        "statements. Of type AWS_IAM only the owner account gets in, by its own policies, which may be what is wanted.",
        "Share the URL with those who need it (both statements), or delete the URL.",
        "The console adds the statements when it makes a URL; the API, CloudFormation and Terraform do not.",
    ),
    Rule(
        "authorises-nothing",
        "Authorises nothing",
        Severity.LOW,
        "An Allow that lets nobody in: an action that function policies do not grant, conditions that cannot hold together, a "
        "principal of another partition.",
        "Somebody believes that they gave access. It takes room, and it hides what really works.",
        "Take it back, and share what was meant.",
        "lambda:Invoke is no IAM action; CreateEventSourceMapping is not honoured for other accounts; a service never carries "
        "aws:PrincipalOrgID; principals of aws, aws-cn and aws-us-gov never meet.",
    ),
    Rule(
        "nearly-full",
        "Policy nearly full",
        Severity.MEDIUM,
        "The policy holds 90 % or more of the 20,480 bytes that AWS allows.",
        "The next share fails, usually when it is urgent.",
        "Take back what is not needed: shadowed and ghost statements first. Share with an organisation instead of its "
        "accounts, or share another alias: each has a policy of its own.",
        "The limit is 20,480 bytes for each function, alias and version, and cannot be raised. A statement for an "
        "account takes "
        "about 216 bytes: ninety fill a policy.",
    ),
    Rule(
        "no-sid",
        "Cannot be removed by itself",
        Severity.LOW,
        "The statement has no Sid, one that RemovePermission does not accept, or one that another statement has too.",
        "When it has to go, it has to go fast; and then only the tool that wrote the whole policy can do it.",
        "Not from here: fnshare never replaces a document it does not own. Give the statement a Sid of its own in the "
        "tool that "
        "wrote the policy (PutResourcePolicy).",
        "RemovePermission addresses a statement by its Sid: 1 to 100 letters, digits, - _ and dots.",
    ),
    Rule(
        "malformed",
        "Malformed",
        Severity.MEDIUM,
        "Something in the policy is not as AWS's grammar wants it, so that what it means cannot be judged.",
        "What cannot be judged counts as not safe.",
        "Not from here: correct it in the tool that wrote the policy, then read it again.",
        "PutResourcePolicy takes whole documents, also ones whose meaning depends on how AWS reads a doubtful element.",
    ),
    Rule(
        "shadowed",
        "Shadowed",
        Severity.LOW,
        "A wider statement already lets the same principal do the same.",
        "Taking this one back takes nothing away: they stay allowed by the wider one. It takes room.",
        "Take the narrow one back to make room, or, better, the wide one, if the narrow one is what was meant.",
        "Allows add up: one that matches is enough.",
    ),
    Rule(
        "deny-kills",
        "Shut out by a Deny",
        Severity.MEDIUM,
        "A Deny certainly shuts out somebody whom an Allow of the same policy names.",
        "A trigger stops silently, a share does not work, and the Allow looks as if they did.",
        "If the Deny is right, take the Allow back. If it is not, correct it where it was made: fnshare never removes a Deny.",
        "A Deny beats every Allow. A Deny for callers outside an organisation also hits AWS services, which carry no "
        "organisation, unless it spares them with aws:PrincipalIsAWSService.",
    ),
)
