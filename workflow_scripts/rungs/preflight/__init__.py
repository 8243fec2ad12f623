"""Before a study: a proposal from what a person has (``rungs init``), and all that can be known of
a study before any training (``rungs check``)."""
