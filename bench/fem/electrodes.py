"""The data and their gradient that bench/electrodes.ts times, by SciPy: one sample at a time, assembled, factored and solved.

The folder that is given holds the arrays of the system; the results and the milliseconds a sample are printed as JSON."""
import json
import sys
import time
import numpy as np
import scipy
from scipy.sparse import csc_matrix, csr_matrix
from scipy.sparse.linalg import splu

folder = sys.argv[1]
meta = json.load(open(folder + "/meta.json"))
read = lambda name, kind: np.fromfile(f"{folder}/{name}", dtype=kind)
n, E, K, M, count = (meta[k] for k in ("n", "E", "K", "M", "samples"))
# Entries of the lower triangle from conductivities, and those of contacts; loads (n, K); readings (M, n K).
to_entries = csr_matrix((read("value", "f8"), read("index", "i4"), read("start", "i4")), shape=(meta["entries"], E))
contacts, rows, cols = read("contacts", "f8"), read("rows", "i4"), read("cols", "i4")
load = read("load", "f8").reshape(n, K)
reading = csr_matrix((read("rvalue", "f8"), read("rindex", "i4"), read("rstart", "i4")), shape=(M, n * K))
sigma = read("sigma", "f8").reshape(count, E)
# Both triangles in compressed columns, and where each entry goes.
off = rows != cols
r, c = np.r_[rows, cols[off]], np.r_[cols, rows[off]]
source = np.r_[np.arange(len(rows)), np.flatnonzero(off)]
order = np.lexsort((r, c))
indptr = np.r_[0, np.cumsum(np.bincount(c, minlength=n))]
indices, source = r[order], source[order]
transposed, back = to_entries.T.tocsr(), reading.T.tocsr()


def factor(s):
    values = to_entries @ s + contacts
    a = csc_matrix((values[source], indices, indptr), shape=(n, n))
    return splu(a, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def data(s):
    lu = factor(s)
    x = lu.solve(load)
    return lu, x, reading @ x.ravel()


def gradient(s):
    """Of half the sum of squares of the data."""
    lu, x, y = data(s)
    g = lu.solve((back @ y).reshape(n, K))
    outer = (g[rows] * x[cols]).sum(1) + np.where(off, (g[cols] * x[rows]).sum(1), 0)
    return -(transposed @ outer)


def milliseconds(run):
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        for s in sigma:
            run(s)
        best = min(best, (time.process_time() - start) / count * 1e3)
    return best


print(json.dumps({
    "version": scipy.__version__,
    "data": np.array([data(s)[2] for s in sigma[:2]]).ravel().tolist(),
    "gradient": gradient(sigma[0]).tolist(),
    "ms": {"data": milliseconds(data), "gradient": milliseconds(gradient)},
}))
