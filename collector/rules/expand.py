"""Labels and annotations of an alert: the rule's templates rendered over one series.

A template that fails becomes a text that says so, as in Prometheus: an alert with a spoiled
annotation is better than none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from collector.gotemplate import StringMap, Template, Typed
from collector.gotemplate.floats import shortest
from collector.model.errors import LimitError, TemplateError
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.rules.rule import ALERT_NAME, AlertingRule
from collector.rules.template_functions import Surroundings, functions

log = logging.getLogger(__name__)


def template_value(value: object) -> object:
    """A sample as templates see it: a histogram prints as Prometheus's FloatHistogram does."""
    if not isinstance(value, NativeHistogram):
        return value
    parts = [f"count:{shortest(value.count)}", f"sum:{shortest(value.sum)}"]
    for bucket in value.buckets():
        opening = "[" if bucket.lower_inclusive else "("
        closing = "]" if bucket.upper_inclusive else ")"
        bounds = f"{shortest(bucket.lower)},{shortest(bucket.upper)}"
        parts.append(f"{opening}{bounds}{closing}:{shortest(bucket.count)}")
    return Typed("*histogram.FloatHistogram", fields={}, text=f"{{{', '.join(parts)}}}")


class Expander:
    """Renders the templates of one rule at one time."""

    def __init__(self, rule: AlertingRule, around: Surroundings) -> None:
        self._rule = rule
        self._around = around
        self._functions = functions(around)

    def labels(self, series: Labels, value: object) -> Labels:
        """The alert's labels: the series' without its name, the rule's over them, `alertname`."""
        texts = self._texts(self._rule.labels, series, value)
        return series.without("__name__").merged({**texts, ALERT_NAME: self._rule.name})

    def annotations(self, series: Labels, value: object) -> dict[str, str]:
        """The alert's annotations."""
        return self._texts(self._rule.annotations, series, value)

    def _texts(self, texts: Mapping[str, str], series: Labels, value: object) -> dict[str, str]:
        data: list[Typed] = []  # made only when a template is there to need it
        return {
            name: self._text(template, series, value, data)
            if (template := self._rule.templates.get(text))
            else text
            for name, text in texts.items()
        }

    def _text(self, template: Template, series: Labels, value: object, data: list[Typed]) -> str:
        if not data:
            data.append(self._data(series, value))
        fields = data[0].fields or {}
        variables = {
            "$labels": fields["Labels"],
            "$externalLabels": fields["ExternalLabels"],
            "$externalURL": fields["ExternalURL"],
            "$value": fields["Value"],
        }
        try:
            return template.render(data[0], self._functions, variables)
        except (TemplateError, LimitError) as error:
            log.warning("alerting rule %s: %s", self._rule.name, error.message)
            reason = f"error executing template __alert_{self._rule.name}: {error.message}"
            return f"<error expanding template: {reason}>"

    def _data(self, series: Labels, value: object) -> Typed:
        return Typed(
            "struct",
            fields={
                "Labels": StringMap(series),
                "ExternalLabels": StringMap(self._around.external_labels),
                "ExternalURL": self._around.external_url,
                "Value": template_value(value),
            },
        )
