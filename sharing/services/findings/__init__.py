"""Findings: kept beside the policies they are about, judged by sharing.policy.findings, accepted by people.

Import the modules by name: `keeping` is called by the code that stores policies, and must not wait for what the others need.
"""
