"""A shop in three processes (web calls orders, orders calls payments) that can be broken on demand.

It shows the instrumentation library at work, and gives tocsin something to watch: each process has
a switch for faults at /faults, and a load generator counts exactly what it got back.
"""
