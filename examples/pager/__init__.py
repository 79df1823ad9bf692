"""A stand-in for Slack, PagerDuty, a webhook and a mail server that checks every field it gets.

For the demo it shows what would be on a phone; for tests it records each request with a verdict.
"""
