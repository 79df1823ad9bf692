"""What people do in Slack and PagerDuty comes back here, and becomes an act on an incident.

Each request proves where it comes from (`signature`); what it means is read by a pure function; the
act itself is `alerts.on_call.interface.IncidentDesk`'s.
"""
