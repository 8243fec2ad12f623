"""Strategies of drawing subsets: what each promises, and what all do."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.errors import StudyError
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter
from rungs.splits.composition import elements, read_compositions
from rungs.splits.descriptors import describe_frames
from rungs.splits.diverse import MAX_CLUSTERS, ClusterTree, build_tree, draw_from_clusters
from rungs.splits.element_covering import cover_elements
from rungs.splits.files import read_tree, write_tree
from rungs.splits.strategies import draw
from rungs.splits.subsets import draw_order

symbols = st.sampled_from(["H", "Li", "C", "N", "O", "F", "Fe", "Cu", "Xe"])
compositions = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4),
    st.sets(symbols, min_size=1, max_size=4).map(lambda found: " ".join(sorted(found))),
    min_size=1,
    max_size=25,
)


def trees(draw_from):
    """A tree over random points, a few of them equal."""
    n_frames = draw_from.draw(st.integers(1, 20))
    points = draw_from.draw(
        st.lists(
            st.lists(st.integers(0, 5), min_size=2, max_size=2),
            min_size=n_frames,
            max_size=n_frames,
        )
    )
    return build_tree([f"f{i}" for i in range(n_frames)], np.array(points), 0)


@given(compositions, st.integers(0, 99), st.data())
@settings(deadline=None)
def test_every_order_is_a_permutation_that_ignores_the_order_of_the_frames(found, seed, data):
    order = cover_elements(found, seed)
    assert sorted(order) == sorted(found)
    shuffled = dict(data.draw(st.permutations(sorted(found.items()))))
    assert cover_elements(shuffled, seed) == order

    tree = trees(data)
    order = draw_from_clusters(tree, seed)
    assert sorted(order) == sorted(tree.cluster_of)
    shuffled = dict(data.draw(st.permutations(sorted(tree.cluster_of.items()))))
    assert draw_from_clusters(ClusterTree(shuffled, tree.merges), seed) == order


@given(compositions, st.integers(0, 99))
@settings(deadline=None)
def test_elements_come_as_early_as_a_greedy_cover_brings_them(found, seed):
    """While elements are missing each frame brings as many as any; all come within the bound."""
    order = cover_elements(found, seed)
    every = set().union(*map(elements, found.values()))
    seen: set[str] = set()
    n_needed = 0
    for frame_id in order:
        if seen == every:
            break
        best = max(len(elements(text) - seen) for text in found.values())
        assert len(elements(found[frame_id]) - seen) == best
        seen |= elements(found[frame_id])
        n_needed += 1
    assert seen == every
    largest = max(len(elements(text)) for text in found.values())
    harmonic = sum(1 / k for k in range(1, largest + 1))
    # no cover can be smaller than this
    assert n_needed <= math.ceil(len(every) / largest) * harmonic * largest
    # nor does any order of so many frames begin with more elements in its first frame
    assert len(elements(found[order[0]])) == largest


@given(compositions, st.integers(0, 9))
@settings(deadline=None)
def test_the_cover_is_within_the_known_bound_of_the_smallest(found, seed):
    """Against the smallest cover, counted out over the kinds of frames there are."""
    kinds = sorted({frozenset(elements(text)) for text in found.values()}, key=sorted)[:10]
    found = {str(i): " ".join(sorted(kind)) for i, kind in enumerate(kinds)}
    every = frozenset().union(*kinds)
    smallest = min(
        bits.bit_count()
        for bits in range(1, 1 << len(kinds))
        if frozenset().union(*(k for i, k in enumerate(kinds) if bits >> i & 1)) == every
    )
    order = cover_elements(found, seed)
    n_needed = next(
        n
        for n in range(1, len(order) + 1)
        if set().union(*(elements(found[name]) for name in order[:n])) == every
    )
    harmonic = sum(1 / k for k in range(1, max(map(len, kinds)) + 1))
    assert smallest <= n_needed <= smallest * harmonic + 1e-9


def test_rare_elements_stay_frequent_after_the_cover():
    found = {f"common{i}": "Mg O" for i in range(900)} | {f"rare{i}": "Mg Te" for i in range(100)}
    counts = [
        sum(name.startswith("rare") for name in cover_elements(found, seed)[2:102])
        for seed in range(20)
    ]
    # of 100 at random 10 would be rare; by weight nearly half of them are
    assert 38 < np.mean(counts) < 52


@given(st.data(), st.integers(0, 99))
@settings(deadline=None)
def test_the_first_n_frames_are_one_of_each_of_n_clusters(data, seed):
    tree = trees(data)
    order = draw_from_clusters(tree, seed)
    n_clusters = len(tree.merges) + 1
    for n in range(1, n_clusters + 1):
        # n clusters are what all but the last n - 1 merges make
        labels = {cluster: {cluster} for cluster in range(n_clusters)}
        for row, (a, b) in enumerate(tree.merges[: n_clusters - n, :2].astype(int).tolist()):
            labels[n_clusters + row] = labels.pop(a) | labels.pop(b)
        assert len(labels) == n
        first = {tree.cluster_of[name] for name in order[:n]}
        assert all(len(first & cluster) == 1 for cluster in labels.values())


def test_each_cluster_gives_a_second_frame_before_any_gives_a_third():
    cluster_of = {"a1": 0, "a2": 0, "a3": 0, "b1": 1, "c1": 2, "c2": 2}
    merges = np.array([[0, 1, 1.0, 2], [2, 3, 5.0, 3]])
    order = draw_from_clusters(ClusterTree(cluster_of, merges), 1)
    assert {cluster_of[name] for name in order[:2]} in ({0, 2}, {1, 2})
    assert sorted(cluster_of[name] for name in order[:3]) == [0, 1, 2]
    assert sorted(cluster_of[name] for name in order[3:5]) == [0, 2]
    assert cluster_of[order[5]] == 0


def test_many_frames_are_gathered_before_the_tree_is_built():
    random = np.random.default_rng(0)
    n_frames = MAX_CLUSTERS + 500
    centres = random.normal(size=(5, 3))
    group = np.arange(n_frames) % 5
    names = [f"f{i}" for i in range(n_frames)]
    points = centres[group] + 1e-3 * random.normal(size=(n_frames, 3))
    tree = build_tree(names, points, 0)
    assert len(tree.cluster_of) == n_frames
    assert MAX_CLUSTERS / 2 < len(tree.merges) + 1 <= MAX_CLUSTERS
    assert set(tree.cluster_of.values()) == set(range(len(tree.merges) + 1))
    first = {int(name[1:]) % 5 for name in draw_from_clusters(tree, 0)[:5]}
    assert first == set(range(5))
    # independent of the order of the frames
    shuffled = random.permutation(n_frames)
    again = build_tree([names[i] for i in shuffled], points[shuffled], 0)
    assert again.cluster_of == tree.cluster_of
    assert np.array_equal(again.merges, tree.merges)


def test_seeds_draw_differently():
    found = {f"f{i}": "Mg O" if i % 2 else "Li F" for i in range(50)}
    tree = build_tree(sorted(found), np.random.default_rng(0).normal(size=(50, 3)), 0)
    for orders in (
        [cover_elements(found, seed) for seed in (0, 1, 0)],
        [draw_from_clusters(tree, seed) for seed in (0, 1, 0)],
    ):
        assert orders[0] == orders[2]
        assert orders[0][:5] != orders[1][:5]


def frame(frame_id, numbers, spacing, shift=0.0):
    cell = spacing * np.eye(3)
    coords = spacing * np.array([[0, 0, 0], [0.5 + shift, 0.5, 0.5]])
    return Frame(frame_id, "m", "f", cell, numbers, coords, 0.0, np.zeros((2, 3)))


@pytest.fixture
def frames_file(tmp_path):
    path = tmp_path / "frames.parquet"
    with FrameWriter(path, {}) as writer:
        writer.write(frame("a", [55, 17], 4.1))
        writer.write(frame("b", [17, 55], 4.1))
        writer.write(frame("c", [55, 17], 4.1, shift=0.01))
        writer.write(frame("d", [55, 35], 4.1))
        writer.write(frame("e", [55, 17], 4.6))
        writer.write(frame("not wanted", [1, 1], 3.0))
    return path


def test_descriptors_tell_chemistry_and_structure(frames_file):
    ids, vectors = describe_frames(frames_file, list("abcde"))
    assert ids == list("abcde")
    assert vectors.dtype == np.float32
    apart = np.linalg.norm(vectors - vectors[0], axis=1) / np.linalg.norm(vectors[0])
    assert apart[1] < 1e-4  # the same crystal from its other atom
    assert 1e-4 < apart[2] < apart[3]  # a small rattle is less than another anion
    assert apart[4] > apart[2]  # and less than another volume


def test_strategies_by_name(frames_file, tmp_path):
    class Inputs:
        frames = frames_file
        clusters, merges = tmp_path / "clusters.csv", tmp_path / "merges.csv"

    train = list("abcde")
    tree = build_tree(*describe_frames(frames_file, train), 0)
    write_tree(Inputs.clusters, Inputs.merges, tree)
    back = read_tree(Inputs.clusters, Inputs.merges)
    assert back.cluster_of == tree.cluster_of
    assert np.array_equal(back.merges, tree.merges)
    found = read_compositions(frames_file, train)
    assert found == {"a": "Cl Cs", "b": "Cl Cs", "c": "Cl Cs", "d": "Br Cs", "e": "Cl Cs"}
    assert draw("random", train, 3, Inputs) == draw_order(train, 3)
    assert draw("element_covering", train, 3, Inputs) == cover_elements(found, 3)
    assert draw("diverse", train, 3, Inputs) == draw_from_clusters(tree, 3)
    for sampling in ("element_covering", "diverse"):
        with pytest.raises(StudyError, match="does not hold just the target's training frames"):
            draw(sampling, [*train, "f"], 3, Inputs)
    with pytest.raises(StudyError, match=r"clusters.csv.*delete it and"):
        draw("diverse", train[:-1], 3, Inputs)


def test_damaged_clusters_are_refused(tmp_path):
    clusters, merges = tmp_path / "clusters.csv", tmp_path / "merges.csv"
    write_tree(clusters, merges, build_tree(["a", "b"], np.eye(2), 0))
    clusters.write_text("frame_id,cluster\na,x\n")
    with pytest.raises(StudyError, match=r"clusters.csv.*hold no clusters.*delete the file"):
        read_tree(clusters, merges)
