"""How good the models are: on benchmark sets, on planted truth, on what came later."""
