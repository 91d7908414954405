"""Listens to contact-centre calls and says how the customer felt, where that turned, and why."""

__version__ = "0.1.0"
