"""The learning rate of every update, and which frames each update sees."""

import math

import numpy as np

from rungs.config.training import Training
from rungs.seeds import derive_seed


def number_of_updates(options: Training, n_frames: int) -> int:
    """Return the training's budget in optimiser updates for ``n_frames`` frames."""
    budgets = [] if options.updates is None else [options.updates]
    if options.epochs is not None:
        updates = round(options.epochs * updates_per_epoch(n_frames, options.batch_size))
        budgets.append(max(1, updates))
    return min(budgets)


def updates_per_epoch(n_frames: int, batch_size: int) -> int:
    """Return how many batches one pass over ``n_frames`` frames takes."""
    return math.ceil(n_frames / batch_size)


def updates_of_references(n_updates: int, options: Training) -> int:
    """Return how many updates, the first ones, train the reference energies alone."""
    return math.floor(options.references_first * n_updates)


def learning_rate(update: int, n_updates: int, options: Training) -> float:
    """Return the learning rate of update ``update`` (counted from 0) of ``n_updates``.

    It rises linearly over the first ``warmup`` share of the updates and then follows half a
    cosine down to ``final_learning_rate`` at the last update. The schedule is a function of the
    update alone, so it completes whatever the number of batches in an epoch. Updates that train
    the reference energies alone come before it, at the full rate.
    """
    n_before = updates_of_references(n_updates, options)
    if update < n_before:
        return options.learning_rate
    update, n_updates = update - n_before, n_updates - n_before
    n_warmup = math.floor(options.warmup * n_updates)
    if update < n_warmup:
        return options.learning_rate * (update + 1) / (n_warmup + 1)
    progress = (update - n_warmup) / max(1, n_updates - 1 - n_warmup)
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    floor = options.final_learning_rate
    return options.learning_rate * (floor + (1 - floor) * cosine)


class BatchOrder:
    """The frames of each update, as a function of the update's number and a seed.

    Every epoch is a fresh permutation, cut into batches whose sizes differ by one at most, so
    each frame is seen once an epoch and no batch is a small remainder.

    Args:
        n_frames: how many frames there are.
        batch_size: most frames in an update.
        seed: of the permutations.
        costs: (n_frames,) sizes of the frames, so that batches cost the same.
    """

    def __init__(
        self, n_frames: int, batch_size: int, seed: int, costs: np.ndarray | None = None
    ) -> None:
        self._costs = costs
        self.per_epoch = updates_per_epoch(n_frames, batch_size)
        self._n_frames = n_frames
        self._seed = seed
        self._epoch = -1
        self._batches: list[np.ndarray] = []

    def __getitem__(self, update: int) -> np.ndarray:
        """Return the positions (within the training frames) that update ``update`` sees."""
        epoch, place = divmod(update, self.per_epoch)
        if epoch != self._epoch:
            random = np.random.default_rng(derive_seed(self._seed, "batch order", epoch))
            order = random.permutation(self._n_frames)
            if self._costs is None:
                self._batches = np.array_split(order, self.per_epoch)
            else:
                batches = balanced_parts(order, self._costs[order], self.per_epoch)
                # filled by size: the order of the batches is to be random still
                self._batches = [batches[i] for i in random.permutation(self.per_epoch)]
            self._epoch = epoch
        return self._batches[place]


def balanced_parts(items: np.ndarray, costs: np.ndarray, n_parts: int) -> list[np.ndarray]:
    """Divide ``items`` into parts whose sizes differ by one at most, and their costs little.

    The dearest go first, to the parts in turn, there and back, so that who took the dearest of
    one round takes the cheapest of the next.
    """
    falling = np.argsort(-costs, kind="stable")
    turn = np.arange(len(items))
    rounds, place = np.divmod(turn, n_parts)
    owner = np.where(rounds % 2 == 0, place, n_parts - 1 - place)
    return [items[falling[owner == part]] for part in range(n_parts)]
