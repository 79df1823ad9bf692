"""tocsin's own alerts to Alertmanagers outside, in the place of its own routes and receivers."""
