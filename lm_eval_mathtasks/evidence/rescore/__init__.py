"""Stored responses extracted and graded again, without a model: `mathtasks rescore`."""
