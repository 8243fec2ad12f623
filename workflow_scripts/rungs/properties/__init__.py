"""Properties that no model was trained on: of the crystal at rest and of the atoms in motion."""
