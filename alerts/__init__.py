"""From what judges found to a message that someone reads.

inbox -> route -> group -> (inhibit, mute times, silence) -> dedup -> outbox -> channel. Everything
that decides is pure and is told the time; what must survive kill -9 is in one SQLite file. Knows
`collector.model` and nothing else of tocsin: evidence travels inside the alerts.
"""
