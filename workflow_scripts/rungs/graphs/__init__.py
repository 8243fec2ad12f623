"""Graphs of bonds and angles, as CHGNet defines them: built, stored, and put into batches."""
