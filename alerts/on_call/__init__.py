"""People and incidents: who is on call, whom to ask next, what was acknowledged and by whom."""
