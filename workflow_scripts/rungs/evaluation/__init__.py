"""Errors of the finished runs on test frames, and the tables made of them."""
