"""The training engine: recipes, steps, checkpoints, and the records of what a training cost."""
