"""Signing in: which ways are open to whom, sessions, second factors, single sign-on, and what is told about it all.

ways: who may sign in how. sessions: where people are signed in. factors: second factors. sso: what the provider says about
somebody. entering: what is written when somebody came in. failing: failures, counted. letters: the mail about it.
"""
