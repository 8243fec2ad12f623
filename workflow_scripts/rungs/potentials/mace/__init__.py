"""MACE (Batatia et al., NeurIPS 2022) on batches of graphs, by mace-torch's own networks."""
