"""Boards as values; they become Grafana JSON, and pictures on pages."""

from dashboards.board import Board, Panel, Query, Row

__all__ = ["Board", "Panel", "Query", "Row"]
