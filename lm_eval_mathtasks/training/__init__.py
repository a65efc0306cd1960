"""Training of a user's own model with TRL: data, preflight, rewards, verifiers, and the measure before and after."""
