"""CHGNet on batches of graphs: the same mathematics, weights and files, several times faster."""
