"""The classifier two-sample test as published with the benchmark of Lueckmann et al. (AISTATS 2021): two hidden layers of 10 D units,
ReLU, Adam, five folds, with the defaults of scikit-learn's MLPClassifier.

The argument is D; standard input holds two samples of equally many rows in double precision, one after the other, standardised by the
second. The mean accuracy is printed."""
import sys
import warnings
import numpy as np
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier

D = int(sys.argv[1])
rows = np.frombuffer(sys.stdin.buffer.read(), dtype="f8").reshape(-1, D)
labels = np.repeat([0, 1], len(rows) // 2)
warnings.filterwarnings("ignore")
network = MLPClassifier(activation="relu", hidden_layer_sizes=(10 * D, 10 * D), max_iter=10_000, solver="adam", random_state=1)
folds = KFold(n_splits=5, shuffle=True, random_state=1)
print(cross_val_score(network, rows, labels, cv=folds, scoring="accuracy").mean())
