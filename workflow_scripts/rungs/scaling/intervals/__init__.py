"""How sure a law is: refits to resampled seeds and test materials, and survival of simulations."""
