"""`/api/tocsin/v1/dead-letters`: what receivers refused for good, and sending it again."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from alerts.dead_letter_book import drop, letters_of, resend
from alerts.service import AlertService


class ResendBody(BaseModel):
    """Which letters: those of `ids`, or all (of one `receiver` if it is named)."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] | None = None
    receiver: str = ""


def router(service: AlertService) -> APIRouter:
    """The three routes."""
    routes = APIRouter()

    @routes.get("/api/tocsin/v1/dead-letters")
    def get_dead_letters(receiver: str = "") -> Response:
        letters = [asdict(one) for one in letters_of(service, receiver)]
        return JSONResponse({"dead_letters": letters})

    @routes.post("/api/tocsin/v1/dead-letters/resend")
    def post_resend(body: ResendBody) -> Response:
        ids = body.ids
        if ids is None:
            ids = [one.id for one in letters_of(service, body.receiver)]
        try:
            return JSONResponse({"resent": resend(service, ids)})
        except KeyError as error:
            return _unknown(str(error.args[0]))

    @routes.delete("/api/tocsin/v1/dead-letters/{letter_id}")
    def delete_dead_letter(letter_id: str) -> Response:
        try:
            drop(service, letter_id)
        except KeyError:
            return _unknown(letter_id)
        return Response(status_code=204)

    return routes


def _unknown(id_: str) -> Response:
    return JSONResponse({"error": f"no dead letter {id_[:64]}"}, status_code=404)
