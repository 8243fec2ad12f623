"""Subsets with one frame from each of N clusters of similar frames."""

from typing import NamedTuple

import numpy as np

from rungs.seeds import derive_seed
from rungs.workflow.packages import require

MAX_CLUSTERS = 2000
"""More frames than this are gathered into so many groups before the tree is built."""
KEPT_VARIANCE = 0.99
"""Share of the descriptors' variance that principal components keep."""


class ClusterTree(NamedTuple):
    """A hierarchy of clusters, which holds a division into N clusters for every N."""

    cluster_of: dict[str, int]
    """The smallest cluster, 0 to C - 1, of each frame id."""
    merges: np.ndarray
    """(C - 1, 4) as SciPy's ``linkage`` gives it: the two clusters that are joined, their distance
    and the number of smallest clusters in the new one, which is C + the row's number."""


def build_tree(frame_ids: list[str], descriptors: np.ndarray, seed: int) -> ClusterTree:
    """Cluster frames by their descriptors, as DIRECT sampling does (Qi et al., npj Comput. Mater.
    10, 43 (2024)), but hierarchically: Ward's tree holds every number of clusters at once, so that
    subsets drawn from it are nested.

    Features are standardised and reduced to principal components. Beyond :data:`MAX_CLUSTERS`
    frames, k-means gathers them first and the tree joins its centres.

    Args:
        frame_ids: n ids.
        descriptors: (n, d) features.
        seed: of k-means.

    Raises:
        StudyError: when the packages of diverse subsets are missing.
    """
    require("diverse", "sampling: diverse")
    from scipy.cluster.hierarchy import ward
    from scipy.spatial.distance import pdist
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    order = np.argsort(frame_ids)
    n_frames = len(order)
    features = StandardScaler().fit_transform(descriptors[order].astype(np.float64))
    points = features
    if n_frames > 1 and features.any():
        points = PCA(n_components=KEPT_VARIANCE, svd_solver="full").fit_transform(features)
    labels = np.arange(n_frames)
    if n_frames > MAX_CLUSTERS:
        random = derive_seed(seed, "clusters") % 2**32
        kmeans = MiniBatchKMeans(MAX_CLUSTERS, random_state=random, batch_size=4096, n_init=1)
        # Clusters that stayed empty, as equal frames leave them, are no clusters.
        kept, labels = np.unique(kmeans.fit_predict(points), return_inverse=True)
        points = kmeans.cluster_centers_[kept]
    merges = ward(pdist(points)) if len(points) > 1 else np.empty((0, 4))
    names = np.asarray(frame_ids, dtype=object)[order].tolist()
    return ClusterTree(dict(zip(names, labels.tolist(), strict=True)), merges)


def draw_from_clusters(tree: ClusterTree, seed: int) -> list[str]:
    """An order of the frames of which, for every N up to the number of smallest clusters, the
    first N frames are one from each of the N clusters of the tree. Then every smallest cluster
    gives a second frame, a third, and so on while it has any.

    Within a cluster frames come at random. The order depends on the tree, the ids and ``seed``
    alone.
    """
    ids = sorted(tree.cluster_of)
    draws = np.array([derive_seed(seed, "diverse", name) for name in ids])
    cluster = np.array([tree.cluster_of[name] for name in ids])
    by_cluster = np.lexsort((draws, cluster))
    n_in = np.bincount(cluster)
    starts = np.cumsum(n_in) - n_in
    turn = np.empty(len(ids), dtype=np.int64)
    turn[by_cluster] = np.arange(len(ids)) - np.repeat(starts, n_in)
    place = _places(draws[by_cluster[starts]], tree.merges)
    return [ids[i] for i in np.lexsort((place[cluster], turn))]


def _places(draws: np.ndarray, merges: np.ndarray) -> np.ndarray:
    """(C,) the place in the order of each smallest cluster's first frame.

    A cluster is stood for by the smallest draw in it. Undoing a merge, the last one first, one half
    keeps the frame that stood for the whole and the other half brings its own.

    Args:
        draws: (C,) the smallest draw in each smallest cluster.
        merges: (C - 1, 4) of :class:`ClusterTree`.
    """
    stands = list(range(len(draws)))
    newcomers = []
    for first, second in merges[:, :2].astype(np.int64).tolist():
        a, b = stands[first], stands[second]
        kept, new = (a, b) if draws[a] < draws[b] else (b, a)
        stands.append(kept)
        newcomers.append(new)
    places = np.empty(len(draws), dtype=np.int64)
    places[[stands[-1], *reversed(newcomers)]] = np.arange(len(draws))
    return places
