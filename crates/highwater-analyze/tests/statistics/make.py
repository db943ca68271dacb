#!/usr/bin/env python3
"""Makes values.json, which the functions of src/statistics are compared with: python3 make.py > values.json (scipy 1.11 or later)."""

import json

import numpy
from scipy import special, stats

random = numpy.random.default_rng(5)


def rows(function, arguments):
    return [[*map(float, row), float(function(*row))] for row in arguments]


z = [-6.0, -1.96, -0.5, 0.0, *numpy.linspace(0.1, 37.0, 24)]
binomials = [
    (k, n, p)
    for n in (1, 2, 9, 10, 100, 5000)
    for p in (1e-6, 0.03, 0.3, 0.5, 0.61, 0.97)
    for k in sorted({0, n // 7, n // 3, n // 2, n - 1})
    if stats.binom.cdf(k, n, p) > 1e-290
]
many = [(round(n * p + d * (n * p * (1 - p)) ** 0.5), n, p)
        for n in (1 << 20, 1 << 24, 1 << 30) for p in (0.3, 0.5, 0.8) for d in (-2.0, -0.5, 0.0, 1.0)]
gammas = [(a, p) for a in (0.02, 0.35, 0.9, 1.0, 1.35, 4.0, 30.5, 999.0, 2e5)
          for p in (1e-6, 0.014, 0.036, 0.5, 0.975, 0.986) if stats.gamma.ppf(p, a) > 1e-290]
freedoms = (1.0, 1.5, 4.0, 7.3, 38.0, 900.0, 2e5)
positive = [0.02, 0.3, 0.5, 1.0, 1.7, 2.0, 5.5, 9.99, 10.0, 31.4, 400.0, 1e6, *numpy.linspace(0.1, 12.0, 12)]
families = [[0.03], [0.01, 0.04, 0.03, 0.005], [0.2, 0.2, 0.2, 0.01], list(random.uniform(size=40)),
            list(random.uniform(size=200) ** 4), [0.0, 0.0, 1.0, 0.5]]

print(json.dumps({
    "normal_beyond": rows(stats.norm.sf, [(it,) for it in z]),
    "normal_two_sided": rows(lambda it: 2 * stats.norm.sf(abs(it)), [(it,) for it in z]),
    "normal_quantile": rows(stats.norm.ppf, [(it,) for it in numpy.linspace(0.001, 0.999, 31)]),
    "gamma_quantile": rows(lambda a, p: stats.gamma.ppf(p, a), gammas),
    "binomial_at_most": rows(stats.binom.cdf, binomials),
    "binomial_at_most_of_many": rows(stats.binom.cdf, many),
    "t_two_sided": rows(lambda t, v: 2 * stats.t.sf(t, v), [(t, v) for v in freedoms for t in (0.1, 1.0, 2.5, 6.0, 30.0)
                                                            if stats.t.sf(t, v) > 1e-250]),
    "t_quantile": rows(lambda p, v: stats.t.isf(p / 2, v), [(p, v) for v in freedoms for p in (0.4, 0.05, 1e-3, 1e-6)]),
    "digamma": rows(special.digamma, [(it,) for it in positive]),
    "trigamma": rows(lambda it: special.polygamma(1, it), [(it,) for it in positive]),
    "q_values": [[list(map(float, p)), list(map(float, stats.false_discovery_control(p)))] for p in families],
}, indent=None, separators=(",", ":")).replace("],", "],\n"))
