"""How many examples a property test tries, as a multiple of what the run's profile says."""

from hypothesis import settings


def examples(times: float) -> settings:
    """Try ``times`` as many as the profile: fewer where each costs much, more where it costs little."""
    return settings(max_examples=max(1, round(settings.default.max_examples * times)))
